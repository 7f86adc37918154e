"""A run over the API: planned, steered, answered, paused, forked, exported; read in the log."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import uuid
import zipfile
from typing import Any

import pytest

from tests.console.serving import QUESTION, Console

pytestmark = pytest.mark.slow

MANY = " and ".join(
    f"when was the {thing} built"
    for thing in ("windmill of Aldern", "watermill of Bern", "tidal mill of Carn")
)


@pytest.fixture(scope="module")
def done(console: Console) -> str:
    """A finished run."""
    run = console.start()
    console.ended(run)
    return run


def events(console: Console, run: str, *kinds: str) -> list[dict[str, Any]]:
    """What stands in the store, read past the server."""
    db = sqlite3.connect(console.folder / "runs" / "runs.db")
    try:
        found = db.execute(
            "SELECT seq, kind, position, data FROM events WHERE run = ? ORDER BY seq", (run,)
        ).fetchall()
    finally:
        db.close()
    return [
        {**json.loads(data), "seq": seq, "kind": kind, "position": position}
        for seq, kind, position, data in found
        if not kinds or kind in kinds
    ]


def planned(console: Console, task: str = MANY) -> tuple[str, Any]:
    """A run whose plan waits to be approved."""
    run = console.start(task, settings={"approve": True, "mode": "quick"})
    return run, console.until(
        run, lambda s: s.get("plan", {}).get("question") and s["run"]["status"] == "waiting"
    )


def revised(console: Console, run: str, number: int) -> Any:
    """The state once the plan is asked about again."""
    return console.until(run, lambda s: (s["plan"]["question"] or 0) > number)


# -- a finished run -------------------------------------------------------------------------------


def test_a_run_from_question_to_report(console: Console, done: str) -> None:
    state = console.state(done)
    assert [t["status"] for t in state["tasks"].values()] == ["done", "done"]
    texts = " ".join(s["text"] for s in state["evidence"].values())
    assert "1821" in texts and "1790" in texts
    assert state["meter"]["steps"] > 3 and state["meter"]["running"] is False
    assert state["order"] == [] and "now" not in state
    (listed,) = [r for r in console.get("/api/runs?q=windmill")["runs"] if r["id"] == done]
    assert listed["done"] == listed["tasks"] == 2 and listed["status"] == "done"
    assert console.get("/api/runs?q=nothing-like-it")["runs"] == []


def test_the_timeline_is_the_log(console: Console, done: str) -> None:
    log = events(console, done)
    rows = console.get(f"/api/runs/{done}/timeline")["rows"]
    assert [(r["seq"], r["kind"]) for r in rows] == [(e["seq"], e["kind"]) for e in log]
    last = console.get(f"/api/runs/{done}/timeline?before=11&limit=3")["rows"]
    assert [r["seq"] for r in last] == [8, 9, 10]
    asked = {r["seq"]: r["kind"] for r in rows}
    for row in rows:
        if "of" in row:
            assert asked[row["of"]].split(".")[0] == row["kind"].split(".")[0]
    whole = console.get(f"/api/runs/{done}/events/{log[-1]['seq']}")
    assert whole["data"]["status"] == "done"
    assert console.ask("GET", f"/api/runs/{done}/events/99999").status == 404


def test_every_citation_opens_its_exact_quote(console: Console, done: str) -> None:
    report = console.get(f"/api/runs/{done}/report")
    quotes = [q for section in report["sections"] for q in section["quotes"]]
    assert len(quotes) >= 2 and report["checked"] >= 2
    evidence = console.state(done)["evidence"]
    for quote in quotes:
        page = console.get(f"/api/runs/{done}/evidence/{quote['key']}/page")
        assert page["changed"] is False
        assert page["quote"] == quote["text"] == evidence[quote["key"]]["text"]
        file = (console.folder / "notes" / page["document"]).read_bytes()
        assert page["quote"].encode() in file or page["quote"] in page["quote"]
        assert quote["support"] == "verified"
    numbers = {r["number"] for r in report["references"]}
    assert {q["number"] for q in quotes} <= numbers


def test_a_page_that_changed_is_not_shown_as_the_quoted_one(console: Console) -> None:
    path = console.folder / "notes" / "passing.md"
    path.write_text("# Passing\n\nThe ropewalk of Dorn was built in 1711. It makes ropes.\n")
    run = console.start("When was the ropewalk of Dorn built?")
    state = console.ended(run)
    (key, span), *_ = state["evidence"].items()
    path.write_text("# Passing\n\nThe ropewalk of Dorn was built in 1999. It makes ropes.\n")
    page = console.get(f"/api/runs/{run}/evidence/{key}/page")
    assert page["changed"] is True and page["quote"] == span["text"] and page["before"] == ""


def test_exports_open_again(console: Console, done: str) -> None:
    offered = console.get(f"/api/runs/{done}/exports")["exports"]
    assert all(e["title"] != e["titles"]["ko"] for e in offered)
    names = {e["name"] for e in offered}
    files = {}
    for name in names:
        answer = console.ask("GET", f"/api/runs/{done}/exports/{name}")
        assert answer.status == 200, (name, answer.body[:300])
        assert answer.headers["content-disposition"].startswith("attachment")
        files[name] = answer.body
    assert {"report.md", "report.html", "report.pdf", "report.docx", "run.jsonl"} <= names
    assert files["report.pdf"].startswith(b"%PDF-") and b"1821" in files["report.md"]
    with zipfile.ZipFile(io.BytesIO(files["report.docx"])) as packed:
        assert b"1790" in packed.read("word/document.xml")
    lines = [json.loads(line) for line in files["run.jsonl"].splitlines()]
    assert len(lines) == 1 + len(events(console, done))
    rows = list(csv.DictReader(io.StringIO(files["evidence.csv"].decode())))
    assert len(rows) == len(console.state(done)["evidence"])
    assert console.ask("GET", f"/api/runs/{done}/exports/report.exe").status == 404
    content = console.ask("GET", f"/api/runs/{done}/artifacts/report.json")
    assert json.loads(content.body)["status"] == "complete"


def test_a_limit_of_the_run_ends_with_a_partial_report_that_says_so(console: Console) -> None:
    """Plan, approve, one of two tasks, gaps, report: five steps."""
    run = console.start(budget={"steps": 5})
    state = console.ended(run)
    assert state["meter"]["steps"] == 5
    assert sorted(t["status"] for t in state["tasks"].values()) == ["done", "pending"]
    report = console.get(f"/api/runs/{run}/report")
    assert report["status"] == "partial" and "limit of 5 steps" in report["reason"]
    assert report["sections"] and report["missing"]


# -- the plan -------------------------------------------------------------------------------------


def test_the_plan_is_changed_by_hand_and_runs_as_approved(console: Console) -> None:
    run, state = planned(console)
    number = state["plan"]["question"]
    assert state["order"] == ["T1", "T2", "T3"] and state["run"]["status"] == "waiting"
    console.command(run, "task.reorder", tasks=["T3", "T1", "T2"])
    state = revised(console, run, number)
    assert state["order"] == ["T3", "T1", "T2"]
    number = state["plan"]["question"]
    console.command(run, "task.cancel", task="T2", reason="not now")
    state = revised(console, run, number)
    assert state["tasks"]["T2"]["status"] == "cancelled"
    number = state["plan"]["question"]
    console.command(run, "task.edit", task="T1", title="What does the windmill of Aldern grind?")
    state = revised(console, run, number)
    assert state["tasks"]["T1"]["query"] == "What does the windmill of Aldern grind?"
    number = state["plan"]["question"]
    console.command(run, "task.add", title="What does the watermill of Bern saw?", after="T3")
    state = revised(console, run, number)
    assert state["tasks"]["T4"]["origin"] == "person"
    wanted = state["order"]
    number = state["plan"]["question"]
    console.command(run, "plan.approve")
    state = console.ended(run)
    began = [e["id"] for e in events(console, run, "todo.changed") if e["status"] == "in_progress"]
    assert began[: len(wanted)] == wanted and "T2" not in began
    assert state["plan"]["state"] == "approved"
    report = console.get(f"/api/runs/{run}/report")
    titles = " ".join(s["title"] for s in report["sections"])
    assert "What does the windmill of Aldern grind" in titles
    assert "rye" in json.dumps(report) and "oak" in json.dumps(report)


def test_edits_come_with_the_approval(console: Console) -> None:
    run, _ = planned(console)
    edits = [{"op": "order", "tasks": ["T2", "T3", "T1"]}, {"op": "cancel", "task": "T3"}]
    console.command(run, "plan.approve", edits=edits)
    console.ended(run)
    began = [e["id"] for e in events(console, run, "todo.changed") if e["status"] == "in_progress"]
    assert began == ["T2", "T1"]


def test_a_plan_is_rejected_by_its_button_alone(console: Console) -> None:
    run, state = planned(console)
    number = state["plan"]["question"]
    for text in ("no", "Yes!", "ok", "approve.", "STOP"):
        console.command(run, "plan.edit", status=422, text=text)
    console.command(run, "plan.edit", text="not enough: exclude oak")
    state = revised(console, run, number)
    assert state["plan"]["state"] == "asked"
    console.command(run, "plan.reject")
    state = console.ended(run)
    assert state["plan"]["state"] == "refused" and not state.get("evidence")
    console.command(run, "plan.approve", status=409)


# -- steering -------------------------------------------------------------------------------------


def test_messages_tell_what_became_of_them(console: Console) -> None:
    run, _ = planned(console)
    kept = console.command(run, "steer", text="exclude oak")["message"]
    gone = console.command(run, "steer", text="exclude rye")["message"]
    odd = console.command(run, "steer", text="colorless green ideas")["message"]
    state = console.state(run)
    assert [state["messages"][m]["state"] for m in (kept, gone, odd)] == ["queued"] * 3
    console.command(run, "message.withdraw", message=gone)
    console.command(run, "message.withdraw", status=409, message=gone)
    console.command(run, "plan.approve")
    state = console.ended(run)
    messages = state["messages"]
    assert messages[kept]["state"] == "applied" and "oak" in messages[kept]["reason"]
    assert messages[kept]["step"]
    assert messages[gone]["state"] == "withdrawn" and messages[odd]["state"] == "rejected"
    assert messages[odd]["reason"]
    (rule,) = state["rules"].values()
    assert (rule["id"], rule["kind"], rule["value"], rule["ended"]) == ("D1", "exclude", "oak", "")
    console.command(run, "steer", status=409, text="too late")


def test_a_directive_is_lifted(console: Console) -> None:
    run, state = planned(console)
    number = state["plan"]["question"]
    console.command(run, "plan.edit", text="exclude Bern")
    number = revised(console, run, number)["plan"]["question"]
    assert console.state(run)["rules"]["D1"]["ended"] == ""
    console.command(run, "directive.remove", directive="D1")
    console.command(run, "plan.approve")
    state = console.ended(run)
    assert state["rules"]["D1"]["ended"] == "lifted" and number
    console.command(run, "directive.remove", status=409, directive="D1")
    console.command(run, "directive.remove", status=404, directive="D9")


def test_a_quote_is_banned_while_the_run_works(console: Console) -> None:
    """Banned in a run that stands still between two searches, and so not in its report."""
    run, _ = planned(console, QUESTION)
    console.command(run, "evidence.ban", status=404, evidence="nothing:0")
    console.command(run, "budget.set", steps=3)
    console.command(run, "plan.approve")
    state = console.until(run, lambda s: s["run"]["status"] == "paused")
    key = next(k for k, s in state["evidence"].items() if "1821" in s["text"])
    kept = next((k for k, s in state["evidence"].items() if k != key), key)
    console.command(run, "evidence.ban", state["evidence"][key]["seq"], evidence=key, reason="old")
    console.command(run, "evidence.ban", 1, 409, evidence=kept)
    console.command(run, "resume", budget={"steps": None})
    state = console.ended(run)
    assert state["evidence"][key]["banned"] == "old"
    report = json.dumps(console.get(f"/api/runs/{run}/report")["sections"])
    assert "1821" not in report and "1790" in report


# -- versions and repetition ----------------------------------------------------------------------


def test_two_tabs_on_one_task(console: Console) -> None:
    run, state = planned(console)
    task = state["tasks"]["T1"]
    number = state["plan"]["question"]
    console.command(run, "task.edit", task["version"], task="T1", priority=20)
    state = revised(console, run, number)
    assert state["tasks"]["T1"]["priority"] == 20
    answer = console.command(run, "task.edit", task["version"], 409, task="T1", priority=3)
    assert answer["error"]["code"] == "conflict"
    assert answer["error"]["current"] == state["tasks"]["T1"]
    assert console.state(run)["tasks"]["T1"]["priority"] == 20
    console.command(run, "stop")


def test_a_repeated_command_is_done_once(console: Console) -> None:
    run, _ = planned(console)
    body = {"client_id": str(uuid.uuid4()), "kind": "steer", "args": {"text": "exclude oak"}}
    path = f"/api/runs/{run}/commands"
    first, second = (console.ask("POST", path, body) for _ in range(2))
    assert first.status == second.status == 202 and first.json == second.json
    assert len(events(console, run, "inbox.received")) == 1
    other = console.ask("POST", path, {**body, "kind": "pause", "args": {}})
    assert other.status == 409
    start = {"client_id": str(uuid.uuid4()), "agent": "research", "task": QUESTION}
    one, two = (console.ask("POST", "/api/runs", start) for _ in range(2))
    assert one.json["run"]["id"] == two.json["run"]["id"]
    console.command(run, "stop")
    audit = console.get("/api/audit")["entries"]
    assert [e["kind"] for e in audit if e["run"] == run][:2] == ["stop", "steer"]


def test_only_one_answer_counts(console: Console) -> None:
    run, state = planned(console)
    number = state["plan"]["question"]
    (asked,) = [q for q in console.get("/api/inbox")["questions"] if q["run"]["id"] == run]
    assert asked["number"] == number and asked["kind"] == "plan"
    console.command(run, "answer", question=number, answer="approve")
    answer = console.command(run, "answer", status=409, question=number, answer="stop")
    assert answer["error"]["current"]["answer"] == "approve"
    console.ended(run)
    assert all(q["run"]["id"] != run for q in console.get("/api/inbox")["questions"])


# -- going on -------------------------------------------------------------------------------------


def test_a_fork_leaves_its_parent_alone(console: Console, done: str) -> None:
    before = events(console, done)
    made = console.command(done, "fork", step=2, text="exclude Bern")
    fork = made["result"]["run"]["id"]
    state = console.ended(fork)
    assert state["run"]["parent"] == done and state["run"]["parent_step"] == 2
    assert "exclude" in {r["kind"] for r in state["rules"].values()}
    assert events(console, done) == before
    family = console.get(f"/api/runs/{fork}/family")
    assert family["root"] == done and fork in {r["id"] for r in family["runs"]}
    compared = console.get(f"/api/compare?one={done}&two={fork}")
    assert compared["shared"] == 2 and compared["evidence"]["one"]
    assert {line["op"] for line in compared["report"]} >= {"same", "one"}
    console.command(done, "fork", status=422, step=999)


def test_a_report_is_revised(console: Console, done: str) -> None:
    made = console.command(done, "revise", text="exclude Bern")
    again = made["result"]["run"]["id"]
    console.ended(again)
    report = json.dumps(console.get(f"/api/runs/{again}/report")["sections"])
    assert "1821" in report and "1790" not in report


def test_limits_hold_at_once(console: Console) -> None:
    run, _ = planned(console)
    console.command(run, "budget.set", steps=3)
    assert console.state(run)["run"]["budget"] == {"tokens": None, "seconds": None, "steps": 3}
    console.command(run, "plan.approve")
    state = console.until(run, lambda s: s["run"]["status"] == "paused")
    assert "limit of 3 steps" in state["run"]["note"]
    console.command(run, "resume", budget={"steps": None})
    assert console.ended(run)["run"]["budget"]["steps"] is None


def test_a_run_is_deleted(console: Console) -> None:
    run = console.start("When was the watermill of Bern built?")
    console.ended(run)
    console.until(run, lambda s: not s["run"]["driven"])
    console.command(run, "delete")
    assert console.ask("GET", f"/api/runs/{run}").status == 404
    assert events(console, run) == []


# -- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"agent": "nobody", "task": "x"}, 400),
        ({"agent": "research", "task": ""}, 422),
        ({"agent": "research", "task": "   "}, 422),
        ({"agent": "research", "task": "x", "settings": {"path": "/etc"}}, 422),
        ({"agent": "research", "task": "x", "settings": {"sources": ["mcp:rm"]}}, 422),
        ({"agent": "research", "task": "x", "settings": {"mode": "endless"}}, 400),
        ({"agent": "research", "task": "x", "settings": {"quotes": 10**9}}, 400),
        ({"agent": "research", "task": "x", "command": "rm -rf /"}, 422),
        ({"agent": "research", "task": "x", "budget": {"tokens": -1}}, 422),
        ({"agent": "research", "task": "x", "upload": "../../etc"}, 422),
        ({"agent": "research", "task": "x", "upload": "u-0123456789abcdef"}, 404),
        ({"agent": "research", "task": "x", "input": {"file": "/etc/passwd"}}, 201),
        ({"agent": "research", "task": "\N{RIGHT-TO-LEFT OVERRIDE}evil \N{FIRE}" * 9}, 201),
        ({"agent": "research", "task": "why " * 25_000}, 201),
    ],
)
def test_what_may_start_a_run(console: Console, body: dict[str, Any], status: int) -> None:
    answer = console.ask("POST", "/api/runs", {"client_id": str(uuid.uuid4()), **body})
    assert answer.status == status, answer.body[:400]
    if status == 201:
        console.command(answer.json["run"]["id"], "stop")
    else:
        assert answer.json["error"]["message"] and answer.json["error"]["id"]


def test_a_run_reads_uploaded_files(console: Console) -> None:
    upload = console.ask("POST", "/api/uploads").json["upload"]
    text = b"# Kiln\n\nThe kiln of Elm was built in 1888. It burns lime.\n"
    put = console.ask("PUT", f"/api/uploads/{upload}/my%20notes.MD", text)
    assert put.json == {"name": "my-notes.md", "size": len(text), "kind": "md"}
    run = console.start("When was the kiln of Elm built?", upload=upload)
    state = console.ended(run)
    assert any("1888" in s["text"] for s in state["evidence"].values())


# -- stopping and going on ------------------------------------------------------------------------


def test_paused_and_resumed_is_the_same_as_not(console: Console) -> None:
    """Paused at whatever moment, gone on with by another process: the same report."""
    plain = console.start(MANY, settings={"mode": "quick"})
    console.ended(plain)
    run = console.start(MANY, settings={"mode": "quick"})
    console.until(run, lambda s: s.get("now"))
    body = {"client_id": str(uuid.uuid4()), "kind": "pause", "args": {}}
    answer = console.ask("POST", f"/api/runs/{run}/commands", body)
    assert answer.status in (202, 400)  # it may have ended meanwhile
    state = console.until(run, lambda s: s["run"]["status"] in ("paused", "done"))
    if state["run"]["status"] == "paused":
        assert "now" not in state and state["meter"]["running"] is False
        console.command(run, "resume")
    console.ended(run)
    one, two = (console.get(f"/api/runs/{r}/report") for r in (plain, run))
    assert one == two
    assert not events(console, run, "error")


def test_a_task_under_way_is_cancelled(console: Console) -> None:
    run, _ = planned(console)
    console.command(run, "budget.set", steps=3)
    console.command(run, "plan.approve")
    state = console.until(run, lambda s: s["run"]["status"] == "paused")
    done = next(t for t in state["tasks"].values() if t["evidence"])
    console.command(run, "task.cancel", done["version"], task=done["id"], reason="wrong track")
    queued = console.state(run)["tasks"][done["id"]]
    assert queued["queued"] and queued["version"] > done["version"]
    console.command(run, "resume", budget={"steps": None})
    state = console.ended(run)
    assert state["tasks"][done["id"]]["status"] == "cancelled"
    spans = [s for s in state["evidence"].values() if s["task"] == done["id"]]
    assert spans and {s["dropped"] for s in spans} == {"wrong track"}
    report = console.get(f"/api/runs/{run}/report")
    cited = {q["key"] for section in report["sections"] for q in section["quotes"]}
    assert not cited & {s["key"] for s in spans}


def test_a_model_s_calls_are_metered_by_the_log(console: Console) -> None:
    """A scripted model writes: its calls, tokens and price are the sums of the events."""
    settings = {"mode": "quick", "writer": "said"}
    run = console.start(QUESTION, settings=settings)
    state = console.ended(run)
    usage = [u for e in events(console, run, "model.done") for u in e["usage"]]
    assert usage, "the model was not asked"
    meter = state["meter"]
    assert meter["prompt"] == sum(u["prompt"] for u in usage)
    assert meter["spent"] == sum(u["spent"] for u in usage)
    assert meter["tokens"] == meter["prompt"] + meter["spent"]
    assert meter["models"]["said"]["calls"] == len(events(console, run, "model.done"))
    wanted = (meter["prompt"] * 1.0 + meter["spent"] * 2.0) / 1e6
    assert meter["price"] == pytest.approx(wanted)
    rows = console.get(f"/api/runs/{run}/timeline?kinds=model.done")["rows"]
    assert all(row["path"][0] == "said" and "of" in row for row in rows)
