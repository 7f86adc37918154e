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
from agentkit_ocr.bench.languages import Declaration, drawn
from agentkit_ocr.metrics import character_error

pytestmark = pytest.mark.slow

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

    def test_a_comma_for_a_whole_line_is_not_believed(self) -> None:
        comma = Block(",", Box(0, 0, 90, 10), confidence=0.95)
        second = Says([Block("все люди", Box(0, 0, 90, 10), confidence=0.9)], ("line",))
        assert self.see(Says([comma, self.SURE], ("all",)), second) == ["все люди", "sure"]
        mark = Block("!", Box(0, 0, 8, 20), confidence=0.95)
        assert self.see(Says([mark]), second) == ["!"]

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


# Article 1 of the Universal Declaration of Human Rights.
TEN = {
    "English": "All human beings are born free and equal in dignity and rights.",
    "Italian": "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "Dutch": "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren.",
    "Swedish": "Alla människor är födda fria och lika i värde och rättigheter.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "Japanese": "すべての人間は生れながらにして自由であり、尊厳と権利とについて平等である。",
    "Korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
}


@pytest.mark.slow
def test_ten_languages() -> None:
    errors = {}
    with agentkit.load(environ={}) as kit:
        reader = kit.part("perception", "readers")
        for language, text in TEN.items():
            one = Declaration(language, language, language == "Arabic", (text,))
            (seen,) = reader.see([Image(png(drawn(one)))])
            read = " ".join(block.text for block in seen.blocks)
            errors[language] = character_error(text, read)
    assert all(error <= 0.1 for error in errors.values()), errors
