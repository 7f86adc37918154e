"""Calls that are broken off by an event: at once, recorded, and at the same call when a node runs
again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentkit.capabilities.tool import Effect
from agentkit.errors import BrokenOff
from agentkit.kit import Kit
from agentkit.runs import Budget, Event

pytestmark = pytest.mark.slow

KitOf = Callable[..., Kit]


def stops(event: Event) -> bool:
    return "stop" in event.data["text"]


def test_a_call_is_broken_off_once_and_again_at_its_place(kit_of: KitOf) -> None:
    begun, go, calls = threading.Event(), threading.Event(), list[str]()

    def slow() -> str:
        calls.append("slow")
        begun.set()
        go.wait(60)
        return "too late"

    def work(state: Any, rt: Any) -> dict[str, str]:
        found = rt.record("look", {"n": 1}, lambda: calls.append("first"))
        try:
            with rt.breakable(("inbox.received",), stops):
                rt.record("look", {"n": 2}, slow)
                rt.record("look", {"n": 3}, lambda: calls.append("never"))
        except BrokenOff:
            found = "left it"
        said = rt.ask("and now?")  # the node runs again from its beginning
        return {"text": f"{found}, {said}, {[m.text for m in rt.inbox()]}"}

    kit = kit_of(work=work)
    run = kit.agent("made").run("x")

    def talk() -> None:
        assert begun.wait(60)
        kit.runs.send(run.id, "go on")
        kit.runs.send(run.id, "stop")

    other = threading.Thread(target=talk)
    other.start()
    run.wait()
    other.join()
    assert run.status == "waiting" and not go.is_set()
    run.answer("well")
    run.wait()
    go.set()
    assert run.status == "done", run.row.note
    assert run.result.text == "left it, well, ['go on', 'stop']"
    assert calls == ["first", "slow"]
    told = [e.data for e in kit.runs.tail(run.id, kinds=("look.done",))]
    assert told == [{"result": None}, {"broken": True}]


def test_what_was_said_before_the_bound_breaks_nothing_off(kit_of: KitOf) -> None:
    def work(state: Any, rt: Any) -> dict[str, str]:
        rt.refresh()
        with rt.breakable(("inbox.received",), stops):
            return {"text": str(rt.record("look", {}, lambda: threading.Event().wait(0.3)))}

    kit = kit_of(work=work)
    run = kit.agent("made").create("x")
    kit.runs.send(run.id, "stop")
    going = kit.resume(run.id)
    going.wait()
    assert going.status == "done" and going.result.text == "False"


def test_an_effect_is_never_left_in_the_midst(kit_of: KitOf) -> None:
    """It is waited for: whether it happened would not be known otherwise."""
    done = list[str]()

    def work(state: Any, rt: Any) -> dict[str, str]:
        def act() -> str:
            kit.runs.send(rt.run, "stop")
            threading.Event().wait(0.3)  # several looks at the messages
            done.append("acted")
            return "acted"

        with rt.breakable(("inbox.received",), stops):
            made = rt.record("act", {}, act, effect=Effect.OUTSIDE)
            try:
                rt.record("look", {}, lambda: done.append("looked"))
            except BrokenOff:
                return {"text": made}
        return {"text": "not broken off"}

    kit = kit_of(work=work)
    run = kit.agent("made").run("x")
    run.wait()
    assert run.result.text == "acted" and done == ["acted"]


def test_an_error_and_a_fault_of_the_condition_stay_what_they_are(kit_of: KitOf) -> None:
    def wrong(event: Event) -> bool:
        raise KeyError("no such field")

    def work(state: Any, rt: Any) -> dict[str, str]:
        def fails() -> None:
            kit.runs.send(rt.run, "x")
            threading.Event().wait(0.2)
            raise ValueError("by itself")

        with rt.breakable(("inbox.received",), wrong):
            try:
                rt.record("look", {}, fails)
            except Exception as error:
                return {"text": str(error)}
        return {"text": "nothing"}

    kit = kit_of(work=work)
    run = kit.agent("made").run("x")
    run.wait()
    assert "by itself" in run.result.text


@pytest.mark.parametrize("control", ["pause", "cancel"])
def test_a_run_that_shall_stop_stops_there_too(kit_of: KitOf, control: str) -> None:
    begun = threading.Event()

    def work(state: Any, rt: Any) -> dict[str, str]:
        def look() -> None:
            begun.set()
            while not rt.cancel:
                threading.Event().wait(0.005)

        with rt.breakable(("inbox.received",), stops):
            rt.record("look", {"n": 1}, look)
            rt.record("look", {"n": 2}, lambda: None)
        return {"text": "went on"}

    kit = kit_of(work=work)
    run = kit.agent("made").run("x")

    def talk() -> None:
        assert begun.wait(60)
        kit.runs.request(run.id, control)

    other = threading.Thread(target=talk)
    other.start()
    run.wait()
    other.join()
    assert run.status == {"pause": "paused", "cancel": "cancelled"}[control]


@pytest.mark.parametrize("control", ["pause", "cancel"])
@pytest.mark.parametrize("call", ["search", "open"])
def test_a_source_is_not_waited_for_when_the_run_shall_stop(
    kit_of: KitOf, control: str, call: str
) -> None:
    """It knows no flag. Shown by the order: it is let go after the run has stopped."""
    begun, go, calls = threading.Event(), threading.Event(), list[str]()

    def slow(*args: Any) -> Any:
        calls.append(call)
        if len(calls) == 1:
            begun.set()
            go.wait(60)
        return plain(*args)

    def work(state: Any, rt: Any) -> dict[str, str]:
        found = rt.search("pages", "steel") if call == "search" else rt.open("pages", "a.md")
        return {"text": type(found).__name__}

    kit = kit_of(work=work)
    kit.define("source", "pages", use="inline", documents={"a.md": "It is of steel."})
    source: Any = kit.source("pages")
    plain = getattr(source, call)
    setattr(source, call, slow)
    run = kit.agent("made").run("x")
    assert begun.wait(60)
    status = run.pause() if control == "pause" else run.cancel()
    assert status == {"pause": "paused", "cancel": "cancelled"}[control] and not go.is_set()
    go.set()
    if control == "pause":  # nobody knows what the first call gave, so it is made once more
        run.resume()
        run.wait()
        assert run.result.text in ("SearchResult", "Document") and calls == [call, call]


def test_time_that_is_up_breaks_off_what_an_agent_can_end_without(kit_of: KitOf) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go.wait(60)

    def work(state: Any, rt: Any) -> dict[str, str]:
        try:
            with rt.breakable((), stops):
                rt.record("look", {}, slow)
        except BrokenOff:
            used, limit = rt.limits()["seconds"]
            return {"text": f"late: {used > limit}, {rt.record('look', {}, lambda: 'more')}"}
        return {"text": "went on"}

    kit = kit_of(work=work)
    agent: Any = kit.agent("made").part
    agent.info = replace(agent.info, ends=True)
    run = kit.agent("made").run("x")
    assert begun.wait(60)
    kit.runs.limit(run.id, Budget(seconds=1e-6))
    run.wait()
    assert run.status == "done" and not go.is_set(), run.row.note
    assert run.result.text == "late: True, more"
    go.set()
