"""Camera: pictures and clips are files; another app gets the one that it asked for."""

from __future__ import annotations

import io

import pytest
from hands import explore, tap, texts, untranslated
from PIL import Image

from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, send
from agentkit_android.screen.views import View

PACKAGE = "com.android.camera2"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    for name in ("CAMERA", "RECORD_AUDIO"):
        made.grant(PACKAGE, f"android.permission.{name}")
    made.start(PACKAGE, ".Camera")
    return made


def names(phone: Phone) -> list[str]:
    return [
        name for name, _ in phone.files.list("/sdcard/DCIM/Camera") if name[:3] in ("IMG", "VID")
    ]


def test_a_photo_is_a_file_that_looks_like_the_viewfinder(phone: Phone) -> None:
    had = len(names(phone))
    finder = draw.image(phone.scene()).crop((100, 600, 980, 1500)).resize((44, 45))
    tap(phone, "Take photo")
    made = sorted(names(phone))[-1]
    assert len(names(phone)) == had + 1 and made.startswith("IMG_20231015_1534")
    with Image.open(io.BytesIO(phone.files.read(f"/sdcard/DCIM/Camera/{made}"))) as image:
        assert image.format == "JPEG" and image.size == (720, 960)
        assert str(image.getexif()[306]).startswith("2023:10:15 15:34")
        tones = {tuple(c // 32 for c in p) for p in image.resize((44, 58)).get_flattened_data()}
    seen = [tuple(c // 32 for c in p) for p in finder.get_flattened_data()]
    assert sum(p in tones for p in seen) > 0.8 * len(seen), "it is another view"
    tap(phone, "Switch camera", "Take photo")
    assert len(names(phone)) == had + 2


def test_the_timer_waits(phone: Phone) -> None:
    had = len(names(phone))
    tap(phone, "Timer: Off", "3 seconds", "Take photo")
    assert len(names(phone)) == had
    phone.pass_time(4)
    assert len(names(phone)) == had + 1


def test_a_clip_moves_and_is_kept_when_one_leaves(phone: Phone) -> None:
    tap(phone, "Video", "Start recording")
    phone.pass_time(6)
    phone.press("BACK")
    clip = next(n for n in names(phone) if n.startswith("VID"))
    with Image.open(io.BytesIO(phone.files.read(f"/sdcard/DCIM/Camera/{clip}"))) as image:
        assert image.format == "GIF" and 5 <= image.n_frames <= 9  # type: ignore[attr-defined]


def test_without_the_permission_there_is_no_picture() -> None:
    phone = Phone()
    phone.start(PACKAGE, ".Camera")
    assert [d.kind for d in phone.plain.dialogs] == ["permission"]
    phone.act("answer", value="deny")
    assert "Allow access" in texts(phone) and "Take photo" not in texts(phone)
    tap(phone, "Allow access")
    phone.act("answer", value="allow")
    assert "Take photo" in texts(phone)


def test_another_app_is_given_the_picture_that_it_asked_for(phone: Phone) -> None:
    asking = App("com.example.asks", "Asks", "#000000")
    ask = send("android.media.action.IMAGE_CAPTURE", result="got")

    @asking.screen(".Main")
    def main(see: See) -> View:
        return ui.page("Asks", ui.row("Take one", see.get("got"), tap=ask))

    @asking.on("got")
    def got(do: Do) -> None:
        do.put("got", do.args["data"])

    phone.apps["com.example.asks"] = asking
    phone.add_database("com.example.asks")
    phone.start("com.example.asks", ".Main")
    tap(phone, "Take one", "Take photo", "Retake", "Take photo", "Done")
    path = next(t for t in texts(phone) if t.startswith("file://"))
    assert phone.files.exists(path.removeprefix("file://"))
    assert phone.send(Intent("android.media.action.VIDEO_CAMERA"))
    assert "Start recording" in texts(phone)


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=120)
    assert {(".Camera", "timer"), (".Settings", "size")} <= seen
    assert not missing
