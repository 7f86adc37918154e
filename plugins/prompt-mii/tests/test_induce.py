"""From rows to an accepted instruction that a model or an agent uses."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

import agentkit
from agentkit.capabilities import AgentInfo, CallContext, Message, Request, Runtime
from agentkit.cli.app import build
from agentkit.errors import BackendUnavailable, ConfigError, DataError, UsageError
from agentkit.kit import Kit, Parts
from agentkit.testing.fakes import ScriptedModel
from agentkit_prompt_mii import past
from agentkit_prompt_mii.examples import checked
from agentkit_prompt_mii.follower import Follower
from agentkit_prompt_mii.inducing import InstructionInducer
from agentkit_prompt_mii.instruction import Instruction
from agentkit_prompt_mii.store import PromptStore
from agentkit_prompt_mii.table import read_csv

RULE = "Texts about ships are urgent, all others can wait."
HERE = __name__


def answer(request: Request) -> str:
    """Writes RULE when asked for an instruction; follows it where it stands in the prompt, and
    else says always the same."""
    text = "\n".join(m.text for m in request.messages)
    if "Reply with the instruction only." in text:
        return RULE
    asked = request.messages[-1].text.rpartition("Input:")[2]
    return "urgent" if RULE in text and "ship" in asked else "wait"


def rows(count: int = 120) -> list[tuple[str, str]]:
    kinds = (("ship", "urgent"), ("tree", "wait"))
    return [(f"note {n}: the {kinds[n % 2][0]} no. {n * 7}", kinds[n % 2][1]) for n in range(count)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a CSV and a kit of one scripted model."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AGENTKIT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "notes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("id", "note", "kind"), *((n, *r) for n, r in enumerate(rows()))]
        )
    return tmp_path


def said(monkeypatch: pytest.MonkeyPatch, *arguments: str, model: Any = None) -> Result:
    """The command with `small` scripted."""
    load = agentkit.kit.load

    def scripted(*args: Any, **settings: Any) -> Kit:
        kit = load(environ={})
        kit.settings.parts.pop(("model", "small"), None)
        kit.add("model", "small", model or ScriptedModel.of(answer))
        return kit

    monkeypatch.setattr("agentkit.kit.load", scripted)
    result = CliRunner().invoke(build(), ["induce", *arguments])
    monkeypatch.setattr("agentkit.kit.load", load)
    return result


ASKED = ("notes.csv", "--label", "kind", "--text", "note", "--scoring", "generation")


@pytest.mark.slow
def test_a_csv_becomes_an_accepted_instruction_and_goes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = said(monkeypatch, *ASKED)
    assert done.exit_code == 0, done.output
    lines = {line.split("\t")[0]: line.split("\t") for line in done.stdout.splitlines()}
    assert done.stdout.startswith(RULE) and "accepted: better than naive" in done.stdout
    assert lines["naive"][1].startswith("0.333") and lines["induced"][1].startswith("1.000")
    assert {"majority", "ICL n=5", "ICL n=10", "ICL n=20"} <= lines.keys()
    tokens = {name: int(line[3]) for name, line in lines.items() if name.startswith(("ICL", "ind"))}
    assert tokens["induced"] < tokens["ICL n=5"] < tokens["ICL n=20"]
    assert int(lines["ICL n=20"][4]) < int(lines["ICL n=5"][4])  # pays after fewer calls

    plain = json.loads(said(monkeypatch, "show", "notes", "--json").stdout)
    current = plain["current"]
    assert current["text"] == RULE and current["labels"] == ["urgent", "wait"]
    assert current["parent_hash"] == "" and current["about"]["examples_hash"]
    assert plain["history"][0]["scores"]["induced"]["macro_f1"] == 1

    again = said(monkeypatch, *ASKED)  # the same words cannot beat themselves
    assert "refused: not surely better than incumbent" in again.stdout
    assert "notes\t" in said(monkeypatch, "list").stdout

    with agentkit.load(environ={}) as kit:
        kit.add("model", "writer", ScriptedModel.of(answer))
        kit.define("model", "triage", use="prompt-mii", base="writer", task="notes")
        request = Request.of("Input: the ship sinks")
        assert kit.model("writer").generate([request])[0].text == "wait"
        made = kit.model("triage").generate([request])[0]
        assert made.text == "urgent" and made.path == ("triage", "scripted")

    assert "no instruction holds" in said(monkeypatch, "revert", "notes", "--why", "a test").stdout
    assert "none holds" in said(monkeypatch, "show", "notes").stdout
    hash = current["hash"][:6]
    assert "holds" in said(monkeypatch, "revert", "notes", "--hash", hash).stdout
    assert PromptStore().get("notes").text == RULE and len(PromptStore().history("notes")) == 4


@pytest.mark.slow
def test_a_bad_instruction_is_refused_and_nothing_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(request: Request) -> str:
        text = request.messages[-1].text
        if "Reply with the instruction only." in text:
            return "Say wait."
        shown = "ship" in text.rpartition("Input:")[2]
        return "wait" if "Say wait." in text or not shown else "urgent"

    done = said(monkeypatch, *ASKED, model=ScriptedModel.of(worse))
    assert "refused: not surely better than naive" in done.stdout
    assert PromptStore().current("notes") is None
    assert PromptStore().history("notes")[0].kind == "refused"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a,b\nx,1\n"broken,2\n', "line 3"),
        ("a,b\nx,1\ny\nz,2\n", "line 3: 1 fields, the header has 2"),
        ('a,b\n"two\nlines",1\n,2\n', "line 4: the text is empty"),
        ("a,b\nx,1\ny,-1\n", "line 3: the label -1"),
        ("a,b\nx,1\ny,1\n", "every one of 2 rows has the label '1'"),
        ("a,c\nx,1\n", "no column 'b'"),
        ("", "is empty"),
    ],
)
def test_what_is_wrong_with_a_csv_names_the_line(folder: Path, text: str, words: str) -> None:
    path = folder / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError) as found:
        read_csv(path, "b", ["a"])
    assert words in found.value.message and "bad.csv" in found.value.message


def test_a_csv_may_have_other_separators_and_several_texts(folder: Path) -> None:
    path = folder / "table.csv"
    path.write_text("\ufeffage;job;y\n30;cook;a\n40;smith;b\n")
    made = read_csv(path, "y")
    assert made.texts == ["age: 30\njob: cook", "age: 40\njob: smith"]


def test_a_follower_that_is_down_leaves_everything_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(request: Request) -> str:
        if "Reply with the instruction only." in request.messages[-1].text:
            return RULE
        raise TimeoutError("no byte")

    done = said(monkeypatch, *ASKED, model=ScriptedModel.of(down))
    assert isinstance(done.exception, BackendUnavailable) and PromptStore().tasks() == []


# -- the inducer -----------------------------------------------------------------------------------


def inducer(tmp_path: Path | None, model: Any) -> InstructionInducer:
    follower = Follower(model, scoring="generation")
    return InstructionInducer(model, follower, most=64, cache=tmp_path)


def test_the_same_seed_gives_the_same_instruction_and_the_cache_costs_no_call(
    tmp_path: Path, kit: Kit
) -> None:
    examples = checked(rows(12))
    tiny = kit.model("tiny")
    drawn = InstructionInducer(tiny, Follower(tiny), most=12, temperature=1.0)
    one, other = drawn.induce(examples, seed=1), drawn.induce(examples, seed=1)
    assert one == other and one != drawn.induce(examples, seed=2)
    assert drawn.ledger.calls == {"writing": 3} and one.tokens > 0
    model = ScriptedModel.of(answer)
    first = inducer(tmp_path, model).induce(examples)
    again = inducer(tmp_path, model)
    assert again.induce(examples) == first and len(model.requests) == 1
    assert again.ledger.total == 0
    assert first.about["used"] == 12 and first.about["left_out"] == 0


def test_examples_that_do_not_fit_are_counted() -> None:
    model = ScriptedModel.of(answer)
    made = inducer(None, model).induce(checked(rows(100)), budget_tokens=400)
    assert 0 < made.about["used"] < 100 and made.about["left_out"] == 100 - made.about["used"]


def test_the_best_of_several_is_chosen_on_rows_of_its_own() -> None:
    texts = iter(["Say wait.", RULE, "Nothing.", "Say wait again."])

    def several(request: Request) -> str:
        asked = "Reply with the instruction only." in request.messages[-1].text
        return next(texts) if asked else answer(request)

    model = ScriptedModel.of(several)
    made = checked(rows(60))
    shown, judged = made.part(made.rows[:20]), made.part(made.rows[20:])
    induced = inducer(None, model)
    assert induced.best(shown, judged, 4).text == RULE
    assert induced.ledger.calls["writing"] == 4 and induced.ledger.calls["choosing"] >= 60


def test_a_generator_that_writes_nothing_is_an_error() -> None:
    with pytest.raises(BackendUnavailable, match="wrote nothing"):
        inducer(None, ScriptedModel.of("<think>hm</think>  ")).induce(checked(rows(8)))


# -- the model -------------------------------------------------------------------------------------


def changed(**settings: Any) -> Any:
    kit = agentkit.load(environ={})
    kit.add("model", "base", ScriptedModel.of(answer))
    kit.define("model", "induced", use="prompt-mii", base="base", **settings)
    return kit.model("induced")


def test_an_instruction_stands_where_the_settings_say() -> None:
    asked = Request.of(Message.system("You help."), "Sort: old rule. Now:")
    system = changed(instruction="Be quick.").changed(asked)
    assert system.messages[0].text == "You help.\n\nBe quick."
    before = changed(instruction="Be quick.", place="before").changed(asked)
    assert before.messages[1].text == "Be quick.\n\nSort: old rule. Now:"
    instead = changed(instruction="new rule.", replaces="old rule.").changed(asked)
    assert instead.messages[1].text == "Sort: new rule. Now:" and len(instead.messages) == 2
    alone = changed(instruction="Be quick.").changed(Request.of("Hi"))
    assert [m.role for m in alone.messages] == ["system", "user"]
    node = changed(instruction="Be quick.", nodes=["weigh"])
    there = Request.of("Hi", context=CallContext(node="14:work#1/2:weigh"))
    assert node.changed(asked) is asked and node.changed(there) is not there


def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    for settings, words in (
        ({}, "give instruction, or task"),
        ({"instruction": "x", "task": "y"}, "one of them"),
        ({"instruction": "x", "hash": "y"}, "do nothing without task"),
        ({"task": "nobody", "store": str(tmp_path)}, "no prompt was accepted for 'nobody'"),
    ):
        with pytest.raises((ConfigError, UsageError), match=words):
            changed(**settings)


def test_a_router_may_list_it(tmp_path: Path) -> None:
    with agentkit.load(environ={}) as kit:
        kit.add("model", "base", ScriptedModel.of(answer))
        kit.define("model", "induced", use="prompt-mii", base="base", instruction=RULE)
        if not any(r.name == "lookahead" for r in kit.host.registry.all("model")):
            pytest.fail("the router's plugin is not installed")
        kit.define("model", "route", use="lookahead", candidates=["induced", "base"], checkpoint="")
        made = kit.model("route").generate([Request.of("Input: a ship")])[0]
        assert made.text == "urgent" and made.path == ("route", "induced", "scripted")
        assert kit.recipe("model", "induced") != {}


# -- the store -------------------------------------------------------------------------------------


def test_the_store_keeps_every_step_and_refuses_what_was_judged_against_another(
    tmp_path: Path,
) -> None:
    store = PromptStore(tmp_path)
    one = Instruction("One.", 3, labels=("a", "b"))
    two = Instruction("Two.", 3, one.hash, labels=("a", "b"))
    store.add("t", one, accepted=True, why="w", scores={"induced": 1})
    with pytest.raises(UsageError, match="changed since this one was judged"):
        store.add("t", Instruction("Late.", 3), accepted=True, why="w", scores={})
    store.add("t", two, accepted=True, why="w", scores={})
    assert store.current("t") == two and store.get("t", one.hash[:8]) == one
    assert store.revert("t").instruction == one and store.current("t") == one
    assert [e.kind for e in store.history("t")] == ["accepted", "accepted", "reverted"]
    with pytest.raises(UsageError, match="begin with 'zz'"):
        store.get("t", "zz")
    with pytest.raises(UsageError, match="no name for a task"):
        store.history("../t")
    (tmp_path / "t.json").write_text('{"entries": [')
    with pytest.raises(DataError, match="is damaged"):
        store.add("t", two, accepted=False, why="w", scores={})
    assert (tmp_path / "t.json").read_text() == '{"entries": ['  # nothing was lost


# -- an agent --------------------------------------------------------------------------------------

OWN = "Sort this."


class Letter(BaseModel):
    text: str


class Sorted(BaseModel):
    kind: str


class Sorter:
    """An agent that sorts letters by its own short prompt; it knows nothing of this plugin."""

    info = AgentInfo("sorter", "sorts letters")
    input: type[BaseModel] = Letter
    output: type[BaseModel] = Sorted

    def build(self, parts: Parts) -> Any:
        from langgraph.graph import END, START, StateGraph

        from agentkit.runs import node

        graph: Any = StateGraph(dict)
        graph.add_node("sort", node(self.sort))
        graph.add_edge(START, "sort")
        graph.add_edge("sort", END)
        return graph

    def sort(self, state: Mapping[str, Any], rt: Runtime) -> Mapping[str, Any]:
        said = rt.model("mind").ask(f"{OWN}\nInput: {state['text']}", max_tokens=8)
        return {"kind": said, **state}


@pytest.mark.slow
def test_an_unchanged_agent_uses_what_won_on_its_held_out_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = rows(48)
    with agentkit.load(environ={}) as kit:
        kit.add("model", "mind", ScriptedModel.of(answer))
        kit.add("agent", "sorter", Sorter())
        done = {}
        for text, label in letters:
            run = kit.agent("sorter").run(text)
            list(run)
            done[run.id] = label
        calls = past.calls(kit.runs, "sorter", "sort")
        assert len(calls) == len(letters) and all(c.answer == "wait" for c in calls)
        with pytest.raises(UsageError, match="its nodes: sort"):
            past.calls(kit.runs, "sorter", "nowhere")
        with pytest.raises(DataError, match="no run has an outcome"):
            past.from_runs(calls, {})
    outcomes = folder / "outcomes.jsonl"
    outcomes.write_text("".join(json.dumps({"run": r, "label": k}) + "\n" for r, k in done.items()))
    made = said(
        monkeypatch, "runs", "sorter", "sort", "--outcomes", str(outcomes),
        "--prefix", OWN, "--scoring", "generation", "--task", "sorter.sort",
    )  # fmt: skip
    assert made.exit_code == 0 and "accepted: better than naive" in made.stdout, made.output
    with agentkit.load(environ={}) as kit:
        kit.add("model", "plain", ScriptedModel.of(answer))
        kit.define(
            "model", "mind", use="prompt-mii", base="plain", task="sorter.sort", replaces=OWN
        )
        kit.add("agent", "sorter", Sorter())
        run = kit.agent("sorter").run("note 9: the ship no. 5")
        list(run)
        assert kit.runs.get(run.id).result == {"kind": "urgent"}


def test_outcomes_are_labels_or_scores_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"run": "a", "label": "x"}\n\n{"run": "b", "score": 0.2}\n')
    assert past.outcomes(path) == {"a": "x", "b": 0.2}
    path.write_text('{"run": "a", "label": "x"}\n{"score": 1}\n')
    with pytest.raises(DataError, match="line 2"):
        past.outcomes(path)
    asked = [past.Asked(f"r{n}", f"text {n}", "ab"[n % 2]) for n in range(40)]
    known: dict[str, str | float] = {f"r{n}": 1.0 if n < 30 else 0.1 for n in range(40)}
    shown, held = past.from_runs(asked, known)
    assert len(shown.rows) + len(held.rows) == 30  # what went badly teaches nothing
