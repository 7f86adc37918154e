"""One state, three views of it: pixels, tree and commands, through the real adb and adbutils."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import adbutils
import pytest
from PIL import Image, ImageDraw

from agentkit_android.apps import HOME
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw, text, tree
from agentkit_android.screen.theme import DARK, HUES, LIGHT

ATTRIBUTES = [
    "index", "text", "resource-id", "class", "package", "content-desc", "checkable", "checked",
    "clickable", "enabled", "focusable", "focused", "scrollable", "long-clickable", "password",
    "selected", "bounds",
]  # fmt: skip
GIVEN = {
    ("com.android.intentresolver", ".Chooser"): {
        "action": "android.intent.action.SEND", "kind": "text/plain",
    }
}  # fmt: skip
SCREENS = [(app.package, name) for app in Phone().apps.values() for name in app.activities]


@pytest.fixture
def device(adb: Any, running: Any) -> adbutils.AdbDevice:
    adb("shell", "input keyevent HOME; am force-stop com.android.settings; wm size reset")
    device = adbutils.AdbClient(port=adb.port).device(adb.serial)
    for table, key, value in (
        ("global", "airplane_mode_on", "0"), ("global", "wifi_on", "1"),
        ("secure", "ui_night_mode", "1"),
    ):  # fmt: skip
        device.shell(["settings", "put", table, key, value])
    return device


def dump(device: adbutils.AdbDevice) -> ET.Element:
    return ET.fromstring(device.dump_hierarchy())


def bounds(node: ET.Element) -> tuple[int, int, int, int]:
    left, top, right, bottom = map(int, re.findall(r"\d+", node.attrib["bounds"]))
    return left, top, right, bottom


def middle(node: ET.Element) -> tuple[int, int]:
    left, top, right, bottom = bounds(node)
    return (left + right) // 2, (top + bottom) // 2


def named(root: ET.Element, name: str) -> ET.Element:
    """The node that has this text, or is described so."""
    return next(
        n for n in root.iter("node") if name in (n.attrib["text"], n.attrib["content-desc"])
    )


def tap(device: adbutils.AdbDevice, name: str) -> None:
    device.click(*middle(named(dump(device), name)))


def test_a_tap_is_seen_in_tree_pixels_settings_and_status(device: Any) -> None:
    for name in ("Settings", "Network & internet"):
        tap(device, name)
    before = device.screenshot()
    knob = next(n for n in dump(device).iter("node") if n.attrib["content-desc"] == "Airplane mode")
    assert knob.attrib["checkable"] == "true" and knob.attrib["checked"] == "false"
    tap(device, "Airplane mode")
    after, root = device.screenshot(), dump(device)
    assert named(root, "Wi-Fi") is not None
    checked = {
        n.attrib["content-desc"]: n.attrib["checked"]
        for n in root.iter("node")
        if n.attrib["class"] == "android.widget.Switch"
    }
    assert checked == {"Wi-Fi": "false", "Mobile data": "true", "Airplane mode": "true"}
    assert device.shell("settings get global airplane_mode_on") == "1"
    assert device.shell("settings get global wifi_on") == "0"
    left, top, right, bottom = bounds(knob)
    inside = (left + (right - left) // 4, (top + bottom) // 2)
    assert before.getpixel(inside) != after.getpixel(inside)
    assert "#{:02X}{:02X}{:02X}".format(*after.getpixel(inside)) == LIGHT["primary"]
    tap(device, "Airplane mode")  # and the radios are back
    assert device.shell("settings get global wifi_on") == "1"


def test_a_command_is_seen_in_tree_and_pixels(device: Any) -> None:
    device.shell("am start -a android.settings.BLUETOOTH_SETTINGS")
    device.shell("svc bluetooth enable")
    one, on = device.screenshot(), named(dump(device), "Use Bluetooth")
    device.shell("svc bluetooth disable")
    other, off = device.screenshot(), dump(device)
    assert on is not None and one.tobytes() != other.tobytes()
    states = [n.attrib["checked"] for n in off.iter("node") if n.attrib["checkable"] == "true"]
    assert states == ["false"]
    device.shell("settings put secure ui_night_mode 2")
    dark = device.screenshot().getpixel((5, 2000))
    assert "#{:02X}{:02X}{:02X}".format(*dark) == DARK["surface"]


def test_the_phone_says_who_is_in_front(device: Any) -> None:
    device.app_start("com.android.contacts")
    current = device.app_current()
    assert current.package == "com.android.contacts"
    assert "com.android.contacts/.People" in device.shell("dumpsys activity activities")
    tap(device, "Ben Okafor")
    assert "Ben Okafor" in device.dump_hierarchy() and "0102" in device.dump_hierarchy()
    device.keyevent("BACK")
    assert "Aisha Rahman" in device.dump_hierarchy()
    device.keyevent(3)
    assert device.app_current().package == HOME
    assert device.shell2("am start -n com.none/.Main").returncode == 1


def test_a_list_scrolls_to_its_end_and_no_further(device: Any) -> None:
    device.app_start("com.android.contacts")
    for _ in range(9):
        device.swipe(500, 1800, 500, 600, 0.2)
    root = dump(device)
    shown = [n.attrib["text"] for n in root.iter("node") if n.attrib["text"]]
    assert "Samuel Osei" in shown and "Aisha Rahman" not in shown
    tap(device, "Samuel Osei")
    assert "+1 555 010 0120" in device.dump_hierarchy()
    device.keyevent("BACK")
    assert "Samuel Osei" in device.dump_hierarchy(), "the list went back to its top"


def test_a_seek_bar_takes_the_place_of_the_tap(device: Any) -> None:
    device.shell("am start -n com.android.settings/.Brightness")
    left, top, right, bottom = bounds(named(dump(device), "Display brightness"))
    device.click(right - 1, (top + bottom) // 2)
    assert device.brightness_value == 255
    device.click((left + right) // 2, (top + bottom) // 2)
    assert 126 <= device.brightness_value <= 129


def test_what_adbutils_asks_is_answered(device: Any) -> None:
    assert tuple(device.window_size()) == (1080, 2400)
    assert device.rotation() == 0 and device.is_screen_on()
    assert "com.android.settings" in device.list_packages()
    info = device.app_info("com.android.contacts")
    assert info.version_name == "1.0" and info.version_code == 1
    assert device.app_info("com.none") is None
    assert device.battery().level == 87
    assert device.screenshot(display_id=0).size == (1080, 2400)
    assert device.framebuffer().size == (1080, 2400)
    device.shell("wm size 720x1520")
    assert tuple(device.window_size()) == (720, 1520) == device.screenshot().size
    device.app_start("com.android.contacts")
    device.app_stop("com.android.contacts")
    assert device.app_current().package == HOME


def test_every_capture_shows_the_same(device: Any, adb: Any, running: Any) -> None:
    device.app_start("com.android.contacts")
    png = adb("exec-out", "screencap -p").stdout
    adb("shell", "screencap -p /sdcard/shot.png")
    assert running.phone.files.read("/sdcard/shot.png") == png
    image = Image.open(io.BytesIO(png))
    assert image.tobytes() == device.framebuffer().convert("RGB").tobytes()
    raw = adb("exec-out", "screencap").stdout
    assert raw[16:] == image.convert("RGBA").tobytes()


def test_a_screen_that_is_off_shows_and_takes_nothing(device: Any) -> None:
    device.keyevent("SLEEP")
    try:
        assert not device.is_screen_on()
        assert device.screenshot().getcolors() == [(1080 * 2400, (0, 0, 0))]
        assert not list(dump(device))
        device.click(540, 300)
        device.keyevent("HOME")
    finally:
        device.keyevent("WAKEUP")
    assert device.app_current().package == HOME and list(dump(device))


@pytest.mark.parametrize(
    "words", ["tap 5", "tap a b", "tap 1e99 4", "tap nan 4", "swipe 1 2 3", "fly"]
)
def test_bad_input_is_refused(device: Any, words: str) -> None:
    assert device.shell2(f"input {words}").returncode != 0


def test_taps_outside_the_screen_hit_nothing(device: Any) -> None:
    before = device.dump_hierarchy()
    for x, y in ((-5, -5), (5000, 5000), (540, 2399)):
        device.shell(f"input tap {x} {y}")
    assert device.dump_hierarchy() == before


@pytest.mark.parametrize(("package", "name"), SCREENS)
@pytest.mark.parametrize("size", [(1080, 2400), (720, 1520)])
def test_a_screen_holds_together(package: str, name: str, size: tuple[int, int]) -> None:
    """Bounds inside the screen and the parent, every attribute in order, every clickable node hit
    in its middle, and something drawn wherever there is a text."""
    from agentkit_android.screen.layout import hit

    phone = Phone()
    phone.resize(*size, 420 if size[0] == 1080 else 280)
    for permission in phone.apps[package].permissions:
        phone.grant(package, permission)
    assert phone.start(package, name, GIVEN.get((package, name)))
    scene = phone.scene()
    assert not phone.plain.dialogs, "it crashed"
    image = draw.image(scene)
    assert image.size == size and scene.root is not None

    def look(node: ET.Element, outer: tuple[int, int, int, int]) -> None:
        assert list(node.attrib) == ATTRIBUTES
        left, top, right, bottom = inner = bounds(node)
        assert outer[0] <= left < right <= outer[2] and outer[1] <= top < bottom <= outer[3]
        if node.attrib["text"]:
            assert len(image.crop(inner).getcolors(10_000) or [0] * 9) > 2, node.attrib["text"]
        if node.attrib["clickable"] == "true":
            assert scene.root is not None
            found = hit(scene.root, *middle(node))
            assert found is not None and found.seen == inner
        for child in node:
            look(child, inner)

    root = ET.fromstring(tree.xml(scene))
    assert root.tag == "hierarchy" and root.attrib == {"rotation": "0"}
    look(root[0], (0, 0, *size))


@pytest.mark.slow
def test_the_same_actions_give_the_same_phone() -> None:
    def play(phone: Phone) -> list[tuple[bytes, str]]:
        seen = []
        for number in range(20):
            phone.tap(37 * number % 1080, 61 * number % 2400)
            if number % 7 == 6:
                phone.press("BACK")
            if number % 10 == 9:
                phone.press("HOME")
            if number % 5 == 4:
                phone.swipe((500, 1500), (500, 900))
            seen.append((draw.png(phone.scene()), tree.xml(phone.scene())))
        return seen

    first = play(Phone())
    assert first == play(Phone())
    assert len({x for _, x in first}) > 5, "the play went nowhere"


def test_odd_texts_make_a_tree_and_pixels(make_phone: Callable[..., Any]) -> None:
    phone = Phone()
    name = "A<b>&\"'\x1b " + "long " * 500 + "김민수 🙂 مرحبا"
    phone.databases["com.android.contacts"].execute(
        "UPDATE people SET name = ? WHERE _id = 1", [name]
    )
    phone.start("com.android.contacts", ".People")
    root = ET.fromstring(tree.xml(phone.scene()))
    told = next(n.attrib["text"] for n in root.iter("node") if n.attrib["text"].startswith("A<b>&"))
    assert told.startswith("A<b>&\"'.") and told.endswith("김민수 🙂 مرحبا")
    assert draw.png(phone.scene())


@pytest.mark.parametrize("name", ["plus", "microphone", "home", "dots-vertical"])
def test_icons_stand_in_the_middle(name: str) -> None:
    page = Image.new("L", (200, 200), 0)
    code = chr(text.icons()[name])
    ImageDraw.Draw(page).text((100, 100), code, fill=255, font=text.font("icons", 96), anchor="mm")
    left, top, right, bottom = page.getbbox()  # type: ignore[misc]
    assert abs(left + right - 200) <= 4 and abs(top + bottom - 200) <= 16


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("on-surface", "surface"), ("on-surface-variant", "surface"), ("primary", "surface"),
        ("on-primary", "primary"), ("on-surface", "surface-container"),
        ("on-primary-container", "primary-container"), ("disabled", "surface"),
        ("on-secondary-container", "secondary-container"), ("error", "surface"),
        ("on-error", "error"), ("inverse-on-surface", "inverse-surface"),
        ("on-surface", "surface-container-high"), ("on-surface-variant", "surface-container-high"),
        ("on-surface-variant", "surface-container"), ("primary", "surface-container-high"),
        ("on-surface-variant", "secondary-container"), ("primary", "surface-container"),
    ],
)  # fmt: skip
def test_colours_can_be_read(theme: dict[str, str], ink: str, ground: str) -> None:
    light, dark = sorted((_luminance(theme[ink]), _luminance(theme[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_white_can_be_read_on_every_hue() -> None:
    for shade in {*HUES, *(app.hue for app in Phone().apps.values())}:
        assert 1.05 / (_luminance(shade) + 0.05) >= 4.5, shade
