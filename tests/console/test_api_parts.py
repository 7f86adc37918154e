"""Parts of the console's server by themselves: the tree, cursors, slow clients, the journal."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.console import commands
from agentkit.console.entry import Sessions
from agentkit.console.fold import Folds, chunks
from agentkit.console.journal import Journal
from agentkit.console.lists import Lists
from agentkit.console.live import Passing, passing
from agentkit.console.rows import text_of
from agentkit.console.stream import EventStream, read_cursor, write_cursor
from agentkit.console.tree import Tree
from agentkit.runs.events import Event
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, NewRun

NAMES = st.sampled_from(
    "id title status text facet task usage kind data number message value name step parts edits "
    "options default answer path texts requests depends_on round score priority order".split()
)
KEYS = st.sampled_from(["a", "b", "c"])
SETS = st.lists(
    st.tuples(st.tuples(st.sampled_from(["x", "y"]), KEYS), st.one_of(st.none(), st.integers())),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(SETS, st.integers(0, 60), st.integers(1, 7))
def test_changes_bring_any_earlier_state_to_now(sets: Any, at: int, size: int) -> None:
    """In whatever pieces they come, and though the values in early pieces may be newer."""
    tree, client = Tree(), Tree()
    for seq, (path, value) in enumerate(sets, 1):
        tree.set(seq, path, value)
        if seq <= at:
            client.set(seq, path, value)
    for after, upto in chunks(min(at, len(sets)), len(sets), size):
        for path, value in tree.since(after, upto):
            client.set(upto, path, value)
    leaves = [{k: v for k, v in t.root.items() if v} for t in (tree, client)]
    assert leaves[0] == leaves[1]


@given(st.dictionaries(st.from_regex(r"[0-9a-f-]{1,20}", fullmatch=True), st.integers(0, 2**53)))
def test_cursors(runs: dict[str, int]) -> None:
    assert read_cursor(write_cursor(runs)) == runs


@pytest.mark.parametrize("text", ["a:b", "a:1.5", ":::x"])
def test_cursors_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="int"):
        read_cursor(text)


def test_who_does_not_read_is_cut() -> None:
    closed = False

    async def messages() -> AsyncIterator[str]:
        nonlocal closed
        try:
            while True:
                yield "data: x\n\n"
        finally:
            closed = True

    async def serve() -> None:
        sent = 0

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            nonlocal sent
            sent += 1
            if sent > 5:
                await asyncio.sleep(60)  # the buffers are full

        stream = EventStream(messages(), patience=0.05)
        await asyncio.wait_for(stream({"type": "http"}, receive, send), 5)

    asyncio.run(serve())
    assert closed


def test_the_journal_knows_what_was_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    said = ("client-1", "anna", "operator", "r1", "steer", {"text": "x" * 9000})
    assert journal.begin(*said) is None
    known = journal.begin(*said)
    assert known is not None and known.status == 0
    journal.end("client-1", 202, {"seq": 7})
    known = journal.begin(*said)
    assert known is not None and (known.status, known.answer) == (202, {"seq": 7})
    assert journal.begin("client-2", *said[1:]) is None
    journal.refuse("client-2", 409)
    assert journal.begin("client-2", *said[1:]) is None
    entries = journal.entries(2**53, 10)
    assert [e["status"] for e in entries] == [0, 409, 202]
    assert all(len(e["args"]) <= 2000 for e in entries)
    journal.close()


def test_cookies_are_good_for_one_server_and_role() -> None:
    one, other = (Sessions({"operator": "o" * 32, "viewer": "v" * 32}) for _ in range(2))
    traded = one.trade("v" * 32)
    assert traded is not None
    person, cookie = traded
    assert person.role == "viewer" and one.known(cookie) == person
    assert other.known(cookie) is None
    assert one.trade("w" * 32) is None and one.trade("") is None
    chance = random.Random(0)
    for _ in range(300):
        at = chance.randrange(len(cookie))
        changed = cookie[:at] + chance.choice("abc.") + cookie[at + 1 :]
        assert changed == cookie or one.known(changed) is None
    one.end(cookie)
    assert one.known(cookie) is None


def test_what_passes_is_shown_while_it_does(tmp_path: Path) -> None:
    shown = Passing(tmp_path, "r1")
    shown.show(Event("r1", 1, 0.0, "progress", "1:work", {"text": "half", "done": 0.5}))
    assert passing(tmp_path, "r1") == {
        "position": "1:work",
        "text": "half",
        "done": 0.5,
        "draft": "",
    }
    shown.close()
    assert passing(tmp_path, "r1") is None


@pytest.mark.parametrize(
    "data", [{}, {"text": None}, {"requests": []}, {"usage": []}, {"x": "y" * 9999}]
)
@pytest.mark.parametrize("kind", ["todo.changed", "model.asked", "model.done", "run.status", "odd"])
def test_rows_of_odd_events(kind: str, data: dict[str, Any]) -> None:
    assert len(text_of(Event("r", 1, 0.0, kind, "", data))) <= 200


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("ok", "a (wiki: 2)"),
        ("empty", "a (wiki: 2)"),
        ("failed", "a (wiki: failed, why)"),
        ("blocked", "a (wiki: blocked, why)"),
    ],
)
def test_a_search_that_could_not_be_made_is_no_empty_one(status: str, says: str) -> None:
    data = {"query": "a", "source": "wiki", "status": status, "reason": "why", "hits": 2}
    assert text_of(Event("r", 1, 0.0, "query.done", "", data)) == says


def test_every_kind_of_command_has_its_arguments() -> None:
    assert set(commands.ARGS) == set(commands.Kind.__args__)  # type: ignore[attr-defined]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
KINDS = st.sampled_from(
    "todo.changed evidence.added evidence.banned directive.added directive.removed model.asked "
    "directive.applied facet.found gap.found query.done metric inbox.received inbox.read odd "
    "message.ended question.asked question.answered plan.approved run.status node.entered "
    "model.done score.done artifact guard.judged error round.began run.notice".split()
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(KINDS, st.dictionaries(NAMES, JSON, max_size=5)), max_size=12))
@pytest.mark.slow
def test_no_event_of_whatever_form_spoils_a_run(written: Any) -> None:
    """Agents of others write what they like; the rest of their run is shown all the same."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteRunStore(Path(folder))
        run = store.create(NewRun("odd", "x", {}, 0)).id
        lease = store.take(run, 30)
        store.write(lease, *(Append(kind, data, "1:a") for kind, data in written))
        fold = Folds(store, {}).get(run)
        assert fold.seq == len(written) + 1
        assert [row["seq"] for row in fold.rows.all] == list(range(1, fold.seq + 1))
        json.dumps([fold.tree.root, fold.tree.since(0, fold.seq), fold.rows.all])
        json.dumps([Lists(store).row(store.get(run)), Lists(store).inbox()])
        store.close()
