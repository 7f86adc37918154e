"""Any agent has a context strategy by configuration: its model packs what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import Image, Message, Request, Tokens, ToolCall, ToolSpec
from agentkit.errors import ContextOverflow, Unsupported
from agentkit.kit import Kit, load
from agentkit.models.context import likeness, measure
from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow

TOML = """
[models.told]
use = "scripted"
answers = ["done"]

[models.short]
use = "packed"
base = "told"
context = "pages"
budget = 700

[models.wider]
use = "packed"
base = "told"
context = "pages"
budget = 800

[models.shorter]
use = "packed"
base = "told"
context = "pages"
budget = 220

[contexts.pages]
use = "optical"
way = "pictures"
long_message = "pages"
share = 0.7

[environments.phone]
use = "android"
where = "inside"
picture = false

[tools.look]
use = "python"
function = "tests.agents.test_contexts:look"

[agents.asking]
use = "tools"
model = "short"
tools = ["look"]
turns = 9

[agents.color]
use = "color-agent"
model = "wider"

[agents.research]
use = "deep-research"
sources = ["pages"]
embedder = ""
writer = "shorter"
quotes = 20
width = 1

[sources.pages]
use = "inline"
"""


def look(number: int) -> str:
    """Looks up a number."""
    return f"Entry {number}: " + "the harbour opened early and closed late. " * 8


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    file = tmp_path / "agentkit.toml"
    file.write_text(TOML)
    with load(file, environ={}, overrides=[f'host.store="{tmp_path}/runs"']) as made:
        yield made


def told(kit: Kit, **script: Any) -> list[Request]:
    """What the model behind it is sent, from now on."""
    kit.define("model", "told", use="scripted", **script)
    model: Any = kit.model("told")
    requests: list[Request] = model.requests
    return requests


def pages(request: Request) -> int:
    return sum(isinstance(p, Image) for m in request.messages for p in m.parts)


def test_a_tool_calling_agent_works_on_within_its_budget(kit: Kit) -> None:
    calls = [f'{{"name": "look", "arguments": {{"number": {n}}}}}' for n in range(8)]
    sent = told(kit, answers=[*calls, "It opened early."])
    run = kit.agent("asking").run("When did the harbour open?")
    run.wait()
    assert run.status == "done" and run.result.answer == "It opened early."
    model = kit.model("told")
    sizes = [measure(r.messages, model) for r in sent]
    assert len(sent) == 9 and max(sizes) <= 700
    assert not pages(sent[0]) and pages(sent[-1])
    for request in sent:
        assert request.messages[0].role == "system"
        assert any(m.text == "When did the harbour open?" for m in request.messages)
        calls_ = {p.id for m in request.messages for p in m.parts if isinstance(p, ToolCall)}
        results = {p.id for m in request.messages for p in m.parts if hasattr(p, "content")}
        assert calls_ == results


def test_the_phone_agent_works_with_it(kit: Kit) -> None:
    bad = "I cannot say. " * 90
    done = '{"kind":"finish","status":"success"}'
    sent = told(kit, answers=[bad, '{"kind":"open","app":"Settings"}', done])
    run = kit.agent("color").run("Look at the settings")
    run.wait()
    assert run.status == "done" and run.result.steps == 1
    model = kit.model("told")
    assert all(measure(r.messages, model) <= 800 for r in sent)
    assert pages(sent[1]), "the first prompt and the bad reply are older turns now"


def test_the_writer_of_a_report_works_with_it(kit: Kit) -> None:
    documents = {
        f"k{n}.md": "\n\n".join(
            f"The kettle number {n} is made of steel grade {m}{n} and it boils." for m in range(40)
        )
        for n in range(3)
    }
    kit.define("source", "pages", use="inline", documents=documents)
    sent = told(kit, answers=["The kettle number 1 is made of steel grade 11."], choose="request")
    run = kit.agent("research").run("What is kettle number 1 made of?")
    run.wait()
    assert run.status == "done", run.row.note
    model = kit.model("told")
    assert sent and all(measure(r.messages, model) <= 220 for r in sent)
    assert all(pages(r) for r in sent), "the quotes are on pages"
    assert "In a model's words" in run.result.report


# -- the part itself ------------------------------------------------------------------------------


def test_tools_take_room_and_what_leaves_none_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tiny_model_folder(folder)
    (tmp_path / "agentkit.toml").write_text(
        f'[models.tiny]\nuse = "transformers"\nmodel = "{folder}"\n'
        '[models.short]\nuse = "packed"\nbase = "tiny"\n'
    )
    with load(tmp_path / "agentkit.toml", environ={}) as kit:
        base: Any = kit.model("tiny")
        short: Any = kit.model("short")
        talk = [Message.user("good morning to all of you") for _ in range(40)]
        tool = ToolSpec("look", "Looks. " * 10, {"type": "object", "properties": {}})
        asked = Request(tuple(talk), tools=(tool,), max_tokens=8)
        packed = short.pack(asked)
        assert packed.dropped and packed.messages[-1] == talk[-1]
        whole = base.ability(Tokens).render(Request(packed.messages, tools=(tool,)))
        assert len(whole) + 8 <= base.info.context
        (made,) = short.generate([asked])
        assert made.path[:2] == ("short", "tiny") and made.usage.prompt == len(whole)
        with pytest.raises(ContextOverflow, match="leave no room"):
            short.pack(Request.of("hello", max_tokens=base.info.context))
        with pytest.raises(Unsupported, match=r"models\.tiny"):
            short.ability(Tokens)


def test_likeness_is_by_spelling() -> None:
    texts = ["the harbour opens at nine", "a kettle of steel", "the harhour opens at nlne"]
    first, other, misread = likeness("When does the harbour open?", texts)
    assert first > misread > other >= 0
    assert likeness("?", texts) == [0, 0, 0] and likeness("harbour", []) == []
