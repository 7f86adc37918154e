"""logcat, ifconfig, ip, appops, reboot, screenrecord: what is left of a device."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from agentkit_android.shell.call import Call, ProgramError, program

FOLLOW = 0.05  # seconds between two looks for new lines
ADDRESS = "10.0.2.16"


def _line(entry: tuple[float, str, str]) -> str:
    when, tag, message = entry
    stamp = datetime.fromtimestamp(when, UTC).strftime("%m-%d %H:%M:%S.%f")[:-3]
    message = " ".join(message.splitlines())
    return f"{stamp}   900   900 I {tag}: {message}"


@program("logcat")
async def logcat(call: Call) -> int:
    """What was logged, and what is from now on until the client leaves; -d stops after the first,
    -c forgets it. Filters are taken, and not looked at."""
    phone, words = call.phone, set(call.words)
    if {"-c", "--clear"} & words:
        phone.log.clear()
        return 0
    await call.print("--------- beginning of main")
    seen = phone.logged
    for entry in list(phone.log):
        await call.print(_line(entry))
    while "-d" not in words:
        await asyncio.sleep(FOLLOW)
        new = min(phone.logged - seen, len(phone.log))
        seen = phone.logged
        for entry in list(phone.log)[-new:] if new > 0 else []:
            await call.print(_line(entry))
    return 0


@program("ifconfig")
async def ifconfig(call: Call) -> int:
    name = next(iter(call.words), "wlan0")
    if name != "wlan0":
        raise ProgramError(f"{name}: No such device")
    on = call.phone.settings.is_on("global", "wifi_on")
    await call.print("wlan0     Link encap:Ethernet  HWaddr 02:00:00:00:00:00")
    if on:
        await call.print(f"          inet addr:{ADDRESS}  Bcast:10.0.2.255  Mask:255.255.255.0")
    await call.print(f"          {'UP ' if on else ''}BROADCAST MULTICAST  MTU:1500  Metric:1")
    return 0


@program("ip")
async def ip(call: Call) -> int:
    if call.words[:1] not in (["addr"], ["address"], ["a"]):
        raise ProgramError("only ip addr is known")
    if "dev" in call.words and call.words[-1] != "wlan0":
        raise ProgramError(f'Device "{call.words[-1]}" does not exist.')
    on = call.phone.settings.is_on("global", "wifi_on")
    state = "UP" if on else "DOWN"
    await call.print(f"3: wlan0: <BROADCAST,MULTICAST> mtu 1500 qdisc mq state {state} qlen 3000")
    await call.print("    link/ether 02:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff")
    if on:
        await call.print(f"    inet {ADDRESS}/24 brd 10.0.2.255 scope global wlan0")
    return 0


@program("appops")
async def appops(call: Call) -> int:
    """`set PACKAGE OP MODE` is taken; permissions are `pm grant`."""
    return 0


@program("screenrecord", "reboot", "su")
async def refused(call: Call) -> int:
    raise ProgramError("is not possible on this phone")
