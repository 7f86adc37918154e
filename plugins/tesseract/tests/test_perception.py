"""Lines in several scripts, with the script found by itself or the language said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

import agentkit
from agentkit.capabilities import Image
from agentkit.errors import ConfigError, UsageError
from agentkit.testing.conformance import PerceptionConformance
from agentkit_tesseract.program import check, installed
from agentkit_tesseract.scripts import MODELS, models_of

pytestmark = pytest.mark.slow

DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
NANUM = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"
ENGLISH = ("The harbour opens at six in the morning", "and closes when the last boat is in.")
KOREAN = ("항구는 아침 여섯 시에 문을 연다", "패키지 관리자는 프로그램을 설치한다")
RUSSIAN = ("Гавань открывается в шесть часов утра", "и закрывается вечером после захода солнца")


class TestTesseract(PerceptionConformance):
    toml = '[perceptions.part]\nuse = "tesseract"\nlanguages = ["eng"]'


def page(lines: tuple[str, ...], font: str = DEJAVU) -> Pictures.Image:
    picture = Pictures.new("RGB", (1100, 90 * len(lines) + 60), "white")
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((40, 40 + 90 * number), line, "black", ImageFont.truetype(font, 40))
    return picture


def image(picture: Pictures.Image) -> Image:
    from io import BytesIO

    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return Image(buffer.getvalue())


@pytest.fixture(scope="module")
def reader() -> Iterator[Any]:
    with agentkit.load(environ={}) as kit:
        yield kit.part("perception", "tesseract")


def texts(reader: Any, *pictures: Pictures.Image, mode: str = "") -> list[list[str]]:
    seen = reader.see([image(one) for one in pictures], mode=mode)
    return [[block.text for block in one.blocks] for one in seen]


@pytest.mark.parametrize("lines", [ENGLISH * 2, RUSSIAN * 2], ids=["Latin", "Cyrillic"])
def test_its_script_is_found(reader: Any, lines: tuple[str, ...]) -> None:
    assert texts(reader, page(lines)) == [list(lines)]


def test_korean_keeps_its_blanks(reader: Any) -> None:
    with agentkit.load(environ={}) as kit:
        kit.define("perception", "korean", use="tesseract", languages=["kor"])
        korean = kit.part("perception", "korean")
        lines = [page((line,), NANUM) for line in KOREAN]
        assert texts(korean, *lines, mode="line") == [[line] for line in KOREAN]


def test_lines_of_one_page_have_one_script(reader: Any) -> None:
    lines = [page((line,)) for line in RUSSIAN * 3]
    assert texts(reader, *lines, mode="line") == [[line] for line in RUSSIAN * 3]


def test_boxes_lie_on_the_ink(reader: Any) -> None:
    (seen,) = reader.see([image(page(ENGLISH))])
    for number, block in enumerate(seen.blocks):
        box = block.box
        assert abs(box.left - 40) < 8 and 40 + 90 * number < box.top < box.bottom < 95 + 90 * number


def test_a_blank_page_has_no_lines(reader: Any) -> None:
    assert texts(reader, Pictures.new("RGB", (400, 300), "white")) == [[]]


def test_what_is_not_there_is_named() -> None:
    with agentkit.load(environ={}) as kit:
        kit.define("perception", "odd", use="tesseract", languages=["xyz"])
        with pytest.raises(ConfigError, match="no language xyz"):
            kit.part("perception", "odd")
        kit.define("perception", "none", use="tesseract", command="no-such-program")
        with pytest.raises(ConfigError, match="no-such-program"):
            kit.part("perception", "none")
        with pytest.raises(UsageError, match="no mode"):
            kit.part("perception", "tesseract").see([], mode="odd")


def test_models_of_a_script() -> None:
    assert models_of("Cyrillic", ("rus", "eng", "ukr")) == ("rus", "ukr", "eng")
    assert models_of("Cyrillic", ("rus", "script/Cyrillic")) == ("script/Cyrillic",)
    assert models_of("Hangul", ("Hangul", "kor", "eng")) == ("kor", "eng")
    assert models_of("Latin", ("eng",)) == ("eng",)
    assert models_of("Cherokee", ("eng",)) == () and models_of("Odd", ("eng",)) == ()
    assert all(names for names in MODELS.values())


def test_the_doctor_counts_models() -> None:
    assert check() == f"{len(installed('tesseract'))} models"
