"""Gallery: it shows the files that exist, and what it does is done to the files."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hands import explore, fill, find, tap, texts, untranslated
from PIL import Image

from agentkit_android.apps import media
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw
from agentkit_android.screen.acts import Intent

pytestmark = pytest.mark.slow

PACKAGE = "com.android.gallery3d"
HOLIDAY = "/sdcard/Pictures/Holiday"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.start(PACKAGE, ".Main")
    return made


def test_a_picture_comes_and_goes_by_adb(adb: Any, running: Any, tmp_path: Any) -> None:
    phone = running.phone
    phone.start(PACKAGE, ".Main")
    before = draw.png(phone.scene())
    Image.new("RGB", (90, 160), "#FF0080").save(tmp_path / "pink.png")
    adb("push", str(tmp_path / "pink.png"), "/sdcard/Pictures/pink.png")
    x, y = find(phone, "pink.png")
    image = draw.image(phone.scene())
    assert draw.png(phone.scene()) != before and image.getpixel((x, y)) == (255, 0, 128)
    adb(
        "shell",
        "am start -a android.intent.action.VIEW -t image/png -d file:///sdcard/Pictures/pink.png",
    )
    assert phone.activities.front.name == ".Photo" and "pink.png" in texts(phone)
    adb("shell", "rm /sdcard/Pictures/pink.png")
    assert "This picture does not exist" in texts(phone)


def test_thrown_away_restored_and_gone_for_ever(phone: Phone) -> None:
    tap(phone, "Albums", "Holiday", "harbour.jpg", "Add to favourites", "Delete", "Move to bin")
    assert not phone.files.exists(f"{HOLIDAY}/harbour.jpg") and "harbour.jpg" not in texts(phone)
    assert not phone.databases[PACKAGE].rows("SELECT * FROM favourites")
    phone.press("BACK")
    tap(phone, "Bin", "Restore")
    assert phone.files.exists(f"{HOLIDAY}/harbour.jpg") and "The bin is empty" in texts(phone)
    phone.press("BACK")
    phone.swipe((500, 1500), (500, 600))
    tap(phone, "Holiday", "harbour.jpg", "Delete", "Move to bin")
    phone.press("BACK")
    tap(phone, "Bin", "Empty the bin", "android:id/button1")
    assert not [p for p, s in phone.files.walk("/sdcard/Pictures/.trash/.") if not s.is_folder]


def test_several_are_moved_to_a_new_album(phone: Phone) -> None:
    phone.hold(*find(phone, "IMG_20231014_091207.jpg"))
    tap(phone, "IMG_20231014_091544.jpg")
    assert "2 selected" in texts(phone)
    tap(phone, "Move to album", "New album")
    fill(phone, album="Best of")
    tap(phone, "Create")
    inside = [name for name, _ in phone.files.list("/sdcard/Pictures/Best of")]
    assert inside == ["IMG_20231014_091207.jpg", "IMG_20231014_091544.jpg"]
    assert not phone.files.exists("/sdcard/DCIM/Camera/IMG_20231014_091207.jpg")


def test_an_edit_is_done_to_the_pixels_of_a_copy(phone: Phone) -> None:
    tap(phone, "Albums", "Holiday", "village.jpg", "Edit", "Rotate left", "Black and white")
    tap(phone, "Brighter", "Undo", "Save copy")
    with Image.open(io.BytesIO(phone.files.read(f"{HOLIDAY}/village_1.jpg"))) as made:
        assert made.size == (640, 480)
        r, g, b = made.getpixel((100, 100))  # type: ignore[misc]
        assert abs(r - g) < 4 and abs(g - b) < 4
    with Image.open(io.BytesIO(phone.files.read(f"{HOLIDAY}/village.jpg"))) as old:
        assert old.size == (480, 640), "the original is as it was"
    tap(phone, "More options", "Rename")
    fill(phone, stem="harbour")
    tap(phone, "Save")
    assert "This name is taken" in texts(phone, every=True)


def test_search_and_pick(phone: Phone) -> None:
    fill(phone, query="light")
    assert "lighthouse.jpg" in texts(phone) and "village.jpg" not in texts(phone)
    assert phone.send(Intent("android.intent.action.PICK", kind="image/*"))
    assert "Choose a picture" in texts(phone)


def test_what_is_no_picture_harms_nothing(phone: Phone) -> None:
    phone.files.write("/sdcard/Pictures/bad.jpg", b"\xff\xd8\xff nothing")
    phone.files.write("/sdcard/Pictures/bad.gif", b"GIF89a")
    phone.files.write("/sdcard/Pictures/.hidden.jpg", b"x")
    draw.png(phone.scene())
    assert {"bad.jpg", "bad.gif"} <= set(texts(phone)) and ".hidden.jpg" not in texts(phone)
    tap(phone, "bad.jpg")
    draw.png(phone.scene())
    tap(phone, "Edit", "Rotate left")
    assert "This picture does not exist" in texts(phone)
    assert media.picture(b"").width == 0


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=200)
    assert {(".Main", "album"), (".Main", "move"), (".Photo", "details"), (".Photo", "rename"),
            (".Edit",), (".Photo", "delete")} <= seen  # fmt: skip
    assert not missing
