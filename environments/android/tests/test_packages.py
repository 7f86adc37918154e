"""Packages: installed by the real adb, listed, kept over resets and restarts, and removed."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import uiautomator2

from agentkit_android.client.inside import InsideTransport
from agentkit_android.client.transport import must, run
from agentkit_android.device import apk, packages
from agentkit_android.phone.phone import Phone

APK = Path(uiautomator2.__file__).parent / "assets" / "app-uiautomator.apk"
NAME = "com.github.uiautomator"


def test_the_manifest_of_a_real_package_is_read() -> None:
    found = apk.read(APK.read_bytes())
    assert found.name == NAME and found.code > 0 and found.version


def zipped(manifest: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("AndroidManifest.xml", manifest)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"PK\x03\x04", zipped(b""), zipped(b"\x03\x00\x08\x00" + b"\x00" * 40),
        zipped(struct.pack("<HHI", 3, 8, 8) + struct.pack("<HHI", 0x102, 16, 0xFFFFFFF0)),
        APK.read_bytes()[:5000],
    ],
)  # fmt: skip
def test_what_is_no_package_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="package"):
        apk.read(data)


def test_it_stays_over_resets_and_snapshots() -> None:
    transport = InsideTransport(Phone())
    before = must(transport, "simulator", "snapshot").strip()
    transport.phone.files.write("/sdcard/a.apk", APK.read_bytes())
    assert must(transport, "pm", "install", "/sdcard/a.apk").strip() == "Success"
    after = must(transport, "simulator", "snapshot").strip()
    for words in (["reset"], ["restore", before], ["restore", after], ["reset"]):
        must(transport, "simulator", *words)
        assert NAME in must(transport, "pm", "list", "packages", "-3")
        assert "versionName" in must(transport, "dumpsys", "package", NAME)
    again = Phone()
    again.restore(transport.phone.snapshot())
    packages.load(again)  # as a phone that is switched on does
    assert NAME in again.apps
    assert run(transport, "pm", "uninstall", "com.android.settings").status == 1
    assert must(transport, "pm", "uninstall", NAME).strip() == "Success"
    assert NAME not in must(transport, "pm", "list", "packages")
    must(transport, "simulator", "reset")


def test_what_was_removed_since_is_there_again_with_its_data() -> None:
    transport = InsideTransport(Phone())
    phone = transport.phone
    phone.files.write("/sdcard/a.apk", APK.read_bytes())
    must(transport, "pm", "install", "/sdcard/a.apk")
    phone.databases[NAME].execute("CREATE TABLE kept (x)")
    kept, begun = must(transport, "simulator", "snapshot").strip(), phone.state_hash()
    must(transport, "pm", "uninstall", NAME)
    assert NAME not in phone.apps and NAME not in phone.databases
    must(transport, "simulator", "restore", kept)
    assert NAME in must(transport, "pm", "list", "packages", "-3")
    assert "versionName" in must(transport, "dumpsys", "package", NAME)
    assert phone.databases[NAME].rows("SELECT * FROM kept") == [] and phone.state_hash() == begun


@pytest.mark.slow
def test_adb_streams_it(adb: Any, tmp_path: Path) -> None:
    listed = "pm list packages -3"
    assert b"Success" in adb("install", str(APK)).stdout
    assert NAME.encode() in adb("shell", listed).stdout
    kept = adb("shell", "simulator snapshot").stdout.decode().strip()
    assert b"Success" in adb("uninstall", NAME).stdout
    assert NAME.encode() not in adb("shell", listed).stdout
    adb("shell", f"simulator restore {kept}")
    assert NAME.encode() in adb("shell", listed).stdout
    assert b"Success" in adb("uninstall", NAME).stdout
    (tmp_path / "no.apk").write_bytes(b"no")
    done = adb("install", str(tmp_path / "no.apk"), check=False)
    assert done.returncode and b"INSTALL_PARSE_FAILED" in done.stdout + done.stderr
