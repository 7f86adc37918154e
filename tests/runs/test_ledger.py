"""A node that runs again gets what it got before; what differs is loud."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agentkit.capabilities import Completion, Effect, Question, ToolInfo
from agentkit.errors import AgentkitError, BackendUnavailable, Diverged, ToolDenied, UsageError

Nodes = Any


def answered(run: Any, *answers: str) -> Any:
    """Follows a run to its end, answering what it asks in turn. Each answer runs a node again."""
    left = list(answers)
    for event in run:
        if event.kind == "question.asked":
            run.answer(left.pop(0), event.seq)
    assert not left
    return run


def kinds(kit: Any, run: Any) -> list[str]:
    return [event.kind for event in kit.runs.tail(run.id)]


def test_a_node_that_runs_again_repeats_nothing(kit_of: Nodes, tmp_path: Path) -> None:
    visits, seen = [], []

    def work(state: Any, rt: Any) -> Any:
        visits.append(rt.position)
        seen.append((rt.model("trial").ask("x", temperature=1.0), rt.now(), rt.seed))
        rt.emit("note", {"text": "once"})
        rt.call("post", {"text": "once"})
        first, second = rt.ask("one?"), rt.ask("two?", "a", "b")
        return {"text": first + second}

    kit = kit_of(work=work)
    run = answered(kit.agent("made").run("t", seed=5), "1", "b")
    assert run.result.text == "1b" and visits == ["1:work"] * 3
    assert len(set(seen)) == 1 and len((tmp_path / "calls").read_text().splitlines()) == 1
    assert kinds(kit, run).count("note") == 1 and kinds(kit, run).count("tool.done") == 1
    assert len((tmp_path / "world").read_text().splitlines()) == 1


def test_the_seed_decides_and_positions_draw_apart(kit_of: Nodes) -> None:
    def draw(state: Any, rt: Any) -> Any:
        words = [rt.model("trial").ask("x", temperature=1.0) for _ in range(2)]
        return {"text": state.get("text", "") + " ".join(words) + " "}

    kit = kit_of(first=draw, second=draw)
    one, same, other = (kit.agent("made").run("t", seed=s).result.text for s in (1, 1, 2))
    assert one == same and len({*one.split(), *other.split()}) == 8


def test_another_call_at_a_recorded_place_is_never_made(kit_of: Nodes) -> None:
    asked: list[str] = []

    def work(state: Any, rt: Any) -> Any:
        asked.append(f"version {len(asked)}")
        try:
            rt.record("step", {"what": asked[-1]}, lambda: asked.append("did it"))
        except AgentkitError:
            pass  # even where the agent swallows it
        rt.ask("go on?")
        return {}

    run = kit_of(work=work).agent("made").run("t")
    with pytest.raises(Diverged, match=r"1:work, call 0: a 'step' call stands recorded"):
        assert answered(run, "yes").result
    assert run.status == "failed" and asked.count("did it") == 1


def test_a_result_looks_the_same_the_first_time_and_again(kit_of: Nodes) -> None:
    seen: list[Any] = []

    def work(state: Any, rt: Any) -> Any:
        seen.append(rt.record("step", {}, lambda: {"pair": (1, 2), "of": {3: None}}))
        rt.ask("again?")
        return {}

    answered(kit_of(work=work).agent("made").run("t"), "yes")
    assert seen == [{"pair": [1, 2], "of": {"3": None}}] * 2


def test_what_json_cannot_hold_is_an_error_of_the_call(kit_of: Nodes) -> None:
    run = kit_of(work=lambda s, rt: rt.record("step", {}, object)).agent("made").run("t")
    with pytest.raises(AgentkitError, match="a step call gave something that JSON cannot hold"):
        assert run.result


def test_halves_of_characters_are_replaced_where_they_come_in(kit_of: Nodes) -> None:
    """A model's JSON may hold "\\ud83d" alone, a terminal's bytes too; no database takes that."""
    seen: list[Any] = []

    def work(state: Any, rt: Any) -> Any:
        seen.append(
            rt.record("step", {"of": "a\udc80"}, lambda: {"b\ud83d": "\ud83d\ude00 \ud83d"})
        )
        rt.emit("note", {"text": "c\udcff"})
        seen.append([m.text for m in rt.inbox()])
        rt.ask("again?")
        return {"text": "went on"}

    kit = kit_of(work=work)
    run = kit.agent("made").run("t")
    kit.runs.send(run.id, "d\ud83d", author="e\udc80")
    assert answered(run, "yes").result.text == "went on"
    assert seen == [{"b\ufffd": "\U0001f600 \ufffd"}, ["d\ufffd"]] * 2
    assert Completion("f\ud83d", reasoning="\ud83d\ude00") == Completion(
        "f\ufffd", reasoning="\U0001f600"
    )


def test_an_error_that_the_node_dealt_with_comes_again(kit_of: Nodes) -> None:
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise BackendUnavailable("down", "later")

    def work(state: Any, rt: Any) -> Any:
        try:
            rt.record("step", {}, fail)
        except BackendUnavailable as error:
            rt.emit("note", {"text": error.hint})
        rt.ask("again?")
        return {"text": "went on"}

    assert answered(kit_of(work=work).agent("made").run("t"), "yes").result.text == "went on"
    assert len(calls) == 1


def test_an_error_that_ended_the_run_is_tried_again_on_resume(kit_of: Nodes) -> None:
    up = threading.Event()

    def call() -> str:
        if not up.is_set():
            raise BackendUnavailable("down", "start it")
        return "up"

    def work(state: Any, rt: Any) -> Any:
        rt.emit("note", {"text": "before"})
        return {"text": rt.record("step", {}, call)}

    kit = kit_of(work=work)
    run = kit.agent("made").run("t")
    with pytest.raises(BackendUnavailable, match="down"):
        assert run.result
    assert run.status == "failed" and run.row.note == "down"
    error = kit.runs.tail(run.id, kinds=("error",))[0].data
    assert error["code"] == "backend-unavailable" and error["hint"] == "start it"
    up.set()
    assert kit.resume(run.id).result.text == "up" and kinds(kit, run).count("note") == 1


def test_a_fault_that_is_none_of_ours_fails_the_run_and_says_where(kit_of: Nodes) -> None:
    run = kit_of(work=lambda state, rt: {}["nothing"]).agent("made").run("t")
    with pytest.raises(KeyError):
        assert run.result
    error = run._store.tail(run.id, kinds=("error",))[0].data
    assert error["message"] == "KeyError: 'nothing'" and "test_ledger.py" in "".join(error["trace"])


def test_a_view_ends_where_the_node_began(kit_of: Nodes) -> None:
    seen: list[Any] = []

    def first(state: Any, rt: Any) -> Any:
        rt.emit("note", {"n": 1})
        return {}

    def second(state: Any, rt: Any) -> Any:
        def numbers() -> Any:
            return rt.view(lambda found, event: (*found, event.data["n"]), (), ("note",))

        before = numbers()
        rt.emit("note", {"n": 2})
        between = numbers()
        rt.ask("again?")
        rt.emit("note", {"n": 3})
        seen.append((before, between, numbers()))
        return {}

    answered(kit_of(first=first, second=second).agent("made").run("t"), "yes")
    assert seen == [((1,), (1, 2), (1, 2, 3))]


def test_messages_are_handled_once_and_seen_again(kit_of: Nodes) -> None:
    heard: list[list[str]] = []

    def work(state: Any, rt: Any) -> Any:
        rt.ask("ready?")
        heard.append([m.text for m in rt.inbox()])
        rt.ask("again?")
        heard.append([m.text for m in rt.inbox()])
        return {}

    kit = kit_of(work=work)
    run = kit.agent("made").run("t")
    run.wait()
    assert [run.send(text).id for text in ("a", "b")] == ["m1", "m2"]
    run.answer("yes")
    run.wait()
    run.send("c")
    run.answer("yes")
    assert run.wait() == "done" and heard == [["a", "b"], ["a", "b"], ["c"]]
    assert [m.state for m in kit.runs.messages(run.id)] == ["handled"] * 3
    assert kinds(kit, run).count("inbox.read") == 3


def test_a_message_that_came_too_late_says_so(kit_of: Nodes) -> None:
    kit = kit_of(work=lambda state, rt: {"text": rt.ask("end?")})
    run = kit.agent("made").run("t")
    run.wait()
    run.send("wait!")
    run.answer("yes")
    assert run.wait() == "done" and [m.state for m in kit.runs.messages(run.id)] == ["late"]
    with pytest.raises(UsageError, match="is done: nobody would read"):
        run.send("hello?")


# -- effects in the world -------------------------------------------------------------------------


class Args(BaseModel):
    text: str


class Doubtful:
    """A tool with an effect outside that breaks after it happened, once."""

    def __init__(self, findable: bool | None = True) -> None:
        self.info = ToolInfo("doubtful", "for tests", Args, Effect.OUTSIDE)
        self.happened: list[str] = []
        self.broken = True
        if findable is not None:
            self.find = self._find if findable else self._cannot

    def call(self, args: Args, rt: Any) -> str:
        self.happened.append(rt.key)
        if self.broken:
            raise RuntimeError("the line broke after it")
        return "done"

    def _find(self, key: str) -> str | None:
        return "found" if key in self.happened else None

    def _cannot(self, key: str) -> None:
        raise LookupError


def broken_then_resumed(kit_of: Nodes, tool: Doubtful) -> Any:
    kit = kit_of(work=lambda state, rt: {"text": str(rt.call("doubtful", {"text": "x"}))})
    kit.add("tool", "doubtful", tool)
    run = kit.agent("made").run("t")
    assert run.wait() == "failed"
    tool.broken = False
    return kit.resume(run.id)


def test_an_effect_in_doubt_is_looked_for_by_its_key(kit_of: Nodes) -> None:
    tool = Doubtful()
    run = broken_then_resumed(kit_of, tool)
    assert run.result.text == "found" and tool.happened == [f"{run.id}/1:work/1"]


def test_an_effect_that_did_not_happen_is_done(kit_of: Nodes) -> None:
    tool = Doubtful()
    tool._find = lambda key: None  # type: ignore[method-assign]
    tool.find = tool._find
    assert broken_then_resumed(kit_of, tool).result.text == "done" and len(tool.happened) == 2


@pytest.mark.parametrize("findable", [False, None])
@pytest.mark.parametrize(("answer", "times"), [("it happened", 1), ("it did not happen", 2)])
def test_where_it_cannot_be_known_a_person_is_asked(
    kit_of: Nodes, findable: bool | None, answer: str, times: int
) -> None:
    tool = Doubtful(findable)
    run = broken_then_resumed(kit_of, tool)
    assert run.wait() == "waiting" and "result is not known" in run.questions[0].question.text
    with pytest.raises(UsageError, match="is no answer"):
        run.answer("perhaps")
    run.answer(answer)
    assert run.wait() == "done" and len(tool.happened) == times


def test_a_tool_works_through_a_runtime_of_its_own(kit_of: Nodes, tmp_path: Path) -> None:
    class Thinker:
        info = ToolInfo("thinker", "asks a model", Args, Effect.NONE)

        def call(self, args: Args, rt: Any) -> str:
            return rt.model("trial").ask(args.text) + rt.ask("sure?")

    kit = kit_of(work=lambda state, rt: {"text": rt.call("thinker", {"text": "x"})})
    kit.add("tool", "thinker", Thinker())
    run = answered(kit.agent("made").run("t"), "yes")
    assert run.result.text.endswith("yes")
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    assert {c.position for c in kit.runs.ledger(run.id)} == {"1:work", "1:work/1:thinker"}


class Outer:
    """A tool that calls another one twice, then does something with an effect of its own."""

    info = ToolInfo("outer", "posts twice", Args, Effect.OUTSIDE)

    def __init__(self) -> None:
        self.keys: list[str] = []

    def call(self, args: Args, rt: Any) -> str:
        for word in ("one", "two"):
            rt.call("post", {"text": word})
        rt.record("inner", {}, lambda: self.keys.append(rt.key))
        self.keys.append(rt.key)
        return str(rt.ask("sure?"))

    def find(self, key: str) -> str | None:
        return None


def test_calls_within_a_tool_have_rows_and_keys_of_their_own(kit_of: Nodes, tmp_path: Path) -> None:
    def work(state: Any, rt: Any) -> Any:
        first = rt.call("outer", {"text": "x"})
        return {"text": first + rt.call("outer", {"text": "x"})}

    kit, tool = kit_of(work=work), Outer()
    kit.add("tool", "outer", tool)
    run = answered(kit.agent("made").run("t"), "a", "b")
    assert run.result.text == "ab"
    lines = (tmp_path / "world").read_text().splitlines()
    keys = [line.split("\t")[0].removeprefix(f"{run.id}/") for line in lines]
    places = ("1:work/1:outer", "1:work/3:outer")
    assert keys == [f"{place}/{n}" for place in places for n in (1, 3)]
    own = {key.removeprefix(f"{run.id}/") for key in tool.keys}
    assert own == {"1:work/1", "1:work/1:outer/4", "1:work/3", "1:work/3:outer/4"}


def test_what_failed_within_a_tool_is_tried_again_on_resume(kit_of: Nodes) -> None:
    up = threading.Event()
    tries: list[str] = []

    def reach(name: str) -> str:
        tries.append(name)
        if name == "flaky" or not up.is_set():
            raise BackendUnavailable(f"{name} is down", "start it")
        return name

    class Caller:
        info = ToolInfo("caller", "needs a service", Args, Effect.NONE)

        def call(self, args: Args, rt: Any) -> str:
            try:
                rt.record("step", {"n": 1}, lambda: reach("flaky"))
            except BackendUnavailable:
                pass  # dealt with: stays as it is
            return str(rt.record("step", {"n": 2}, lambda: reach("needed")))

    kit = kit_of(work=lambda state, rt: {"text": rt.call("caller", {"text": "x"})})
    kit.add("tool", "caller", Caller())
    run = kit.agent("made").run("t")
    with pytest.raises(BackendUnavailable, match="needed is down"):
        assert run.result
    up.set()
    assert kit.resume(run.id).result.text == "needed"
    assert tries == ["flaky", "needed", "needed"]


def test_a_call_within_a_call_is_refused_before_it_takes_its_row(kit_of: Nodes) -> None:
    def work(state: Any, rt: Any) -> Any:
        rt.record("outer", {}, lambda: rt.model("trial").ask("x"))
        return {}

    run = kit_of(work=work).agent("made").run("t")
    with pytest.raises(UsageError, match=r"1:work makes a 'model' call within its call 0\n"):
        assert run.result
    assert [c.kind for c in run._store.ledger(run.id)] == ["enter", "outer"]


def test_wrong_arguments_never_reach_the_tool(kit_of: Nodes, tmp_path: Path) -> None:
    run = kit_of(work=lambda s, rt: rt.call("post", {"txt": "x"})).agent("made").run("t")
    with pytest.raises(UsageError, match="tool 'post' cannot be called so: text: Field required"):
        assert run.result
    assert not (tmp_path / "world").exists()


def test_a_denied_call_is_denied_again(kit_of: Nodes) -> None:
    said: list[str] = []

    def work(state: Any, rt: Any) -> Any:
        try:
            rt.call("post", {"text": "x"})
        except ToolDenied as error:
            said.append(error.message)
        rt.ask("again?")
        return {}

    class Never:
        def judge(self, proposal: Any) -> Any:
            raise RuntimeError("cannot think")

    kit = kit_of(work=work)
    kit.add("guard", "never", Never())
    answered(kit.agent("made").run("t"), "yes")
    assert len(set(said)) == 1 and len(said) == 2 and "cannot think" in said[0]


def test_artifacts_are_files_and_their_names_stay_inside(kit_of: Nodes) -> None:
    def work(state: Any, rt: Any) -> Any:
        rt.artifact("a.md", "one")
        path = rt.artifact("a.md", "two", "text/markdown")
        with pytest.raises(UsageError, match="no name for a file"):
            rt.artifact("../../escape", "x")
        return {"text": path}

    run = kit_of(work=work).agent("made").run("t")
    assert Path(run.result.text).read_text() == "two" == run.path("a.md").read_text()
    assert [a["size"] for a in run.artifacts] == [3, 3]
    with pytest.raises(UsageError, match=r"it has: a\.md"):
        run.path("b.md")


def test_a_question_gets_no_second_answer(kit_of: Nodes) -> None:
    kit = kit_of(work=lambda s, rt: {"text": rt.ask(Question("which?", ("a", "b")))})
    run = kit.agent("made").run("t")
    run.wait()
    with pytest.raises(UsageError, match="one of: a, b"):
        run.answer("c")
    kit.runs.answer(run.id, "a")
    with pytest.raises(UsageError, match="no such open question"):
        run.answer("b")
    run.resume()
    assert run.result.text == "a"
