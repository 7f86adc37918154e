"""Agents whose model is `auto`: by configuration alone, and their runs say which model did what.

The candidates are scripted: what is tested is who is asked by which node, not what is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import agentkit
from agentkit.kit import Kit

pytestmark = pytest.mark.slow

RESEARCH = """
[models.small]
use = "scripted"
answers = ["kettle", "The kettle is made of steel."]
then = "cycle"

[models.auto]
budget = 60

[sources.pages]
use = "inline"
[sources.pages.documents]
"kettle.md" = "The kettle. Its body is made of steel. The warranty lasts 24 months."

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
    assert found and all(path[:2] == ["auto", "small"] for path in found)


def test_a_plain_agent_with_a_routed_model(kit: Kit) -> None:
    kit.agent("plain").run("Say something nice.").result  # noqa: B018
    assert paths(kit)[0][:2] == ["auto", "small"]


def test_the_default_auto_has_a_router() -> None:
    """Nothing declared: the shipped router over the models that are there without settings."""
    from agentkit.capabilities import Request

    with agentkit.load(environ={}, overrides=["models.auto.budget=60"]) as plain:
        plain.check("model", "auto")
        decision = plain.model("auto").route(Request.of("What is 217 + 318?"))  # type: ignore[attr-defined]
        assert decision.model == "calculator" and {*decision.order} == {"small", "calculator"}
        made = plain.model("auto").generate([Request.of("What is 217 + 318?")])[0]
        assert (made.text, made.path) == ("535", ("auto", "calculator"))


@pytest.mark.slow
def test_a_candidate_may_be_a_composed_model(tmp_path: Path) -> None:
    """A sharpened model is a candidate like any other, with a cost of its own."""
    from agentkit.capabilities import Request
    from agentkit.testing.tiny import tiny_model_folder

    folder = tiny_model_folder(tmp_path / "tiny")
    file = tmp_path / "agentkit.toml"
    file.write_text(f"""
[models.plain]
use = "transformers"
model = "{folder}"
dtype = "fp32"

[models.sharp]
use = "power-sampling"
base = "plain"
block = 4
steps = 1

[models.auto]
use = "lookahead"
candidates = ["sharp", "plain"]
checkpoint = ""
costs = {{ sharp = 4.0, plain = 1.0 }}
""")
    with agentkit.load(file, environ={}) as kit:
        request = Request.of("Hello", max_tokens=4, extra={"power-sampling": {"alpha": 2.0}})
        made = kit.model("auto").generate([request])[0]
        assert made.path == ("auto", "sharp", "plain") and made.usage.spent >= 4
        decision = kit.model("auto").route(request)  # type: ignore[attr-defined]
        assert decision.cost == 4.0 and decision.order == ("sharp", "plain")


COLOR = """
[environments.phone]
use = "android"
where = "inside"
picture = false

[models.small]
use = "scripted"
answers = ['{"kind":"open","app":"Settings"}', '{"kind":"finish","status":"success"}']
then = "cycle"

[models.auto]
budget = 60

[agents.color]
use = "color-agent"
model = "auto"
"""


def test_color_with_a_routed_model_says_who_did_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events name who answered, and so does `agentkit runs show`."""
    from click.testing import CliRunner

    from agentkit.cli.app import build

    (tmp_path / "agentkit.toml").write_text(f'[host]\nstore = "{tmp_path / "runs"}"\n{COLOR}')
    monkeypatch.chdir(tmp_path)
    with agentkit.load(tmp_path / "agentkit.toml") as kit:
        run = kit.agent("color").run("Look at the settings")
        assert run.result.claim == "success" and run.result.calls == {"model": 2}
        found = [e.data for e in kit.runs.tail(run.id, kinds=["model.done"])]
        assert [one["path"][0][:2] for one in found] == [["auto", "small"]] * 2
    shown = CliRunner().invoke(build(), ["runs", "show", run.id])
    assert shown.exit_code == 0, shown.output
    assert "operate: auto > small, 2 answers" in shown.output
