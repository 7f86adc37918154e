"""Older turns as pages: what is on them, how sharply, at what cost, what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pictures

import agentkit
from agentkit.capabilities import (
    Embeds,
    Image,
    LanguageModel,
    Message,
    Packed,
    Request,
    Text,
    ToolCall,
    ToolResult,
)
from agentkit.errors import ConfigError, ContextOverflow
from agentkit.kit import Kit
from agentkit.models.context import measure
from agentkit.testing.conformance import ContextConformance
from agentkit.testing.scripted import ScriptedModel
from agentkit_deepencoder.config import FULL
from agentkit_deepencoder.layout import mode_of, plan
from agentkit_deepencoder.optical.context import positions
from agentkit_deepencoder.optical.drawing import Fonts, shrunk
from agentkit_deepencoder.optical.ladder import rungs
from agentkit_deepencoder.optical.writing import Paper, drawable, lay_out, script, wrap

pytestmark = pytest.mark.slow

NANUM = Path("/usr/share/fonts/truetype/nanum/NanumGothicCoding.ttf")
PAPER = Paper(512, 22)
CODE = "def f(x):\n    if x:\n        return 'copper 4821'\n    return None"


class TestOptical(ContextConformance):
    toml = "[contexts.part]\nuse = 'optical'"


class Blind(ScriptedModel):
    """Takes text alone."""

    def __init__(self) -> None:
        super().__init__(ScriptedModel.of("yes").settings)
        from agentkit.capabilities import ModelInfo

        self.info = ModelInfo("blind", 32768)


@pytest.fixture
def kit() -> Iterator[Kit]:
    with agentkit.load(environ={}) as made:
        yield made


def optical(kit: Kit, **settings: Any) -> Any:
    kit.define("context", "mine", use="optical", **settings)
    return kit.part("context", "mine")


def talk(turns: int = 20) -> list[Message]:
    made = [Message.system("You are a clerk.")]
    for n in range(turns):
        made.append(Message.user(f"Turn {n}: the key of locker {n} is {n * 7919 % 9973}. " * 3))
        made.append(Message.assistant(f"Noted, locker {n}. " + "It was fair all day. " * 8))
    return [*made, Message.user("What is the key of locker 3?")]


def pictures(packed: Packed) -> list[Image]:
    return [p for m in packed.messages for p in m.parts if isinstance(p, Image)]


def size_of(image: Image) -> int:
    return int(Pictures.open(BytesIO(image.data)).width)


# -- what stands on a page ------------------------------------------------------------------------


def test_code_and_calls_keep_their_shape() -> None:
    call = Message.assistant("I look.", ToolCall("c", "look", {"where": "Gent – ä"}))
    assert script(4, call)[0] == '#4 assistant: I look.\ncalls look {"where": "Gent – ä"}'
    assert script(5, Message.tool(ToolResult("c", CODE)))[0] == f"#5 tool: result: {CODE}"
    failed = Message.tool(ToolResult("c", "no such place", error=True))
    assert script(6, failed)[0] == "#6 tool: error: no such place"
    seen, lost = script(7, Message.user("Look:", Image(b"")))
    assert "[a picture]" in seen and lost == ["a picture"]
    (sheet,) = lay_out([(5, CODE)], PAPER)
    assert sheet.text == CODE and set(sheet.turns) == {5}


def test_lines_are_broken_at_blanks_and_nothing_is_lost() -> None:
    text = "harbour " * 40 + "x" * 200 + "\n\n한글" * 60
    lines = list(wrap(text, 37))
    assert all(sum(2 if "가" <= c <= "힣" else 1 for c in line) <= 37 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert lines[0] == " ".join(["harbour"] * 4)


def test_what_no_font_has_is_named_and_what_cannot_be_drawn_is_left() -> None:
    fonts = Fonts()
    assert drawable("Grüße, Привет, ∑ → ✓", fonts.has) == "Grüße, Привет, ∑ → ✓"
    assert drawable("well done \N{PARTY POPPER}", lambda c: c.isascii()) == (
        "well done ‹party popper›"
    )
    assert drawable("ab\x00c\td\u200d", fonts.has) == "ab‹u+0000›c    d"
    assert drawable("שלום", fonts.has) is None
    assert drawable("𒀀𒀁𒀂𒀃" * 3, fonts.has) is None


@pytest.mark.skipif(not NANUM.exists(), reason="needs Debian's fonts-nanum")
def test_other_scripts_are_drawn_with_other_fonts() -> None:
    fonts = Fonts()
    (korean,) = lay_out([(1, "항구의 열쇠")], PAPER)
    (boxes,) = lay_out([(1, "□□□ □□")], PAPER)
    assert fonts.has("항") and fonts.which("항") != fonts.which("a")
    assert fonts.draw(korean, PAPER) != fonts.draw(boxes, PAPER)


def test_a_full_page_never_changes_and_is_the_same_picture() -> None:
    turns = [(n, f"#{n} user: line {n} of a long talk, with more words than one line") for n in
             range(60)]  # fmt: skip
    early, late = lay_out(turns[:40], PAPER), lay_out(turns, PAPER)
    assert late[: len(early) - 1] == early[:-1] and len(late) > len(early) > 2
    assert Fonts().draw(early[0], PAPER) == Fonts().draw(late[0], PAPER)
    assert size_of(Image(shrunk(Fonts().draw(early[0], PAPER), 256))) == 256


# -- the ladder -----------------------------------------------------------------------------------


def test_pages_go_down_with_age_and_with_the_budget_and_never_up() -> None:
    costs = {"base": 273, "small": 111, "tiny": 73}

    def of(pages: int, room: int) -> list[str]:
        return rungs(pages, tuple(costs), lambda _, mode: costs[mode], room)

    assert of(4, 10_000) == ["tiny", "tiny", "small", "base"]
    assert of(4, 400) == ["tiny", "tiny", "tiny", "small"]
    assert of(4, 250) == ["", "tiny", "tiny", "tiny"]
    assert of(2, 10) == ["", ""] and of(0, 10) == []
    height = {"": 0, "tiny": 1, "small": 2, "base": 3}
    for room in (100, 300, 500, 900):
        before: list[str] = []
        for pages in range(1, 12):
            now = of(pages, room)
            assert sum(costs.get(mode, 0) for mode in now) <= room
            assert all(height[b] <= height[a] for a, b in zip(before, now))
            before = now


def test_tokens_of_a_page_are_the_published_ones() -> None:
    for mode, side in (("tiny", 512), ("small", 640), ("base", 1024), ("large", 1280)):
        assert positions(side) == plan(side, side, mode_of(mode, FULL)).positions


# -- a conversation -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["pictures", "text"])
def test_every_turn_is_there_changed_or_said_to_be_left_out(kit: Kit, way: str) -> None:
    settings = {"side": 384, "size": 22, "ladder": ["base"]} if way == "text" else {}
    context, model, messages = optical(kit, way=way, **settings), ScriptedModel.of("y"), talk(5)
    whole = measure(messages, model)
    packed = context.pack(messages, whole * 2 // 3, model)
    assert packed.tokens <= whole * 2 // 3 and packed.tokens == measure(packed.messages, model)
    verbatim = [n for n, m in enumerate(messages) if m in packed.messages]
    assert sorted([*verbatim, *packed.changed, *packed.dropped]) == list(range(len(messages)))
    assert packed.messages[0] == messages[0] and packed.messages[-1] == messages[-1]
    (told,) = [m for m in packed.messages if m.text.startswith("[Earlier turns")]
    assert ("by OCR, with errors" if way == "text" else "as pictures of pages") in told.text
    assert packed.note in told.text
    assert ("left out" in packed.note) == bool(packed.dropped)


def test_older_pages_are_smaller_pictures(kit: Kit) -> None:
    context, model, messages = optical(kit, share=0.7), ScriptedModel.of("y"), talk(40)
    packed = context.pack(messages, measure(messages, model) // 2, model)
    sides = [size_of(p) for p in pictures(packed)]
    assert sides == sorted(sides) and sides[-1] == 1024 and sides[0] == 512
    assert packed.messages[1].role == "user" and pictures(packed) and not packed.dropped


def test_an_endpoint_that_cannot_count_pictures_is_counted_for(kit: Kit) -> None:
    context, model, messages = optical(kit, way="pictures"), Blind(), talk(20)
    packed = context.pack(messages, measure(messages, model) // 2, model)
    shown = pictures(packed)
    words = [Message(m.role, tuple(p for p in m.parts if not isinstance(p, Image))) for m in
             packed.messages]  # fmt: skip
    assert shown
    expected = sum(positions(size_of(p)) for p in shown) + measure(words, model)
    assert packed.tokens == expected


def test_a_page_is_read_back_with_its_indentation(kit: Kit) -> None:
    context, model = optical(kit, side=512, ladder=["base"], share=0.7), Blind()
    filler = [Message.assistant("It was fair all day long, and calm. " * 20)] * 2
    messages = [Message.user("Keep this.\n" + CODE), *filler, Message.user("What is returned?")]
    packed = context.pack(messages, measure(messages, model) * 2 // 3, model)
    assert packed.changed[0] == 0 and "copper 4821" in packed.messages[0].text
    (line,) = [x for x in packed.messages[0].text.split("\n") if "return None" in x]
    assert line.startswith("   ")


def test_pieces_are_chosen_by_the_question(kit: Kit) -> None:
    context = optical(kit, side=512, ladder=["base"], near=0, share=0.99)
    model = Blind()
    keys = {"harbour": 3811, "library": 7919, "castle": 5865, "windmill": 1930}
    turns = [
        Message.user(f"The key of the {place} is {key}. Nothing else was said of the {place}.")
        for place, key in keys.items()
    ]
    messages = [*turns, Message.user("Which key has the castle?")]
    packed = context.pack(messages, measure([messages[-1]], model) + 90, model)
    assert packed.dropped and packed.tokens <= measure([messages[-1]], model) + 90
    assert "5865" in packed.messages[0].text and "7919" not in packed.messages[0].text


def test_turns_that_cannot_be_drawn_stay_text_or_are_said_to_be_gone(kit: Kit) -> None:
    context, model = optical(kit), ScriptedModel.of("y")
    hebrew = Message.user("המפתח של הנמל הוא אדום " * 3)
    messages = talk(20)
    messages.insert(1, hebrew)
    packed = context.pack(messages, measure(messages, model) // 2, model)
    assert hebrew in packed.messages and 1 not in packed.changed
    messages[1] = Message.user("המפתח של הנמל הוא אדום " * 200)
    packed = context.pack(messages, 700, model)
    assert 1 in packed.dropped and "left out: turns 1" in packed.note


def test_a_long_last_message_is_an_error_or_pages_of_its_middle(kit: Kit) -> None:
    middle = "\n".join(f"Passage {n}: the harbour opened in {1800 + n}." for n in range(150))
    messages = [Message.user(f"Answer from these:\n{middle}\nWhen did it open?")]
    model = ScriptedModel.of("y")
    with pytest.raises(ContextOverflow, match="long_message"):
        optical(kit).pack(messages, 900, model)
    kit.define("context", "long", use="optical", long_message="pages")
    packed = kit.part("context", "long").pack(messages, 900, model)
    assert packed.tokens <= 900 and len(pictures(packed)) > 1 and packed.changed == (0,)
    assert packed.messages[-1].text.startswith("Answer from these:\n[What stood here")
    assert packed.messages[-1].text.endswith("When did it open?")


def test_what_is_set_wrongly_is_said(kit: Kit) -> None:
    with pytest.raises(ConfigError, match="no mode 'medium'"):
        optical(kit, ladder=["medium"])
    kit.define("context", "small", use="optical", side=32, size=30)
    with pytest.raises(ConfigError, match="holds 1 lines"):
        kit.part("context", "small")
    kit.define("context", "blind", use="optical", perception=None)
    with pytest.raises(ConfigError, match="takes text alone"):
        kit.part("context", "blind").pack(talk(), 300, Blind())
    kit.define("context", "tokens", use="optical", way="embeds")
    with pytest.raises(ConfigError, match="needs a perception with vision tokens"):
        kit.part("context", "tokens").pack(talk(), 300, ScriptedModel.of("y"))


class TestVisionTokens:
    """A model in this process gets the tokens themselves."""

    def packed(self, kit: Kit, folder: Path, share: int) -> tuple[Packed, LanguageModel, int]:
        kit.define("model", "ocr", use="deepencoder", checkpoint=str(folder), threads=1)
        kit.define("perception", "eye", use="deepencoder", model="ocr")
        context = optical(kit, perception="eye", side=128, size=12, margin=2, share=0.8)
        model = kit.model("ocr")
        turns = [Message.user(f"the key of locker {n} is {n * 7 % 10} and it is red") for n in
                 range(12)]  # fmt: skip
        messages = [*turns, Message.user("\nFree OCR.")]
        whole = measure(messages, model)
        return context.pack(messages, whole // share, model), model, whole // share

    def test_they_are_counted_and_taken(self, kit: Kit, folder: Path) -> None:
        packed, model, budget = self.packed(kit, folder, 2)
        shown = [p for m in packed.messages for p in m.parts if isinstance(p, Embeds)]
        assert shown and packed.tokens <= budget
        (made,) = model.generate([Request(packed.messages, max_tokens=2)])
        assert made.usage.prompt == packed.tokens
        assert packed.changed and not any(isinstance(p, Text) and "Earlier" in p.text
                                          for m in packed.messages for p in m.parts)  # fmt: skip

    def test_older_ones_are_fewer(self, kit: Kit, folder: Path) -> None:
        packed, _, _ = self.packed(kit, folder, 2)
        counts = [len(p.values) for m in packed.messages for p in m.parts if isinstance(p, Embeds)]
        assert counts == sorted(counts) and counts[0] < counts[-1]
