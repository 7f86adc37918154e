"""Fifty turns at a quarter of their tokens: what goes down, what stays, what can be had again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image as Pictures

import agentkit
from agentkit.capabilities import Image, Message, Packed, Text
from agentkit.errors import ConfigError, UsageError
from agentkit.kit import Kit
from agentkit.models.context import measure
from agentkit.runs.codec import part_to
from agentkit.testing.conformance import ToolConformance
from agentkit.testing.runtime import MemoryRuntime, runtime
from agentkit.testing.scripted import ScriptedModel

pytestmark = pytest.mark.slow

TURNS = 50
RUNG = {1024: 3, 640: 2, 512: 1}
ODD = [
    "Grüße aus Köln",
    "항구의 열쇠는 빨간색",
    "well done \N{PARTY POPPER}",
    "a\ttab and  blanks ",
]


def talk() -> list[Message]:
    made = [Message.system("You are a clerk.")]
    for n in range(1, TURNS - 1):
        words = f"Turn {n}, {ODD[n % 4]}: locker {n} has key {n * 7919 % 9973}. "
        said = words + "It was fair all day, and calm. " * 12
        made.append(Message.user(said) if n % 2 else Message.assistant(said))
    made[7] = Message.user("Rule: never give out the key of locker 9.")
    return [*made, Message.user("What is the key of locker 3?")]


def logged(messages: list[Message]) -> MemoryRuntime:
    plain = [{"role": m.role, "parts": [part_to(part) for part in m.parts]} for m in messages]
    return runtime(past=[("message", one) for one in plain])


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with agentkit.load(environ={}, overrides=[f'host.store="{tmp_path}/runs"']) as made:
        yield made


class TestRecall(ToolConformance):
    toml = "[tools.part]\nuse = 'recall'"
    arguments: ClassVar[dict[str, Any]] = {"turn": 1}

    def runtime(self) -> MemoryRuntime:
        return logged(talk())


# -- the exact words ------------------------------------------------------------------------------


def test_every_turn_comes_back_as_it_was(kit: Kit) -> None:
    tool, messages = kit.tool("recall"), talk()
    rt = logged(messages)
    for number, message in enumerate(messages):
        found = tool.call(tool.info.arguments(turn=number), rt)
        assert found["text"].encode() == message.text.encode() and found["role"] == message.role
        assert found["sha256"] == hashlib.sha256(message.text.encode()).hexdigest()
    with pytest.raises(UsageError, match="turns 0 to 49"):
        tool.call(tool.info.arguments(turn=TURNS), rt)
    with pytest.raises(UsageError, match="no turns"):
        tool.call(tool.info.arguments(turn=0), runtime())


def test_a_long_turn_comes_in_pieces(kit: Kit) -> None:
    kit.define("tool", "short", use="recall", characters=100)
    tool, text = kit.tool("short"), "".join(f"{n:04}" for n in range(80))
    rt, pieces, start = logged([Message.user(text)]), [], 0
    while True:
        found = tool.call(tool.info.arguments(turn=0, start=start), rt)
        pieces.append(found["text"])
        if "next" not in found:
            break
        start = found["next"]
    assert "".join(pieces) == text and len(pieces) == 4
    with pytest.raises(UsageError, match="has 320 characters"):
        tool.call(tool.info.arguments(turn=0, start=320), rt)


def test_an_agent_reads_again_what_is_only_on_a_page(kit: Kit) -> None:
    """The task's own number is 1; the first answer of a tool, 3, is long gone from the text."""
    calls = [("look", {"number": n}) for n in range(8)] + [("recall", {"turn": 3})]
    answers = [json.dumps({"name": name, "arguments": args}) for name, args in calls]
    kit.define("model", "told", use="scripted", answers=[*answers, "Found."])
    kit.define("context", "pages", use="optical", way="pictures", share=0.7)
    kit.define("model", "short", use="packed", base="told", context="pages", budget=900)
    kit.define("tool", "look", use="python", function="tests.agents.test_contexts:look")
    tools = ["look", "recall"]
    kit.define("agent", "asking", use="tools", model="short", tools=tools, turns=10)
    run = kit.agent("asking").run("When did the harbour open?")
    run.wait()
    assert run.status == "done" and run.result.answer == "Found."
    told: Any = kit.model("told")
    sent = told.requests[-1].messages
    assert any(isinstance(part, Image) for m in sent for part in m.parts)
    (found,) = [json.loads(part.content) for part in sent[-1].parts if hasattr(part, "content")]
    assert found["turn"] == 3 and found["text"].startswith("Entry 0: the harbour opened early")
    assert found["text"] == "Entry 0: " + "the harbour opened early and closed late. " * 8


# -- a long conversation --------------------------------------------------------------------------


def rungs(packed: Packed, messages: list[Message]) -> list[int]:
    """How sharply each turn is there: 4 as text, 3 to 1 by its page, 0 not at all."""
    sides = [_side(p) for m in packed.messages for p in m.parts if isinstance(p, Image)]
    lowest = min((RUNG[side] for side in sides), default=0)
    return [
        0 if n in packed.dropped else lowest if n in packed.changed else 4
        for n in range(len(messages))
    ]


def _side(image: Image) -> int:
    return int(Pictures.open(BytesIO(image.data)).width)


def test_a_quarter_of_the_tokens(kit: Kit) -> None:
    kit.define("context", "mine", use="optical", pins=["Rule:"])
    kit.define("context", "other", use="optical", pins=["Rule:"])
    context, model, messages = kit.part("context", "mine"), ScriptedModel.of("y"), talk()
    budget = measure(messages, model) // 4
    packed = context.pack(messages, budget, model)
    assert packed.tokens == measure(packed.messages, model) <= budget
    assert messages[7] in packed.messages and 7 not in packed.changed + packed.dropped
    assert not packed.dropped, "all of the talk is there, most of it on pages"
    again = kit.part("context", "other").pack(messages, budget, model)
    assert again.messages == packed.messages, "the same pictures, to the byte"
    before = [4] * TURNS
    for length in range(20, TURNS, 6):  # as the conversation grows
        part = [*messages[:length], messages[-1]]
        now = rungs(context.pack(part, budget, model), part)
        assert all(b >= a for a, b in zip(now[:length], before)), "a turn never comes up again"
        before = now[:length] + [4] * (TURNS - length)
        assert now[7] == 4


def test_pins_that_do_not_fit_become_pages(kit: Kit) -> None:
    kit.define("context", "mine", use="optical", pins=[r"^#\d+ user: "])
    context, model, messages = kit.part("context", "mine"), ScriptedModel.of("y"), talk()
    packed = context.pack(messages, measure(messages, model) // 4, model)
    asked = [n for n, m in enumerate(messages) if m.role == "user"]
    kept = [n for n in asked if messages[n] in packed.messages and n != 7]  # 7 is short
    assert kept == asked[-len(kept) :] and 1 < len(kept) < len(asked) - 1
    assert {*asked} - {*kept, 7} <= {*packed.changed, *packed.dropped}
    with pytest.raises(ConfigError, match="pins"):
        kit.define("context", "bad", use="optical", pins=["("])
        kit.part("context", "bad")


def test_what_is_pinned_is_found_as_it_stands_on_a_page(kit: Kit) -> None:
    kit.define("context", "mine", use="optical", pins=["^#3 assistant: Noted"])
    messages = [Message.user("The rain came. " * 60), Message.assistant("Good. " * 60)]
    messages += [Message.user("More rain. " * 60), Message.assistant("Noted"), Message.user("So?")]
    model = ScriptedModel.of("y")
    packed = kit.part("context", "mine").pack(messages, measure(messages, model) // 2, model)
    assert Message.of("assistant", Text("Noted")) in packed.messages
