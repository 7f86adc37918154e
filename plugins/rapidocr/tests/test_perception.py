"""What every perception must do, and what a reader of screens and pages must."""

from __future__ import annotations

import random
import statistics
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any, ClassVar

import pytest
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFile, ImageFont

import agentkit
from agentkit.capabilities import Image
from agentkit.errors import DataError
from agentkit.testing.conformance import PerceptionConformance

pytestmark = pytest.mark.slow

LINES = (
    "Settings",
    "Wi-Fi is connected to Harbour 5",
    "Battery 87% - about 14 hours left",
    "The meeting was moved to Thursday, 16:45",
    "Total: 1,284.50 EUR for 3 nights",
)
PROSE = (
    "the harbour opens at six in morning and closes when last boat is boats that come later wait "
    "outside where water deep enough low tide nobody pays for pilot needed fog he aboard outer buoy"
).split()


class TestRapidocr(PerceptionConformance):
    toml = '[perceptions.part]\nuse = "rapidocr"'


@pytest.fixture(scope="module")
def reader() -> Iterator[Any]:
    with agentkit.load(overrides=["perceptions.ocr.use=rapidocr"]) as kit:
        yield kit.part("perception", "ocr")


def page(
    lines: tuple[str, ...] = LINES,
    size: tuple[int, int] = (1080, 2400),
    font: int = 38,
    colours: tuple[str, str] = ("black", "white"),
) -> Pictures.Image:
    picture = Pictures.new("RGB", size, colours[1])
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        place = (size[0] // 20, (number + 1) * size[1] // (len(lines) + 1))
        draw.text(place, line, fill=colours[0], font=ImageFont.load_default(font))
    return picture


def png(picture: Pictures.Image, kind: str = "PNG") -> Image:
    buffer = BytesIO()
    picture.save(buffer, kind)
    return Image(buffer.getvalue())


def words(text: str) -> str:
    return "".join(text.split())


class TestReading:
    SHAPES: ClassVar[dict[str, dict[str, Any]]] = {
        "a phone": {},
        "a small phone": {"size": (720, 1520), "font": 26},
        "a dark screen": {"colours": ("#E6E0E9", "#141218")},
        "a page": {"size": (1240, 1754), "font": 22},
    }

    @pytest.mark.parametrize("shape", SHAPES)
    def test_every_line_is_read_in_order(self, reader: Any, shape: str) -> None:
        (seen,) = reader.see([png(page(**self.SHAPES[shape]))])
        assert [words(block.text) for block in seen.blocks] == [words(line) for line in LINES]

    def test_boxes_lie_on_the_ink(self, reader: Any) -> None:
        """Each box holds its line's ink, with at most half a line's height of air around it."""
        font = ImageFont.load_default(38)
        (seen,) = reader.see([png(page())])
        for number, (block, line) in enumerate(zip(seen.blocks, LINES)):
            x, y = 1080 // 20, (number + 1) * 2400 // (len(LINES) + 1)
            ink = ImageDraw.Draw(page()).textbbox((x, y), line, font=font)
            box = (block.box.left, block.box.top, block.box.right, block.box.bottom)
            apart = [abs(side - true) for side, true in zip(box, ink)]
            assert max(apart) <= 20, f"{line!r}: {box} around {ink}"

    def test_a_blank_picture_has_no_blocks(self, reader: Any) -> None:
        assert reader.see([png(Pictures.new("RGB", (200, 200), "white"))])[0].blocks == ()

    def test_what_is_transparent_is_paper(self, reader: Any) -> None:
        glass = Pictures.new("RGBA", (500, 120), (0, 0, 0, 0))
        ImageDraw.Draw(glass).text((20, 35), "GLASS", "black", ImageFont.load_default(48))
        assert [block.text for block in reader.see([png(glass)])[0].blocks] == ["GLASS"]

    def test_a_jpeg_and_a_grey_picture_are_read(self, reader: Any) -> None:
        plain = page(("Grey harbour",), (600, 160))
        for image in (png(plain.convert("L")), png(plain, "JPEG")):
            assert [words(b.text) for b in reader.see([image])[0].blocks] == ["Greyharbour"]

    def test_a_bomb_is_refused_before_it_is_decoded(self, reader: Any) -> None:
        with pytest.raises(DataError, match=r"picture 0 is 9000 x 9000"):
            reader.see([png(Pictures.new("1", (9000, 9000)))])

    def test_a_cut_picture_is_refused_whatever_others_told_pillow(
        self, reader: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint does
        whole = png(page(("Half",), (400, 160)))
        with pytest.raises(DataError, match="picture 0"):
            reader.see([Image(whole.data[: len(whole.data) // 2])])
        assert ImageFile.LOAD_TRUNCATED_IMAGES is True

    def test_threads_share_one_reader(self, reader: Any) -> None:
        """Each thread is given what its own pictures say."""
        texts = [f"Harbour {number}" for number in range(4)]
        found: dict[str, str] = {}

        def read(text: str) -> None:
            (seen,) = reader.see([png(page((text,), (400, 160)))])
            found[text] = "".join(block.text for block in seen.blocks)

        threads = [threading.Thread(target=read, args=(text,)) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {key: words(value) for key, value in found.items()} == {t: words(t) for t in texts}


@pytest.mark.slow
def test_ten_pages_of_prose(reader: Any) -> None:
    """At most one letter of a hundred is wrong; half of the sides are within 4 pixels of the ink,
    and all of them within half a letter's height."""
    font, wrong, letters, apart = ImageFont.load_default(22), 0, 0, list[float]()
    for number in range(10):
        rng = random.Random(number)
        lines = [" ".join(rng.choice(PROSE) for _ in range(11)).capitalize() for _ in range(7)]
        picture = Pictures.new("RGB", (1240, 400), "white")
        draw = ImageDraw.Draw(picture)
        for row, line in enumerate(lines):
            draw.text((80, 40 + 44 * row), line, "black", font)
        (seen,) = reader.see([png(picture)])
        assert len(seen.blocks) == len(lines)
        for row, (block, line) in enumerate(zip(seen.blocks, lines)):
            wrong += sum(a != b for a, b in zip(block.text, line))
            wrong += abs(len(block.text) - len(line))
            letters += len(line)
            ink = draw.textbbox((80, 40 + 44 * row), line, font)
            box = (block.box.left, block.box.top, block.box.right, block.box.bottom)
            apart += [abs(side - true) for side, true in zip(box, ink)]
    assert wrong <= 0.01 * letters, f"{wrong} of {letters} letters"
    assert statistics.median(apart) <= 4 and max(apart) <= 11


def test_it_reads_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The models are in the package: nothing is resolved, nothing is fetched."""
    import socket

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with agentkit.load(
        overrides=["perceptions.ocr.use=rapidocr", "perceptions.ocr.threads=1"]
    ) as kit:
        (seen,) = kit.part("perception", "ocr").see([png(page(("Offline",), (400, 160)))])
    assert [block.text for block in seen.blocks] == ["Offline"]
