"""A goal is taken apart, and put together again with what was found."""

from __future__ import annotations

from typing import Any

import pytest
from color_told import Told

from agentkit.kit import Kit
from agentkit_color_agent.orchestration import (
    answered,
    classify,
    extract,
    orchestrate,
    pieces,
    rewrite,
)

SETTINGS = '{"kind":"open","app":"Settings"}'
DONE = '{"kind":"finish","status":"success"}'


@pytest.mark.parametrize(
    ("goal", "label"),
    [
        ("Write the phone number of Marek Petrov into a new note “house rules”", "A"),
        ("Send the phone number of Hana Rao to Mia by text message", "A"),
        ("The note “People” has the number of Mia. Add Mia to the contacts with it.", "A"),
        ("What is this phone called?", "B"), ("Which code did the bank send me today?", "B"),
        ("Turn on airplane mode and tell Mia I will be late", "E"),
        ("Turn on airplane mode", "D"), ("Add “Milk and bread” to my tasks", "D"),
        ("비행기 모드를 켜 줘", "D"), ("", "D"),
    ],
)  # fmt: skip
def test_kinds(goal: str, label: str) -> None:
    assert classify(goal)[0] == label


def test_the_paper_takes_only_transcriptions_apart() -> None:
    assert classify("Turn on airplane mode and tell Mia I am late", "paper")[0] == "D"
    assert len(orchestrate("Turn on Wi-Fi and open Notes", "E", "paper")) == 1


@pytest.mark.parametrize(
    ("goal", "parts"),
    [
        ("Turn on airplane mode and tell Mia I will be late",
         ["Turn on airplane mode", "Tell Mia I will be late"]),
        ("Open Notes, then set an alarm for 7:00 and then turn off Wi-Fi",
         ["Open Notes", "Set an alarm for 7:00", "Turn off Wi-Fi"]),
        ("Write a note “Call Mia and tell Ben”", ["Write a note “Call Mia and tell Ben”"]),
        ("Buy milk and bread", ["Buy milk and bread"]),
        ("Find the recipe and send it to Mia", ["Find the recipe and send it to Mia"]),
        ("Send +1 555: “a; open b”", ["Send +1 555: “a; open b”"]),
    ],
)  # fmt: skip
def test_where_one_order_ends(goal: str, parts: list[str]) -> None:
    assert pieces(goal) == parts


def page(*texts: str, place: str = "contacts/.Person") -> dict[str, Any]:
    package, _, activity = place.partition("/")
    made = [{"role": "text", "label": t, "text": t, "bounds": [0, 0, 1, 1]} for t in texts]
    return {"package": package, "activity": activity, "elements": made}


@pytest.mark.parametrize(
    ("wants", "screens", "found"),
    [
        ("phone number of Mia Berg", [page("Mia Berg", "+1 555 010 0101, Mobile")],
         "+1 555 010 0101"),
        ("number of Ben", [page("Mia: +1 555 010 0101\nBen: +1 555 010 0102")], "+1 555 010 0102"),
        ("e-mail of Mia", [page("Mia", "mia@example.org"), page("x")], "mia@example.org"),
        ("number of Ben", [page("Mia", "+1 555 010 0101")], ""),
        ("number of Mia", [], ""),
    ],
)  # fmt: skip
def test_what_is_read_from_screens(wants: str, screens: Any, found: str) -> None:
    assert extract(wants, screens)[0] == found


def test_the_next_part_holds_the_data_and_not_the_app() -> None:
    """Acceptance 5."""
    first, second = orchestrate(
        "The note “People” has the number of Mia. Add Mia to the contacts with it.", "A"
    )
    text = rewrite(second["goal"], "+1 555 010 0101", first["app"])
    assert "+1 555 010 0101" in text and "note" not in text.casefold()
    assert rewrite("Add it from the note", "7", "note") == "Add it (“7”)"
    sent = rewrite("Send {found} to Mia", "", "maps", "address of Blue Cup")
    assert sent == "Send the address of Blue Cup to Mia", "where it was not found"
    assert answered("phone number of Dana", "Dana Berg, +1 555 010 0101") == "+1 555 010 0101"
    assert answered("place of Chess club", "North School") == "North School"


def test_each_part_begins_with_an_empty_memory(kit: Kit, told: Told) -> None:
    """Acceptance 5: history, notes and feedback of the first part are gone in the second."""
    note = '{"kind":"remember","text":"secret of part one"}'
    run = told.run(
        "Open the settings and open the notes",
        told.agent(SETTINGS, note, DONE, '{"kind":"open","app":"Notes"}', DONE),
    )
    first, _, last, second, _ = told.prompts()
    assert first.startswith("Goal: Open the settings\n") and "secret of part one" in last
    assert second.startswith("Goal: Open the notes\n")
    assert "Done:" not in second and "secret" not in second
    parts = kit.runs.tail(run.id, kinds=("color.part",))
    assert [e.data["number"] for e in parts] == [2] and run.result.claim == "success"


@pytest.mark.slow
def test_models_may_do_it(kit: Kit, told: Told) -> None:
    """A classifier's label and an orchestrator's parts are used; nonsense is left aside."""
    parts = (
        '{"parts":[{"goal":"Look at the clock","app":"clock","wants":"time of now"},'
        '{"goal":"Note {found}","app":"","wants":""}]}'
    )
    agent = told.agent(
        SETTINGS, '{"kind":"answer","text":"15:34"}', SETTINGS, DONE,
        classifier=['{"label":"A"}'], orchestrator=[parts], rewriter=['{"goal":"nonsense"}'],
    )  # fmt: skip
    run = told.run("Put the time down", agent)
    assert told.prompts()[2].startswith("Goal: Note “15:34”\n")
    others = {k: v for k, v in run.result.calls.items() if k != "model"}
    assert others == {"classifier": 1, "orchestrator": 1, "rewriter": 1}
    bad = told.agent(SETTINGS, DONE, classifier=["A."], orchestrator=["x"])
    assert told.run("Put the time down", bad).result.claim == "success"
