"""The rules of reflection, without a phone."""

from __future__ import annotations

from typing import Any

import pytest

from agentkit_color_agent.reflection import (
    action_reflection,
    answer_judgement,
    finish_judgement,
    trajectory_due,
    trajectory_fault,
)
from agentkit_color_agent.state import Taken, Verdict


def trail(
    keys: str, kind: str = "tap", screens: str = "", outcomes: str = "", start: int = 0
) -> list[Taken]:
    """A step for each letter; a dot is a step without an action."""
    made: list[Taken] = []
    for n, k in enumerate(keys):
        outcome: Verdict = outcomes[n] if outcomes else "A"  # type: ignore[assignment]
        screen = screens[n] if screens else f"{start + n}"
        key, of = ("", "") if k == "." else (k, kind)
        made.append({"key": key, "kind": of, "screen": screen, "outcome": outcome})
    return made


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (trail("AAA"), "same action"), (trail("ABAB"), "last 4 actions go in a circle"),
        (trail("ABCABC"), "last 6 actions go in a circle"),
        (trail("ABC", screens="xxx"), "the screen was the same"),
        (trail("ABC", outcomes="BCB"), "3 actions in a row failed"),
    ],
)  # fmt: skip
def test_each_rule_fires_once(steps: list[Taken], said: str) -> None:
    """Acceptance 3: at the step that completes it, and not again once it was looked at."""
    fired = [n for n in range(1, len(steps) + 1) if trajectory_fault(steps[:n])]
    assert fired == [len(steps)] and said in trajectory_fault(steps)
    assert not trajectory_fault([])


@pytest.mark.parametrize(
    "steps",
    [
        trail("AAA", kind="swipe"), trail("AAA", kind="scroll"), trail("AAA", kind="wait"),
        trail("ABC", kind="wait", screens="xxx"), trail("AB"), trail("ABA"), trail("ABCAB"),
        trail("..."), trail("...", screens="xxx"), trail("AAB", outcomes="BCA"), trail("AABB"),
    ],
)  # fmt: skip
def test_no_rule_fires(steps: list[Taken]) -> None:
    """Swipes and waits may be repeated; a step without an action does no harm."""
    assert not trajectory_fault(steps)


def test_the_end_of_a_page_is_told() -> None:
    assert "end of the page" in trajectory_fault(trail("AAA", kind="swipe", screens="xxx"))


def test_it_is_cold_between_two_looks() -> None:
    """The sheet's example: a stall from step 1 is first told at step 4."""
    told, looked = [], 0
    for step in range(1, 13):
        if trajectory_due(step, looked, "stalled", cold=3, every=5):
            told.append(step)
            looked = step
    assert told == [4, 8, 12]
    every = [n for n in range(1, 13) if trajectory_due(n, n - 5, "", cold=3, every=5)]
    assert every == [5, 10]


def screen(*elements: dict[str, Any], place: str = "app/.Main") -> dict[str, Any]:
    package, _, activity = place.partition("/")
    made = [{"role": "row", "bounds": [0, n * 10, 100, n * 10 + 10], **e}
            for n, e in enumerate(elements)]  # fmt: skip
    return {"package": package, "activity": f"/{activity}", "time": "t", "elements": made}


WIFI_OFF = screen({"label": "Wi-Fi", "role": "switch", "checked": False, "clickable": True})
WIFI_ON = screen({"label": "Wi-Fi", "role": "switch", "checked": True, "clickable": True})
EMPTY = screen({"label": "Name", "text": "Name", "role": "field", "editable": True})
FOCUSED = screen(
    {"label": "Name", "text": "Name", "role": "field", "editable": True, "focused": True}
)
TYPED = screen({"label": "Mia", "text": "Mia", "role": "field", "editable": True, "focused": True})
TAP = {"kind": "tap", "x": 5, "y": 5}


@pytest.mark.parametrize(
    ("before", "after", "action", "info", "outcome", "said"),
    [
        (WIFI_OFF, WIFI_ON, TAP, {}, "A", ""),
        (WIFI_OFF, WIFI_OFF, TAP, {}, "C", "did not change"),
        (WIFI_OFF, {**WIFI_OFF, "time": "later"}, TAP, {}, "C", "did not change"),
        (FOCUSED, TYPED, {"kind": "type", "text": "Mia"}, {}, "A", ""),
        (FOCUSED, FOCUSED, {"kind": "type", "text": "Mia"}, {}, "B", "does not hold"),
        (EMPTY, EMPTY, {"kind": "type", "text": "Mia"}, {}, "C", "no field has the focus"),
        (WIFI_ON, WIFI_ON, {"kind": "scroll", "direction": "down"}, {}, "C", "end of the page"),
        (WIFI_ON, WIFI_ON, {"kind": "wait"}, {}, "A", ""),
        (WIFI_ON, WIFI_OFF, {"kind": "open", "app": "Notes"}, {}, "B", "Notes did not come"),
        (WIFI_ON, EMPTY, TAP, {"refused": "there is no such app"}, "C", "no such app"),
        (WIFI_ON, EMPTY, TAP, {"in_doubt": "it was lost"}, "D", "look before"),
        (WIFI_ON, {"lost": "black", "elements": []}, TAP, {}, "D", "cannot be read"),
    ],
)  # fmt: skip
def test_what_an_action_did(
    before: Any, after: Any, action: Any, info: Any, outcome: str, said: str
) -> None:
    found = action_reflection(before, after, action, info)
    assert found.outcome == outcome and said in found.error


@pytest.mark.parametrize(
    ("goal", "screens", "history", "done"),
    [
        ("Turn on Wi-Fi", [WIFI_ON], ["tap"], "Success"),
        ("Turn on Wi-Fi", [WIFI_OFF], ["tap"], "Failed"),
        ("Turn on Wi-Fi", [EMPTY], ['tap switch "Wi-Fi"'], "Uncertain"),
        ("Turn on Wi-Fi", [EMPTY], ['open "Settings"'], "Failed"),
        ("Add “Mia” to the contacts", [EMPTY], ["tap"], "Failed"),
        ("Add “Mia” to the contacts", [EMPTY], ['type "Mia"'], "Uncertain"),
        ("Turn on Wi-Fi", [WIFI_ON], [], "Failed"),
        ("Write to +1 555 010 0108", [EMPTY], ["tap"], "Failed"),
        ("Look around", [EMPTY], ["tap"], "Uncertain"),
    ],
)  # fmt: skip
def test_whether_it_can_be_done(goal: str, screens: Any, history: Any, done: str) -> None:
    steps = trail("A" * len(history))
    assert finish_judgement(goal, "success", history, screens, steps).done == done


@pytest.mark.parametrize(
    ("goal", "label", "done"),
    [
        ("Delete the alarm at 11:52", "11:52, Not repeating", "Failed"),
        ("Delete the alarm at 11:52", "11:53, Not repeating", "Uncertain"),
        ("Remove “Mia” from the favourites", "Mia", "Uncertain"),
        ("Delete the note “Mia”", "“Mia” deleted", "Uncertain"),
        ("Delete the note “Mia”", "Mia", "Failed"),
    ],
)  # fmt: skip
def test_what_was_to_be_deleted_is_gone(goal: str, label: str, done: str) -> None:
    last = screen({"label": label}, {"label": "Search: Mia", "editable": True})
    history = ['tap row "Mia 11:52"']
    assert finish_judgement(goal, "success", history, [last], trail("A")).done == done


@pytest.mark.parametrize(
    ("goal", "text", "done"),
    [
        ("How much was “Lamp”?", "No events", "Failed"),
        ("How much was “Lamp”?", "Lamp", "Failed"),
        ("How much was “Lamp”?", "Lamp, €12.30", "Uncertain"),
        ("Is there an alarm?", "No", "Uncertain"),
        ("What is the e-mail address of Mia?", "+1 555", "Failed"),
        ("What is the e-mail address of Mia?", "mia@example.org", "Uncertain"),
        ("Who wrote last?", "Noor", "Uncertain"),
        ("Who has the number +1 555 010 0101?", "Noor", "Uncertain"),
    ],
)
def test_what_is_no_answer(goal: str, text: str, done: str) -> None:
    assert answer_judgement(goal, text).done == done


def test_a_form_that_is_open_is_not_done() -> None:
    form = screen(TYPED["elements"][0], {"label": "Save", "clickable": True})
    found = finish_judgement("Add “Mia”", "success", ['type "Mia"'], [form], trail("A"))
    assert found.done == "Failed" and "saved" in found.reason


def test_giving_up_is_looked_at_once() -> None:
    def judged(steps: int, tried: int) -> str:
        done = trail("ABCDEFG"[:steps])
        return finish_judgement("x", "infeasible", ["tap"], [EMPTY], done, tried=tried).done

    assert judged(1, 0) == "Failed" and judged(1, 1) == "Uncertain" and judged(5, 0) == "Uncertain"
