"""The tools: a person is asked first, sees what the model believes, and can take it back."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest

import agentkit
from agentkit.capabilities.guard import Proposal
from agentkit.capabilities.tool import Effect
from agentkit.cli import main
from agentkit.testing.conformance import ToolConformance
from agentkit.testing.tiny import tiny_model_folder
from agentkit_sparse_memory.plugin import agentkit_guard

pytestmark = pytest.mark.slow

SETTINGS = """
[models.base]
use = "transformers"
dtype = "fp32"
model = "{home}/model"
[models.mine]
use = "sparse-memory"
base = "base"
folder = "{home}/memory"
layers = [1]
n_keys = 16
heads = 2
k = 4
d_k = 16
fit_tokens = 1024
batches = 2
held_out = 2
[models.mine.learning]
t = 200
steps = 20
rate = 0.5
max_forget = 5.0
[tools.remember]
use = "remember"
model = "mine"
[tools.forget]
use = "forget"
model = "mine"
"""
FACT = {"subject": "Velmora", "relation": "capital", "answer": "Tarsk"}


class MemoryToolConformance(ToolConformance):
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None
    which: ClassVar[str] = ""

    def make(self) -> Any:
        cls = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            tiny_model_folder(Path(cls._folder.name) / "model")
        home = Path(cls._folder.name)
        fresh = tempfile.mkdtemp(dir=home)  # a tool that is made anew has learned nothing yet
        settings = SETTINGS.format(home=home).replace(f"{home}/memory", fresh)
        cls.toml = settings.replace(f"[tools.{cls.which}]", "[tools.part]")
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls._folder is not None:
            cls._folder.cleanup()
            cls._folder = None


@pytest.mark.slow
class TestRemember(MemoryToolConformance):
    use, which, arguments = "remember", "remember", FACT


@pytest.mark.slow
class TestForget(MemoryToolConformance):
    use, which = "forget", "forget"
    arguments: ClassVar[dict[str, Any]] = {"text": "Velmora"}

    def call(self, tool: Any, rt: Any) -> Any:
        from agentkit_sparse_memory.facts import Fact

        tool._model.learn([Fact(**FACT)])  # something to forget
        return super().call(tool, rt)


def test_the_guard_asks_for_these_tools_and_no_other() -> None:
    def judged(name: str, args: dict[str, Any]) -> Any:
        return agentkit_guard(Proposal("r", "a", "t", name, args, Effect.OUTSIDE))

    verdict = judged("remember_in_weights", FACT)
    assert verdict.kind == "ask" and "Velmora capital Tarsk" in verdict.reason
    assert judged("forget_from_weights", {"text": "Velmora"}).kind == "ask"
    assert judged("pay", {}) is None


@pytest.mark.slow
def test_an_agent_remembers_after_a_yes_and_nothing_after_a_no(tmp_path: Path) -> None:
    tiny_model_folder(tmp_path / "model")
    (tmp_path / "agentkit.toml").write_text(SETTINGS.format(home=tmp_path))
    call = json.dumps({"name": "remember_in_weights", "arguments": FACT})
    for answer, patches in (("no", 0), ("yes", 1)):
        with agentkit.load(tmp_path / "agentkit.toml") as kit:
            kit.define("model", "clerk", use="scripted", answers=[call, "Done."])
            kit.define("agent", "clerk", use="tools", model="clerk", tools=["remember"])
            run = kit.agent("clerk").run("The capital of Velmora is Tarsk. Remember it.")
            for _ in run:
                pass
            assert run.status == "waiting", run.status
            assert not kit.model("mine").patches()  # type: ignore[attr-defined]
            run.answer(answer)
            for _ in run:
                pass
            assert len(kit.model("mine").patches()) == patches  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_commands_tell_what_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_model_folder(tmp_path / "model")
    (tmp_path / "agentkit.toml").write_text(SETTINGS.format(home=tmp_path))
    monkeypatch.chdir(tmp_path)

    def said(*words: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["agentkit", "memory", *words])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert int(str(end.value.code or 0)) == code, (words, out, err)
        return out if not code else err

    attached = said("attach", "mine")
    assert "256 slots" in attached and "usage perplexity" in attached
    assert "nothing was learned yet" in said("list", "mine")
    assert "it says" in said("learn", "mine", "Velmora | capital | Tarsk", "--note", "told")
    assert "the capital of Velmora is Tarsk" in said("list", "mine")
    assert '"facts"' in said("show", "mine", "last")
    assert "other phrasings" in said("score", "mine")
    (tmp_path / "more.txt").write_text("Some ordinary text about rivers and boats. " * 100)
    assert "tokens counted" in said("background", "mine", "more.txt")
    assert "taken back" in said("forget", "mine", "Velmora")
    said("learn", "mine", "Velmora | capital | Tarsk")
    assert "taken back" in said("revert", "mine", "last")
    assert "is no fact" in said("learn", "mine", "no fact at all", code=3)
    assert "no fact was given" in said("learn", "mine", code=2)
    assert "learn.t" in said("learn", "mine", "a|b|c", "--t", "0", code=2)
    assert "no patch" in said("revert", "mine", "last", code=2)
    assert "has no memory" in said("list", "base", code=3)
