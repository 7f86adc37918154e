"""What is shown, as lines of text. All text of others passes `plain`: it colours nothing, moves no
cursor, and is no markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from agentkit.cli.context import printable

STATUS = {  # word, mark, style: a state is never told by colour alone
    "created": ("starting", "·", "dim"),
    "running": ("running", "▶", "cyan"),
    "waiting": ("waits for you", "?", "yellow"),
    "paused": ("paused", "‖", "yellow"),
    "interrupted": ("interrupted", "!", "yellow"),
    "failed": ("failed", "✗", "red"),
    "cancelled": ("stopped", "■", "dim"),
    "done": ("done", "✓", "green"),
}
TASK = {"pending": "[ ]", "in_progress": "[>]", "done": "[x]", "cancelled": "[-]", "blocked": "[!]"}
LONG = 400  # characters of one line
STEERED = 5  # messages that are shown


def plain(text: object, most: int = LONG) -> str:
    """On one line."""
    flat = " ".join(printable(str(text)).split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def status(word: str) -> Text:
    told, mark, style = STATUS.get(word, (plain(word), "·", ""))
    return Text(f"{mark} {told}", style)


def row(run: Mapping[str, Any]) -> tuple[Text, Text, Text, Text, Text]:
    """A run in the list: state, how many of its tasks are over, questions, agent, task."""
    tasks = f"{run['done']}/{run['tasks']}" if run["tasks"] else ""
    asks = str(run["questions"]) if run["questions"] else ""
    task = Text(plain(run["task"], 120))
    return status(run["status"]), Text(tasks), Text(asks), Text(plain(run["agent"])), task


def head(state: Mapping[str, Any], passing: Mapping[str, Any]) -> Text:
    """Two lines: the run and its state, and what it does now and has used."""
    run, meter, now = state["run"], state.get("meter", {}), state.get("now") or {}
    made = Text()
    made.append_text(status(run["status"]))
    note = run["note"] or {"pause": "pauses at the next step", "cancel": "stops"}.get(
        run.get("control", ""), ""
    )
    made.append(f"  {plain(note)}\n" if note else "\n")
    made.append(f"{plain(run['agent'])}: {plain(run['task'], 160)}\n", "bold")
    used = f"{meter.get('steps', 0)} steps, {meter.get('tokens', 0)} tokens"
    doing = (passing.get("text") if run["status"] == "running" else "") or now.get("node", "")
    made.append(f"{used}  {plain(doing, 120)}".rstrip(), "dim")
    return made


def tasks(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The todo list in the order in which it is worked on."""
    order = {id: n for n, id in enumerate(state.get("order", ()))}
    found = list(state.get("tasks", {}).values())
    return sorted(found, key=lambda t: (order.get(t["id"], -1), t["order"]))


def task(one: Mapping[str, Any]) -> Text:
    mark = TASK.get(one["status"], f"[{plain(one['status'], 12)}]")
    quotes = f" ({one['evidence']})" if one.get("evidence") else ""
    waits = " …" if one.get("queued") else ""
    style = {"in_progress": "cyan", "cancelled": "dim strike", "blocked": "yellow"}
    text = f"{mark} {plain(one['id'], 20)} {plain(one['title'], 160)}{quotes}{waits}"
    return Text(text, style.get(one["status"], ""))


def steered(state: Mapping[str, Any]) -> Text:
    """The last messages to the agent, and what became of each."""
    found = sorted(state.get("messages", {}).values(), key=lambda m: m["seq"])[-STEERED:]
    made = Text()
    for one in found:
        said = plain(one["text"], 80) or "an edit of the todo list"
        where = f" at {one['step']}" if one["step"] else ""
        why = f": {plain(one['reason'], 120)}" if one["reason"] else ""
        made.append(f"{one['state']}{where}", "yellow" if one["state"] == "queued" else "green")
        made.append(f"  {said}{why}\n")
    return made


def event(one: Mapping[str, Any]) -> Text:
    """A row of the timeline."""
    made = Text(f"{one['seq']:>6} ", "dim")
    made.append(f"{plain(one['kind'], 24):<18} ", "cyan")
    path = f"[{' > '.join(one['path'])}] " if one.get("path") else ""
    made.append(plain(f"{path}{one['text']}"))
    return made


def question(one: Mapping[str, Any]) -> Text:
    """A question with what has to be known to answer it. A guard's names what would be done; a
    plan's own text is the todo list, which is shown anyway."""
    asks = "May this plan run?" if one["kind"] == "plan" else plain(one["text"], 2000)
    made = Text(asks, "bold")
    data = one.get("data") or {}
    if one["kind"] == "approval":
        made.append(f"\n{plain(data.get('name', ''))} on {plain(data.get('target', ''))}", "yellow")
        made.append(f"\n{plain(data.get('args', ''), 1000)}")
    return made
