"""Several readers as one: each script by the one that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pytest
from drawing import png
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

import agentkit
from agentkit.capabilities import Block, Box, Image, PerceptionInfo, Seen
from agentkit.testing.conformance import PerceptionConformance

KOREAN = "패키지 관리자는 프로그램을 설치한다"
LATIN = "The meeting was moved to Thursday"
NANUM = "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"


@pytest.mark.slow
class TestReaders(PerceptionConformance):
    toml = '[perceptions.part]\nuse = "readers"'


class Says:
    """Stands for a reader whose confidence is known beforehand, which no real one's is."""

    def __init__(self, blocks: Sequence[Block], modes: tuple[str, ...] = ()) -> None:
        self.info = PerceptionInfo("says", modes=modes)
        self.blocks, self.asked = tuple(blocks), list[tuple[int, str]]()

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        self.asked.append((len(images), mode))
        return [Seen(self.blocks) for _ in images]


class TestWhoIsAsked:
    SURE: ClassVar = Block("sure", Box(0, 0, 90, 20), confidence=0.95)
    UNREAD: ClassVar = Block("", Box(0, 40, 90, 60), confidence=0.0)
    picture = Image(png(Pictures.new("RGB", (100, 80), "white")))

    def see(self, first: Says, second: Says) -> list[str]:
        with agentkit.load(environ={}) as kit:
            kit.add("perception", "first", first)
            kit.add("perception", "second", second)
            kit.define("perception", "both", use="readers", readers=["first", "second"])
            (seen,) = kit.part("perception", "both").see([self.picture])
            return [block.text for block in seen.blocks]

    def test_only_what_the_first_is_not_sure_of_is_read_again(self) -> None:
        first = Says([self.SURE, self.UNREAD], ("all",))
        second = Says([Block("known", Box(0, 0, 50, 20), confidence=0.8)], ("line",))
        assert self.see(first, second) == ["sure", "known"]
        assert first.asked == [(1, "all")] and second.asked == [(1, "line")]

    def test_nobody_is_asked_for_nothing(self) -> None:
        second = Says([])
        assert self.see(Says([self.SURE]), second) == ["sure"] and not second.asked

    def test_the_more_confident_text_stays(self) -> None:
        unsure = Block("first", Box(0, 0, 90, 20), confidence=0.7)
        worse = Says([Block("second", Box(0, 0, 90, 20), confidence=0.6)])
        assert self.see(Says([unsure]), worse) == ["first"]

    def test_what_nobody_reads_is_left_out(self) -> None:
        assert self.see(Says([self.UNREAD], ("all",)), Says([])) == []


@pytest.mark.slow
def test_a_page_of_two_scripts_is_read_by_the_one_that_knows_each() -> None:
    picture = Pictures.new("RGB", (900, 260), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((30, 40), LATIN, "black", ImageFont.truetype(NANUM, 36))
    draw.text((30, 140), KOREAN, "black", ImageFont.truetype(NANUM, 36))
    with agentkit.load(environ={}) as kit:
        (seen,) = kit.part("perception", "readers").see([Image(png(picture))])
    assert [block.text for block in seen.blocks] == [LATIN, KOREAN]
