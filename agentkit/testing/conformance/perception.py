"""PE: perceptions."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from agentkit.capabilities import Image, Seen
from agentkit.errors import AgentkitError, DataError
from agentkit.testing.conformance.base import Conformance

TEXT = "HELLO WORLD"
SIZE = (320, 120)  # width, height


class PerceptionConformance(Conformance):
    """Give `toml` or `make()`. pictures: drawn with Pillow unless you give others."""

    noun = "perception"

    def pictures(self) -> Sequence[Image]:
        """Two different pictures of SIZE; the first shows TEXT."""
        return [draw(TEXT), draw("42")]

    def see(self, *images: Image) -> list[Seen]:
        seen: list[Seen] = self.part.see(images)
        return seen

    def test_pe01_one_result_a_picture(self) -> None:
        """In order, each what the picture gives alone; none for none."""
        first, second = self.pictures()
        batch = self.see(first, second)
        assert len(batch) == 2 and _plain(batch[0]) != _plain(batch[1])
        assert _plain(self.see(second)[0]) == _plain(batch[1])
        assert [_plain(s) for s in self.see(second, first)] == [_plain(s) for s in batch[::-1]]
        assert self.see() == []

    def test_pe02_boxes_are_in_the_picture(self) -> None:
        """Half-open boxes with an inside, within the picture; confidence from 0 to 1."""
        for seen in self.see(*self.pictures()):
            for block in seen.blocks:
                box = block.box
                assert 0 <= box.left < box.right <= SIZE[0], f"{box} leaves the picture"
                assert 0 <= box.top < box.bottom <= SIZE[1], f"{box} leaves the picture"
                assert 0 <= block.confidence <= 1 and block.label

    def test_pe03_it_reads_where_it_says_so(self) -> None:
        """With reads_text, the text of a plain picture is in its blocks."""
        if not self.part.info.reads_text:
            return
        text = " ".join(block.text for block in self.see(self.pictures()[0])[0].blocks)
        assert "".join(text.upper().split()) == "".join(TEXT.split()), f"read {text!r}"

    def test_pe04_tokens_see_what_they_say(self) -> None:
        """With gives_tokens, one box a vector, all of them together covering the picture."""
        for seen in self.see(*self.pictures()):
            if not self.part.info.gives_tokens:
                assert seen.tokens is None, "gives tokens that are not declared"
                continue
            assert seen.tokens is not None and len(seen.tokens.values) == len(seen.tokens.sees) > 0
            boxes = seen.tokens.sees
            assert min(b.left for b in boxes) <= 0 and min(b.top for b in boxes) <= 0
            assert max(b.right for b in boxes) >= SIZE[0]
            assert max(b.bottom for b in boxes) >= SIZE[1]

    def test_pe05_a_broken_picture_is_named(self) -> None:
        """DataError with the index of the picture that cannot be decoded."""
        good = self.pictures()[0]
        for data in (b"", b"not a picture", good.data[: len(good.data) // 3]):
            try:
                self.see(good, Image(data))
            except DataError as error:
                assert "1" in error.message, f"the index is not in {error.message!r}"
                continue
            raise AssertionError(f"something was seen in {len(data)} broken bytes")

    def test_pe06_modes_are_those_it_names(self) -> None:
        """Every mode works, another is refused."""
        picture = self.pictures()[0]
        for mode in self.part.info.modes:
            assert len(self.part.see([picture], mode=mode)) == 1
        try:
            self.part.see([picture], mode="surely-unknown")
        except (AgentkitError, ValueError):
            return
        raise AssertionError("an unknown mode was taken")


def draw(text: str) -> Image:
    """Black on white, large enough to be read easily."""
    from PIL import Image as Pictures
    from PIL import ImageDraw, ImageFont

    picture = Pictures.new("RGB", SIZE, "white")
    ImageDraw.Draw(picture).text((20, 35), text, fill="black", font=ImageFont.load_default(40))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return Image(buffer.getvalue())


def _plain(seen: Seen) -> Any:
    tokens = seen.tokens
    values = (
        None if tokens is None else [[round(float(v), 4) for v in row] for row in tokens.values]
    )
    return seen.blocks, values, None if tokens is None else tokens.sees
