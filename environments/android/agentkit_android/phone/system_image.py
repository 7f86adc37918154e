"""What every phone is made with: properties, folders, links."""

from __future__ import annotations

BEGIN = 1697384040
"""2023-10-15 15:34 UTC: the moment at which every phone is switched on."""

PROPERTIES = {
    "ro.product.name": "agentphone",
    "ro.product.model": "Agent Phone",
    "ro.product.device": "agentphone",
    "ro.product.brand": "agentkit",
    "ro.product.manufacturer": "agentkit",
    "ro.product.board": "agentphone",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.product.cpu.abilist": "arm64-v8a,armeabi-v7a,armeabi",
    "ro.product.locale": "en-US",
    "ro.build.version.sdk": "33",
    "ro.build.version.release": "13",
    "ro.build.version.codename": "REL",
    "ro.build.id": "TQ3A.230805.001",
    "ro.build.type": "user",
    "ro.build.tags": "release-keys",
    "ro.build.characteristics": "default",
    "ro.hardware": "agentphone",
    "ro.serialno": "AGENTPHONE0001",
    "ro.boot.serialno": "AGENTPHONE0001",
    "ro.debuggable": "0",
    "ro.secure": "1",
    "ro.sf.lcd_density": "420",
    "persist.sys.timezone": "UTC",
    "sys.boot_completed": "1",
    "dev.bootcomplete": "1",
    "init.svc.bootanim": "stopped",
    "wifi.interface": "wlan0",
}
FOLDERS = (
    "/system/bin", "/system/xbin", "/vendor", "/proc", "/dev", "/mnt", "/data/app", "/data/data",
    "/data/local/tmp", "/storage/emulated/0/Alarms", "/storage/emulated/0/Android/data",
    "/storage/emulated/0/DCIM", "/storage/emulated/0/Documents", "/storage/emulated/0/Download",
    "/storage/emulated/0/Movies", "/storage/emulated/0/Music", "/storage/emulated/0/Pictures",
)  # fmt: skip
LINKS = {
    "/sdcard": "/storage/emulated/0",
    "/mnt/sdcard": "/storage/emulated/0",
    "/bin": "/system/bin",
    "/etc": "/system/etc",
}
