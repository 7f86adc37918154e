"""Runs stop and go on: pause, cancel, budget, fault, lost checkpoint, other process, fork."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agentkit.bench import resume as killing
from agentkit.bench import trial
from agentkit.errors import AgentkitError, BudgetExceeded, ConfigError, StoreError, UsageError
from agentkit.runs import Budget, drive
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import SetStatus

pytestmark = pytest.mark.slow

Nodes = Any


def follow(run: Any) -> Any:
    """To the end, with "yes" to every question."""
    for event in run:
        if event.kind == "question.asked":
            run.answer("yes", event.seq)
    return run


def contents(kit: Any, run: str) -> list[tuple[str, int, str, Any]]:
    return [(c.position, c.index, c.kind, c.result) for c in kit.runs.ledger(run)]


# -- events ---------------------------------------------------------------------------------------


def test_events_come_in_order_with_passing_ones_between(trials: Nodes) -> None:
    kit = trials(asks=False)
    events = list(kit.agent("trial").run("fish"))
    stored = [e.seq for e in events if e.stored]
    assert (
        stored == list(range(1, len(stored) + 1)) == [e.seq for e in kit.runs.tail(events[0].run)]
    )
    assert [e.seq for e in events] == sorted(e.seq for e in events)
    deltas = [e for e in events if e.kind == "model.delta" and e.position == "1:plan"]
    done = next(e for e in events if e.kind == "model.done" and e.position == "1:plan")
    assert "".join(e.data["text"] for e in deltas) == done.data["texts"][0]


def test_an_iteration_ends_at_a_question_and_goes_on_after_the_answer(kit_of: Nodes) -> None:
    run = (
        kit_of(work=lambda s, rt: {"text": rt.ask("one?") + rt.ask("two?")}).agent("made").run("t")
    )
    first = [e.kind for e in run]
    assert first[-1] == "run.status" and run.status == "waiting"
    run.answer("1")
    second = [e.kind for e in run]
    assert second[0] == "question.answered" and run.status == "waiting"
    run.answer("2")
    assert [e.kind for e in run][-1] == "run.status" and run.result.text == "12"


def test_the_input_is_checked_before_a_run_is_made(kit_of: Nodes) -> None:
    kit = kit_of(work=lambda s, rt: {})
    with pytest.raises(UsageError, match=r"agents\.made input\.task: Field required"):
        kit.agent("made").run()
    with pytest.raises(ConfigError, match="there is no agent 'maid'; did you mean 'made'"):
        kit.agent("maid")
    assert kit.runs.runs() == []


def test_an_answer_between_the_nodes_and_the_status_is_not_lost(
    kit_of: Nodes, made: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two branches ask; one is answered after both stopped and before the run says that it waits:
    who answered saw a run at work, so the run must go on with that branch by itself."""

    def work(state: Any, rt: Any) -> Any:
        answer = rt.ask(f"{state['task']}?")
        rt.emit("note", {"text": answer})
        return {"text": answer}

    def build() -> Any:
        from langgraph.graph import START, StateGraph
        from langgraph.types import Send

        from agentkit.runs import node

        graph = StateGraph(dict)
        graph.add_node("work", node(work))
        graph.add_conditional_edges(
            START, lambda s: [Send("work", {"task": n}) for n in "ab"], ["work"]
        )
        return graph

    real, late = drive.Driver._waits, ["yes"]

    def waits(self: Any, began: int) -> bool:
        if late:
            self._store.answer(self.run, late.pop(), self._store.questions(self.run)[0].number)
        return real(self, began)

    monkeypatch.setattr(drive.Driver, "_waits", waits)
    kit = kit_of(made(build))
    run = kit.agent("made").run("t")
    assert run.wait() == "waiting" and len(run.questions) == 1
    assert [e.position for e in kit.runs.tail(run.id, kinds=("note",))] == [
        e.position for e in kit.runs.tail(run.id, kinds=("question.answered",))
    ]
    statuses = [e.data["status"] for e in kit.runs.tail(run.id, kinds=("run.status",))]
    assert statuses == ["running", "waiting"]


def test_a_full_disk_in_mid_run_is_said_and_nothing_is_lost(trials: Nodes, tmp_path: Path) -> None:
    """The disk is full by SQLite's own limit on pages, on both connections."""
    kit = trial.kit(tmp_path, seconds=0.02, asks=False)
    run = kit.agent("trial").run("fish", seed=3)
    for event in run:
        if event.kind == "model.done":
            break
    for db in (kit.runs._db, kit.runs._durable):
        db.execute("PRAGMA max_page_count = 1")  # SQLite takes it as: what there is
    run.wait()
    with pytest.raises(StoreError, match="is full"):
        assert run.result
    kit.close()
    again = trials(asks=False)
    stored = [e.seq for e in again.runs.tail(run.id)]
    assert stored == list(range(1, len(stored) + 1)) and again.runs.get(run.id).status == "running"
    resumed = again.resume(run.id)
    assert follow(resumed).result == follow(again.agent("trial").run("fish", seed=3)).result


def test_a_pause_that_cannot_be_written_is_said(
    trials: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = trial.kit(tmp_path, seconds=0.02, asks=False)
    real = kit.runs.write

    def write(lease: Any, *made: Any, **how: Any) -> Any:
        if any(isinstance(one, SetStatus) and one.status == "paused" for one in made):
            raise StoreError("the disk is full")
        return real(lease, *made, **how)

    monkeypatch.setattr(kit.runs, "write", write)
    run = kit.agent("trial").run("fish")
    run.pause()
    with pytest.raises(StoreError, match="the disk is full"):
        assert run.result
    monkeypatch.undo()
    assert follow(trials(asks=False).resume(run.id)).status == "done"
    kit.close()


# -- pause, cancel, budget ------------------------------------------------------------------------


@pytest.mark.slow
def test_a_pause_stops_in_the_midst_of_a_node_and_another_kit_goes_on(
    trials: Nodes, tmp_path: Path
) -> None:
    whole = follow(trials(asks=False).agent("trial").run("fish", seed=3)).result
    slow = trial.kit(tmp_path, seconds=0.03, asks=False)
    run = slow.agent("trial").run("fish", seed=3)
    for event in run:
        if event.kind == "model.delta" and event.position.startswith("6:work"):
            assert run.pause() == "paused"
    slow.close()
    kit = trials(asks=False)
    before = len(kit.runs.ledger(run.id))
    again = kit.resume(run.id[-6:])
    assert again.result == whole and len(kit.runs.ledger(run.id)) > before
    assert [e.data["status"] for e in kit.runs.tail(run.id, kinds=("run.status",))] == [
        "running",
        "paused",
        "running",
        "done",
    ]


@pytest.mark.parametrize("waiting", [lambda run: run.wait(), lambda run: run.result, list])
def test_ctrl_c_in_a_program_pauses_the_run(trials: Nodes, tmp_path: Path, waiting: Any) -> None:
    kit = trial.kit(tmp_path, seconds=0.2, asks=False)
    run = kit.agent("trial").run("fish")
    until(lambda: kit.runs.last(run.id) > 4)
    press = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    press.start()
    with pytest.raises(KeyboardInterrupt):
        waiting(run)
    assert run.status == "paused" and not run.driving
    kit.close()


def test_a_cancelled_run_is_over(trials: Nodes, tmp_path: Path) -> None:
    kit = trial.kit(tmp_path, seconds=0.05, asks=False)
    run = kit.agent("trial").run("fish")
    assert run.cancel() == "cancelled"
    with pytest.raises(AgentkitError, match="is cancelled"):
        assert run.result
    with pytest.raises(UsageError, match="is cancelled"):
        kit.resume(run.id)
    kit.close()


def test_closing_the_kit_pauses_its_runs(trials: Nodes, tmp_path: Path) -> None:
    with trial.kit(tmp_path, seconds=0.05, asks=False) as kit:
        run = kit.agent("trial").run("fish")
    assert SqliteRunStore(tmp_path / "runs").get(run.id).status == "paused"


@pytest.mark.parametrize("limit", [{"tokens": 20}, {"steps": 4}, {"seconds": 0.0}])
def test_a_budget_stops_the_run_and_a_higher_one_goes_on(
    trials: Nodes, limit: dict[str, Any]
) -> None:
    kit = trials(asks=False)
    run = kit.agent("trial").run("fish", budget=Budget(**limit))
    with pytest.raises(BudgetExceeded, match=f"its limit of .* {next(iter(limit))}"):
        assert run.result
    assert run.status == "paused"
    with pytest.raises(BudgetExceeded):  # what was spent before still counts
        assert kit.resume(run.id).result
    assert follow(kit.resume(run.id, budget=Budget())).status == "done"


def test_a_node_cannot_swallow_a_budget(kit_of: Nodes) -> None:
    def work(state: Any, rt: Any) -> Any:
        for _ in range(3):
            with contextlib.suppress(Exception):
                rt.model("trial").ask("x")
        return {"text": "went on regardless"}

    kit = kit_of(work=work)
    run = kit.agent("made").run("t", budget=Budget(tokens=5))
    assert run.wait() == "paused"
    assert kit.resume(run.id, budget=Budget()).result.text == "went on regardless"


# -- the checkpoint is a cache --------------------------------------------------------------------


def halfway(trials: Nodes) -> Any:
    """A run that waits at its first question, its process gone."""
    kit = trials()
    run = kit.agent("trial").run("fish", seed=1)
    run.wait()
    kit.close()
    return run


def ruin(path: Path, how: str) -> None:
    if how == "deleted":
        path.unlink()
    elif how == "garbage":
        path.write_bytes(b"no database at all" * 300)
    elif how == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    elif how == "other contents":
        db = sqlite3.connect(path)
        db.execute("UPDATE checkpoints SET checkpoint = x'ff00', metadata = '{}'")
        db.commit()
        db.close()
    elif how == "ahead":
        db = sqlite3.connect(path)
        db.execute("UPDATE checkpoints SET metadata = json_set(metadata, '$.log', 999999)")
        db.commit()
        db.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["deleted", "garbage", "cut short", "other contents", "ahead"])
def test_without_its_checkpoint_a_run_is_replayed(trials: Nodes, tmp_path: Path, how: str) -> None:
    run = halfway(trials)
    calls = (tmp_path / "calls").read_text()
    ruin(tmp_path / "runs" / "checkpoints" / f"{run.id}.db", how)
    kit = trials()
    assert follow(kit.resume(run.id)).wait() == "waiting"  # for what it asked before
    assert (tmp_path / "calls").read_text() == calls
    run = kit.resume(run.id)
    run.answer("yes")
    follow(run)
    whole = follow(trials().agent("trial").run("fish", seed=1))
    assert run.result == whole.result and contents(kit, run.id) == contents(kit, whole.id)


def test_a_finished_run_leaves_no_checkpoint(trials: Nodes, tmp_path: Path) -> None:
    follow(trials().agent("trial").run("fish"))
    assert list((tmp_path / "runs" / "checkpoints").iterdir()) == []


# -- another graph --------------------------------------------------------------------------------


def test_renamed_nodes_keep_what_they_did(
    trials: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = halfway(trials)
    calls = (tmp_path / "calls").read_text().splitlines()
    monkeypatch.setattr(trial, "NAMES", killing.RENAMED)
    kit = trials()
    run = kit.resume(run.id)
    run.answer("yes")
    follow(run)
    monkeypatch.undo()
    whole = follow(trials().agent("trial").run("fish", seed=1))
    assert run.result == whole.result and contents(kit, run.id) == contents(kit, whole.id)
    after = (tmp_path / "calls").read_text().splitlines()
    assert len(set(after)) * 2 == len(after) and after[: len(calls)] == calls
    notice = kit.runs.tail(run.id, kinds=("run.notice",))[0].data["text"]
    assert "work is now labour" in notice and "weigh is now ponder" in notice


def test_another_graph_is_refused_and_a_fork_takes_it(kit_of: Nodes) -> None:
    def ask(state: Any, rt: Any) -> Any:
        return {"text": rt.ask("go on?")}

    def add(state: Any, rt: Any) -> Any:
        return {"text": state["text"] + "!"}

    run = kit_of(ask=ask).agent("made").run("t")
    run.wait()
    run.answer("yes")
    kit = kit_of(before=lambda s, rt: {}, ask=ask)
    other = kit_of(ask=lambda s, rt: {"text": rt.ask("go on?")}).agent("made").run("t")
    other.wait()
    kit = kit_of(ask=ask, add=add)
    with pytest.raises(ConfigError, match=r"another one now \(\+add\)"):
        assert kit.resume(other.id).result
    assert kit.runs.get(other.id).status == "failed"
    fork = kit.fork(other.id, 0)
    follow(fork)
    assert fork.result.text == "yes!"


# -- forks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, 2, 5, 8, 99])
def test_a_fork_replays_its_steps_and_makes_the_rest(
    trials: Nodes, tmp_path: Path, step: int
) -> None:
    kit = trials(asks=False)
    run = kit.agent("trial").run("fish", seed=2)
    run.send("hear me")
    assert run.wait() == "done"
    before = len((tmp_path / "calls").read_text().splitlines())
    fork = kit.fork(run.id, step)
    assert fork.result == run.result
    made = len((tmp_path / "calls").read_text().splitlines()) - before
    after = [c for c in kit.runs.ledger(run.id) if int(c.position.split(":")[0]) > step]
    assert made == sum(c.kind == "model" for c in after)
    assert len(kit.runs.ledger(fork.id)) >= len(kit.runs.ledger(run.id)) - 2  # the message's note
    seqs = [e.seq for e in kit.runs.tail(fork.id)]
    assert seqs == list(range(1, len(seqs) + 1)) and fork.row.parent == run.id
    kit.runs.delete(run.id)
    assert fork.path("report.md").read_text() == fork.result.report


def test_messages_to_a_fork_get_numbers_of_their_own(kit_of: Nodes) -> None:
    heard: list[Any] = []

    def work(state: Any, rt: Any) -> Any:
        heard.append([m.id for m in rt.inbox()])
        return {"text": rt.ask("go on?")}

    kit = kit_of(first=lambda s, rt: {"text": rt.ask("ready?")}, work=work)
    run = kit.agent("made").run("t")
    run.wait()
    run.send("one")
    run.answer("yes")
    run.wait()
    fork = kit.fork(run.id, 2)
    fork.wait()
    assert fork.send("two").id == "m2" and heard == [["m1"], ["m1"]]


# -- several processes ----------------------------------------------------------------------------


def fresh(target: Any, *args: Any) -> Any:
    """A process that is forked from a clean one, not from the tests' own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["agentkit.bench.resume", "langgraph.graph"])
    process = context.Process(target=target, args=args)
    process.start()
    return process


def until(condition: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


@pytest.mark.slow
def test_one_process_drives_and_another_may_pause_it(trials: Nodes, tmp_path: Path) -> None:
    run = killing.create(tmp_path, 0.1, 1)
    child = fresh(killing.drive, tmp_path, run, 0.1, False)
    kit = trials()
    until(lambda: kit.runs.get(run).status == "running")
    with pytest.raises(StoreError, match="is being driven by another process"):
        kit.resume(run)
    with pytest.raises(UsageError, match="is being driven"):
        kit.runs.delete(run)
    kit.runs.request(run, "pause")
    until(lambda: kit.runs.get(run).status == "paused")
    child.join()
    with pytest.raises(UsageError, match="is not at work: it is paused"):
        kit.runs.request(run, "pause")


@pytest.mark.slow
def test_a_killed_process_is_taken_over_at_once(trials: Nodes, tmp_path: Path) -> None:
    run = killing.create(tmp_path, 0.1, 1)
    child = fresh(killing.drive, tmp_path, run, 0.1, False)
    kit = trials()
    until(lambda: kit.runs.last(run) > 6)
    child.kill()
    child.join()
    assert kit.runs.get(run).status == "running" and kit.runs.get(run).until > time.time()
    assert follow(kit.resume(run)).wait() in ("waiting", "done")


def stubborn(folder: Path, run: str) -> None:
    drive.TTL = 1.0
    killing.drive(folder, run, 0.05, False)


def stopped(pid: int, *files: Path) -> bool:
    """Stops a process; lets it go on where it holds one of these databases, since in the middle of
    a commit it would keep everybody from writing."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.02)  # a signal takes a moment
    try:
        for file in files:
            with contextlib.closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
    except sqlite3.OperationalError:
        os.kill(pid, signal.SIGCONT)
        return False
    return True


@pytest.mark.slow
def test_a_stopped_process_that_wakes_up_writes_nothing_more(trials: Nodes, tmp_path: Path) -> None:
    run = killing.create(tmp_path, 0.05, 1)
    child = fresh(stubborn, tmp_path, run)
    kit = trials()
    until(lambda: kit.runs.last(run) > 6)
    try:
        until(lambda: stopped(child.pid, kit.runs.path, kit.runs.checkpoint(run)))
        until(lambda: kit.runs.get(run).until < time.time())
        again = follow(kit.resume(run))
        while again.status == "waiting":
            again.answer("yes", again.questions[0].number)
            follow(again)
        assert again.status == "done"
        last, effects = kit.runs.last(run), (tmp_path / "world").read_text()
    finally:  # a stopped process is never waited for
        os.kill(child.pid, signal.SIGCONT)
    child.join(20)
    assert child.exitcode is not None and kit.runs.last(run) == last
    assert (tmp_path / "world").read_text() == effects


def test_many_threads_answer_once(kit_of: Nodes) -> None:
    kit = kit_of(work=lambda s, rt: {"text": rt.ask("who?")})
    run = kit.agent("made").run("t")
    run.wait()
    wins: list[str] = []

    def answer(name: str) -> None:
        with contextlib.suppress(UsageError):
            kit.runs.answer(run.id, name)
            wins.append(name)

    threads = [threading.Thread(target=answer, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.resume()
    assert len(wins) == 1 and run.result.text == wins[0]
