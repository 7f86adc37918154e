"""Agents whose model is `auto`: by configuration alone, and their runs say which model did what.

The candidates are scripted: what is tested is who is asked by which node, not what is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import agentkit
from agentkit.kit import Kit

RESEARCH = """
[models.small]
use = "scripted"
answers = ["kettle"]

[models.coder]
use = "scripted"
answers = ["The kettle is made of steel."]

[models.auto]
budget = 60

[sources.pages]
use = "inline"
[sources.pages.documents]
"kettle.md" = "# The Kettle\n\nIts body is made of steel. The warranty lasts 24 months.\n"

[agents.research]
use = "deep-research"
sources = ["pages"]
embedder = ""
keywords = "auto"
writer = "auto"

[agents.plain]
use = "tools"
model = "auto"
tools = []
"""
LANGUAGE = ("small", "coder")


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    file = tmp_path / "agentkit.toml"
    file.write_text(RESEARCH)
    with agentkit.load(file, overrides=[f'host.store="{tmp_path / "runs"}"']) as made:
        yield made


def paths(kit: Kit) -> list[list[str]]:
    """The parts that each answer of the last run went through."""
    run = kit.runs.runs()[0].id
    return [
        path for event in kit.runs.tail(run, kinds=["model.done"]) for path in event.data["path"]
    ]


def test_research_with_a_routed_model_says_who_did_what(kit: Kit) -> None:
    end = kit.agent("research").run("What is the kettle made of?").result
    assert "steel" in end.report
    found = paths(kit)
    assert found and all(path[0] == "auto" and path[1] in LANGUAGE for path in found)


def test_a_plain_agent_with_a_routed_model(kit: Kit) -> None:
    kit.agent("plain").run("Say something nice.").result  # noqa: B018
    assert paths(kit)[0][0] == "auto" and paths(kit)[0][1] in LANGUAGE


def test_the_default_auto_has_a_router() -> None:
    """Nothing declared: the shipped router over the models that are there without settings."""
    from agentkit.capabilities import Request

    with agentkit.load(environ={}, overrides=["models.auto.budget=60"]) as plain:
        plain.check("model", "auto")
        decision = plain.model("auto").route(Request.of("What is 217 + 318?"))  # type: ignore[attr-defined]
        assert decision.model == "calculator" and {*decision.order} == {
            "small",
            "coder",
            "calculator",
        }
        made = plain.model("auto").generate([Request.of("What is 217 + 318?")])[0]
        assert (made.text, made.path) == ("535", ("auto", "calculator"))
