"""The fakes do what they promise, since other tests believe them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit.capabilities import (
    Cancel,
    Completion,
    Delta,
    Grammar,
    Grammars,
    Request,
    Tokens,
    ToolInfo,
    ToolSpec,
    Verdict,
)
from agentkit.errors import (
    ContextOverflow,
    DataError,
    Diverged,
    GrammarDeadEnd,
    ToolDenied,
    Unsupported,
    UsageError,
)
from agentkit.kit import Kit, load
from agentkit.testing.fakes import Answer, FakeSource, ReplayModel, ScriptedModel, runtime
from agentkit.testing.replay import dump, from_run
from agentkit.testing.replay import load as load_answers
from agentkit.testing.scripted import ScriptedSettings

SEARCH = ToolSpec("search", "looks something up", {"type": "object"})
YES = Grammar("regex", "yes|no")


def texts(model: Any, *prompts: str, **settings: Any) -> list[str]:
    return [c.text for c in model.generate([Request.of(p, **settings) for p in prompts])]


def shouting(request: Request) -> str:
    return request.messages[-1].text.upper()


# -- scripted -------------------------------------------------------------------------------------


def test_answers_are_given_in_turn_and_the_last_stays() -> None:
    model = ScriptedModel.of("one", "two")
    assert texts(model, "a", "b", "c") == ["one", "two", "two"]
    assert [r.messages[0].text for r in model.requests] == ["a", "b", "c"]
    assert texts(ScriptedModel.of("1", "2", then="cycle"), *"abc") == ["1", "2", "1"]
    with pytest.raises(UsageError, match="no answer number 2 to 'b'"):
        texts(ScriptedModel.of("1", then="error"), "a", "b")


def test_rules_go_before_answers() -> None:
    rules = [{"when": "(?i)france", "answers": ["Paris"]}, {"when": "r", "answers": ["1", "2"]}]
    model = ScriptedModel(ScriptedSettings.model_validate({"rules": rules, "answers": ["?"]}))
    assert texts(model, "France", "zzz", "r", "r") == ["Paris", "?", "1", "2"]


def test_chosen_by_request_order_and_threads_change_nothing() -> None:
    answers = [str(n) for n in range(50)]
    prompts = [f"question {n}" for n in range(40)]
    expected = dict(zip(prompts, texts(ScriptedModel.of(*answers, choose="request"), *prompts)))
    assert len(set(expected.values())) > 10
    model, found = ScriptedModel.of(*answers, choose="request"), {}
    threads = [
        threading.Thread(target=lambda p=p: found.update({p: texts(model, p)[0]}))
        for p in reversed(prompts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_a_function_answers_and_survives_a_recipe() -> None:
    assert texts(ScriptedModel.of(shouting), "hello") == ["HELLO"]
    kit = load(environ={"AGENTKIT_PLUGINS": ""})
    kit.define("model", "loud", use="scripted", function=shouting)
    recipe = json.loads(json.dumps(kit.recipe("model", "loud")))
    again = Kit.from_recipe(recipe, kit.host)
    assert texts(again.model("loud"), "hello") == ["HELLO"]


def test_length_stop_and_streaming_agree_with_the_text() -> None:
    model, told = ScriptedModel.of("one two three. four"), list[Delta]()
    cut = model.generate([Request.of("x", max_tokens=2)], on_delta=told.append)[0]
    assert (cut.text, cut.finish, cut.usage.completion) == ("one two", "length", 2)
    assert "".join(d.text for d in told) == cut.text
    stopped = model.generate([Request.of("x", stop=("four", " three"))])[0]
    assert (stopped.text, stopped.finish) == ("one two", "stop")


def test_more_answers_and_usage() -> None:
    made = ScriptedModel.of("a", "b", "c").generate([Request.of("how many words", n=3)])[0]
    assert [made.text, *(o.text for o in made.others)] == ["a", "b", "c"]
    assert made.usage.prompt == 3 and made.path == ("scripted",)


def test_cancelling_stops_between_tokens() -> None:
    cancel, told = Cancel(), list[Delta]()

    def hear(delta: Delta) -> None:
        told.append(delta)
        cancel.set()

    made = ScriptedModel.of("one two three").generate(
        [Request.of("x")], on_delta=hear, cancel=cancel
    )
    assert (made[0].text, made[0].finish, len(told)) == ("one", "cancelled", 1)


def test_tool_calls_are_read_from_json_only_where_the_tool_is_offered() -> None:
    said = '{"name": "search", "arguments": {"query": "x"}}'
    model = ScriptedModel.of(said)
    called = model.generate([Request.of("x", tools=(SEARCH,))])[0]
    assert called.finish == "tool_calls" and called.tool_calls[0].arguments == {"query": "x"}
    assert model.generate([Request.of("x")])[0].text == said
    other = ToolSpec("other", "", {})
    assert model.generate([Request.of("x", tools=(other,))])[0].text == said


def test_a_grammar_is_never_broken() -> None:
    model = ScriptedModel.of("yes", "perhaps")
    good, bad = model.generate([Request.of("x", grammar=YES)] * 2)
    assert good.text == "yes" and bad.finish == "error" and "perhaps" in bad.error
    schema = Grammar("json", {"type": "object", "required": ["a"]})
    assert texts(ScriptedModel.of('{"a": 1}'), "x", grammar=schema) == ['{"a": 1}']
    assert "required" in ScriptedModel.of("{}").generate([Request.of("x", grammar=schema)])[0].error
    model.ability(Grammars).check_grammar(YES)
    with pytest.raises(GrammarDeadEnd):
        model.ability(Grammars).check_grammar(Grammar("regex", "maybe"))


def test_faults_are_as_loud_as_a_models() -> None:
    failed, fine = ScriptedModel.of(Answer(error="overheated"), "ok").generate(
        [Request.of("x"), Request.of("y")]
    )
    assert (failed.finish, failed.error, fine.text) == ("error", "overheated", "ok")
    with pytest.raises(ContextOverflow):
        texts(ScriptedModel.of("x", context=20), "word " * 30)
    with pytest.raises(Unsupported, match="'tokens'"):
        ScriptedModel.of("x").ability(Tokens)


# -- replay ---------------------------------------------------------------------------------------


def test_what_was_recorded_is_given_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    base = ScriptedModel.of("one", "two")
    recording = ReplayModel(base=base, file=file)
    assert texts(recording, "a", "b", "a") == ["one", "two", "one"]
    first = texts(recording, "a", "b")
    assert texts(ReplayModel(load_answers(file)), "b", "a") == first[::-1]
    assert file.read_text() == dump(load_answers(file))


def test_a_known_request_is_not_asked_twice(tmp_path: Path) -> None:
    base = ScriptedModel.of("one")
    recording = ReplayModel(base=base, file=tmp_path / "x.jsonl")
    texts(recording, "a")
    texts(recording, "a")
    assert len(base.requests) == 1


def test_an_unknown_request_is_loud() -> None:
    with pytest.raises(DataError, match="no answer is recorded for 'what'"):
        texts(ReplayModel(), "what")


def test_a_seed_counts_only_where_something_is_drawn(tmp_path: Path) -> None:
    from agentkit.capabilities import CallContext

    known = ReplayModel(base=ScriptedModel.of("x", "y"))
    texts(known, "a", context=CallContext(seed=1))
    assert texts(known, "a", context=CallContext(seed=2)) == ["x"]
    assert texts(known, "a", temperature=1.0, context=CallContext(seed=1)) == ["y"]


def test_a_failing_base_records_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    with pytest.raises(DataError, match="overheated"):
        texts(ReplayModel(base=ScriptedModel.of(Answer(error="overheated")), file=file), "a")
    assert not file.exists()


def test_a_damaged_recording_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"completion"')
    with pytest.raises(DataError, match=r"x\.jsonl:1"):
        load_answers(file)


def test_replay_from_settings(tmp_path: Path) -> None:
    toml = tmp_path / "agentkit.toml"
    toml.write_text(
        '[models.base]\nuse = "scripted"\nanswers = ["hi"]\n'
        '[models.tape]\nuse = "replay"\nfile = "tape.jsonl"\nbase = "base"\nrecord = true\n'
        '[models.play]\nuse = "replay"\nfile = "tape.jsonl"\n'
    )
    kit = load(toml, environ={"AGENTKIT_PLUGINS": ""})
    assert texts(kit.model("tape"), "a") == ["hi"]
    assert texts(kit.model("play"), "a") == ["hi"]


def test_a_run_is_replayed_from_its_events(tmp_path: Path) -> None:
    from agentkit.runs.runtime import Rt
    from agentkit.runs.session import Session
    from agentkit.runs.sqlite import SqliteRunStore
    from agentkit.runs.store import Budget, NewRun

    store = SqliteRunStore(tmp_path)
    run = store.create(NewRun("a", "t", {}, 0)).id
    kit = load(environ={"AGENTKIT_PLUGINS": ""})
    kit.define("model", "m", use="scripted", answers=["one", "two", "three"])
    real = kit.references
    kit.references = lambda key: (
        {"model": ("model", ["m"], False)} if key[0] == "agent" else real(key)
    )  # type: ignore[method-assign]
    session = Session(kit, store, store.take(run, 30), "a", 0, Budget(), lambda event: None)
    rt = Rt(session, "1:node")
    asked = [rt.model().ask("x"), rt.model().ask("y"), rt.model().ask("x")]
    assert asked == ["one", "two", "three"]
    again = ReplayModel(from_run(store, run[:6]))
    assert texts(again, "y") == ["two"] and len(again) == 2


# -- the runtime ----------------------------------------------------------------------------------


class Arguments(BaseModel):
    n: int


class Counter:
    info = ToolInfo("count", "adds", Arguments)

    def __init__(self) -> None:
        self.total = 0

    def call(self, args: Arguments, rt: Any) -> int:
        self.total += args.n
        return self.total


def visit(rt: Any) -> list[Any]:
    rt.emit("todo.changed", {"id": "T1"})
    return [
        rt.model().ask("hello"),
        rt.call("count", {"n": 2}),
        [m.text for m in rt.inbox()],
        rt.ask("Sure?", "yes", "no"),
        rt.search("docs", "cat").hits[0].text,
        rt.view(lambda n, event: n + 1, 0, ["todo.changed"]),
        rt.now(),
    ]


def make_runtime(**more: Any) -> Any:
    return runtime(
        models=ScriptedModel.of("hi", "another"),
        tools=[Counter()],
        sources={"docs": FakeSource({"d": "a dog\n\nthe cat sat"})},
        answers={"Sure?": "yes"},
        inbox=["faster"],
        **more,
    )


def test_a_visit_made_again_sees_the_same() -> None:
    rt = make_runtime()
    first = visit(rt)
    assert first[:-1] == ["hi", 2, ["faster"], "yes", "the cat sat", 1]
    rt.send("later")
    assert visit(rt.again()) == first
    assert [e.kind for e in rt.events].count("todo.changed") == 1


def test_another_call_on_the_way_again_is_diverged() -> None:
    rt = make_runtime()
    visit(rt)
    with pytest.raises(Diverged):
        rt.again().model().ask("something else")


def test_guards_are_asked_and_errors_come_again() -> None:
    class No:
        def judge(self, proposal: Any) -> Verdict:
            return Verdict("deny", "never")

    with pytest.raises(ToolDenied, match="never"):
        make_runtime(guards=[No()]).call("count", {"n": 1})
    rt = make_runtime()
    for one in (rt, rt.again()):
        with pytest.raises(UsageError, match="nobody answers"):
            one.ask("What?")


class Outer:
    """A tool with calls of its own."""

    info = ToolInfo("outer", "counts by another tool", Arguments)

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.node: Any = None

    def call(self, args: Arguments, rt: Any) -> int:
        self.seen.append((rt.position, rt.key))
        if self.node is not None:
            self.node.now()
        return int(rt.call("count", {"n": args.n}))


def test_a_tool_has_calls_of_its_own() -> None:
    outer = Outer()
    rt = runtime(tools=[outer, Counter()])
    rt.emit("todo.changed", {})
    assert rt.call("outer", {"n": 3}) == 3
    assert outer.seen == [("1:node/1:outer", "run-in-memory/1:node/1")]
    outer.node = rt
    with pytest.raises(UsageError, match="within its call 2"):
        rt.call("outer", {"n": 1})


def test_an_unknown_part_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'count'"):
        make_runtime().call("cuont", {"n": 1})


def test_completions_can_be_given_whole() -> None:
    whole = Completion("x", ids=(1, 2))
    assert ScriptedModel.of(lambda request: whole).generate([Request.of("a")])[0].ids == (1, 2)
