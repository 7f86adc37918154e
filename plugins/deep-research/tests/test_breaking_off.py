"""A task that is cancelled in its middle is left there: the source or the model that is at work on
it is not waited for. So is one when the run is stopped or its time is up. Shown by the order of
what happens: it is let go only after the run has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from agentkit.capabilities import Cancel, Completion, SearchResult
from agentkit.kit import Kit
from agentkit.runs import Budget
from agentkit_deep_research.todo import Todo, render

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]
ASKED = "What is the kettle made of? What is the toaster made of?"


class Held:
    """What a test holds up, until it lets go."""

    def __init__(self) -> None:
        self.begun, self.go, self.over = threading.Event(), threading.Event(), threading.Event()

    def wait(self) -> None:
        self.begun.set()
        self.go.wait(60)
        self.over.set()


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held()
    yield made
    made.go.set()


def events(kit: Kit, run: str, *kinds: str) -> list[Mapping[str, Any]]:
    return [e.data for e in kit.runs.tail(run, kinds=kinds)]


def driven(kit: Kit, held: Held, say: Callable[[str], object]) -> Any:
    """A run that says something the moment that something is held up."""
    run = kit.agent("research").run(ASKED)

    def talk() -> None:
        assert held.begun.wait(60)
        say(run.id)

    other = threading.Thread(target=talk)
    other.start()
    run.wait()
    other.join()
    return run


def hold_searches(kit: Kit, held: Held, words: str) -> None:
    """Searches for some words do not come back."""
    part: Any = kit.source("pages")
    plain = part.search

    def search(query: str, k: int = 10) -> SearchResult:
        if words in query and not held.over.is_set():
            held.wait()
        return plain(query, k)  # type: ignore[no-any-return]

    part.search = search


def edited(kit: Kit, run: str) -> str:
    """The run's todo list as a file, with T1 cancelled in it."""
    todo = Todo()
    for data in events(kit, run, "todo.changed"):
        todo.apply(data)
    text = render(todo)
    (line,) = [line for line in text.splitlines() if "T1" in line and line.startswith("- [")]
    return text.replace(line, f"- [-]{line[5:]}")


SAYS: Mapping[str, Callable[[Kit, str], object]] = {
    "words": lambda kit, run: kit.runs.send(run, "exclude crumbs; cancel T1"),
    "by hand": lambda kit, run: kit.runs.send(run, "", edits=[{"op": "cancel", "task": "T1"}]),
    "file": lambda kit, run: kit.runs.send(run, "", todo=edited(kit, run)),
}


@pytest.mark.parametrize("how", SAYS)
def test_a_source_that_is_at_work_is_left(make: Make, held: Held, how: str) -> None:
    kit = make(width=1)
    hold_searches(kit, held, "kettle")
    run = driven(kit, held, lambda id: SAYS[how](kit, id))
    assert run.status == "done" and not held.go.is_set()  # it ended, and the search did not
    ends = {d["id"]: d["status"] for d in events(kit, run.id, "todo.changed")}
    assert ends["T1"] == "cancelled" and ends["T2"] == "done"
    assert not [d for d in events(kit, run.id, "evidence.added") if d["task"] == "T1"]
    assert run.result.not_found == ["What is the kettle made of?"]
    assert {"broken": True} in events(kit, run.id, "search.done")
    last = kit.runs.last(run.id)
    held.go.set()
    assert held.over.wait(60)
    assert kit.runs.last(run.id) == last  # what comes too late is no event


def test_one_that_is_told_by_another_task_is_left(make: Make, held: Held) -> None:
    """Two tasks at once: whichever reads the message, the one that it names is left."""
    kit = make(width=2)
    hold_searches(kit, held, "kettle")
    run = driven(kit, held, lambda id: kit.runs.send(id, "cancel T1"))
    assert run.status == "done" and not held.go.is_set()
    ends = {d["id"]: d["status"] for d in events(kit, run.id, "todo.changed")}
    assert ends["T1"] == "cancelled" and ends["T2"] == "done"


@pytest.mark.parametrize("listens", [True, False])
def test_a_model_that_is_at_work_is_left(make: Make, held: Held, listens: bool) -> None:
    """One that looks at its flag ends by it; one that does not is left to itself."""
    kit = make(width=1, keywords="words")
    kit.define("model", "words", use="scripted", answers=["body"], choose="request")
    model: Any = kit.model("words")
    plain, ended_by_flag = model.generate, list[bool]()

    def generate(requests: Sequence[Any], *, cancel: Cancel, **more: Any) -> list[Completion]:
        if held.begun.is_set():
            return plain(requests, cancel=cancel, **more)  # type: ignore[no-any-return]
        held.begun.set()
        while listens and not cancel and not held.go.wait(0.005):
            pass
        ended_by_flag.append(bool(cancel))
        if not listens:
            held.wait()
        return [Completion("wrong", "cancelled") for _ in requests]

    model.generate = generate
    run = driven(kit, held, lambda id: kit.runs.send(id, "stop T1"))
    assert run.status == "done" and not held.go.is_set()
    assert ended_by_flag == [listens]
    faults = [d for d in events(kit, run.id, "role.used") if d.get("faults")]
    assert not faults  # it is no fault of the model's
    ends = {d["id"]: d["status"] for d in events(kit, run.id, "todo.changed")}
    assert ends["T1"] == "cancelled" and ends["T2"] == "done"


def test_what_is_said_of_another_task_breaks_nothing_off(make: Make, held: Held) -> None:
    kit = make(width=1)
    hold_searches(kit, held, "kettle")

    def say(run: str) -> None:
        kit.runs.send(run, "T2 first; exclude crumbs")
        kit.runs.send(run, "cancel T2")
        threading.Timer(0.3, held.go.set).start()  # several looks at the messages later

    run = driven(kit, held, say)
    assert {"broken": True} not in events(kit, run.id, "search.done")
    ends = {d["id"]: d["status"] for d in events(kit, run.id, "todo.changed")}
    assert ends == {"T1": "done", "T2": "cancelled"}
    assert "made of steel" in run.result.report


@pytest.mark.parametrize("control", ["pause", "cancel"])
def test_a_run_that_is_stopped_does_not_wait_for_a_search(
    make: Make, held: Held, control: str
) -> None:
    kit = make(width=1)
    hold_searches(kit, held, "kettle")
    run = kit.agent("research").run(ASKED)
    assert held.begun.wait(60)
    ended = run.pause() if control == "pause" else run.cancel()
    assert ended == {"pause": "paused", "cancel": "cancelled"}[control] and not held.go.is_set()
    last = kit.runs.last(run.id)
    held.go.set()
    assert held.over.wait(60) and kit.runs.last(run.id) == last
    if control == "pause":
        run.resume()
        run.wait()
        assert run.status == "done" and "made of steel" in run.result.report


@pytest.mark.parametrize("words", ["kettle", "toaster"])
def test_time_that_is_up_in_a_search_ends_with_a_partial_report(
    make: Make, held: Held, words: str
) -> None:
    """The limit is set while the search hangs, so it is met within the round."""
    kit = make(width=1)
    hold_searches(kit, held, words)
    run = driven(kit, held, lambda id: kit.runs.limit(id, Budget(seconds=1e-6)))
    assert run.status == "done" and not held.go.is_set(), run.row.note
    assert run.result.status == "partial"
    assert run.result.reason == "the run's limit of 1e-06 seconds was reached"
    assert ("made of steel" in run.result.report) is (words == "toaster")
    assert "Not searched for: the research ended before" in run.result.report
    ends = {d["id"]: d["status"] for d in events(kit, run.id, "todo.changed")}
    assert ends["T2"] == "pending"  # nobody says that it was done


def test_what_one_source_gave_is_kept_when_the_time_is_up_in_another(
    make: Make, held: Held
) -> None:
    kit = make(width=1)
    kit.define("source", "slow", use="inline", documents={"a.md": "The kettle is of steel."})
    kit.define(
        "agent", "both", use="deep-research", sources=["pages", "slow"], embedder=None, width=1
    )
    part: Any = kit.source("slow")
    plain = part.search

    def search(query: str, k: int = 10) -> SearchResult:
        held.wait()
        return plain(query, k)  # type: ignore[no-any-return]

    part.search = search
    run = kit.agent("both").run("What is the kettle made of?")
    assert held.begun.wait(60)
    kit.runs.limit(run.id, Budget(seconds=1e-6))
    run.wait()
    assert run.status == "done" and not held.go.is_set(), run.row.note
    assert run.result.status == "partial" and "made of steel" in run.result.report
    (last,) = [d for d in events(kit, run.id, "todo.changed") if d["status"] == "done"]
    assert last["reason"].startswith("cut short, the time was over: ")


def test_time_that_is_up_while_a_model_writes_leaves_the_quotes(make: Make, held: Held) -> None:
    kit = make(width=1, writer="words")
    kit.define("model", "words", use="scripted", answers=["Steel it is."], choose="request")
    model: Any = kit.model("words")

    def generate(requests: Sequence[Any], **more: Any) -> list[Completion]:
        held.wait()
        return [Completion("Steel it is.", "stop") for _ in requests]

    model.generate = generate
    run = driven(kit, held, lambda id: kit.runs.limit(id, Budget(seconds=1e-6)))
    assert run.status == "done" and not held.go.is_set(), run.row.note
    assert "made of steel" in run.result.report and "Steel it is" not in run.result.report
