"""What is shown, as lines of text. All text of others passes `plain`: it colours nothing, moves no
cursor, and is no markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from agentkit.cli.context import printable
from agentkit.cli.watch.words import Words

STATUS = {  # mark, style: a state is never told by colour alone
    "created": ("·", "dim"),
    "running": ("▶", "cyan"),
    "waiting": ("?", "yellow"),
    "paused": ("‖", "yellow"),
    "interrupted": ("!", "yellow"),
    "failed": ("✗", "red"),
    "cancelled": ("■", "dim"),
    "done": ("✓", "green"),
}
TASK = {"pending": "[ ]", "in_progress": "[>]", "done": "[x]", "cancelled": "[-]", "blocked": "[!]"}
LONG = 400  # characters of one line
STEERED = 5  # messages that are shown


def plain(text: object, most: int = LONG) -> str:
    """On one line."""
    flat = " ".join(printable(str(text)).split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def status(words: Words, word: str) -> Text:
    mark, style = STATUS.get(word, ("·", ""))
    return Text(f"{mark} {plain(words.named('state', word))}", style)


def row(words: Words, run: Mapping[str, Any], depth: int = 0) -> tuple[Text, ...]:
    """A run in the list: state, how many of its tasks are over, questions, agent, task. depth:
    how many forks it is away from a run that stands above it."""
    tasks = f"{run['done']}/{run['tasks']}" if run["tasks"] else ""
    asks = str(run["questions"]) if run["questions"] else ""
    task = Text(f"{'  ' * (depth - 1)}└ " if depth else "", "dim")
    task.append(plain(run["task"], 120), "default not dim")
    if run.get("text"):  # where it holds what was searched for
        task.append(f"  … {plain(run['text'], 120)} …", "dim italic")
    state = status(words, run["status"])
    return state, Text(tasks), Text(asks), Text(plain(run["agent"])), task


def head(words: Words, state: Mapping[str, Any], passing: Mapping[str, Any]) -> Text:
    """Three lines: the run's state, its task, and what it does now and has used."""
    run, meter, now = state["run"], state.get("meter", {}), state.get("now") or {}
    made = Text()
    made.append_text(status(words, run["status"]))
    note = run["note"] or words.named("control", run.get("control", ""), "")
    made.append(f"  {plain(note)}\n" if note else "\n")
    made.append(f"{plain(run['agent'])}: {plain(run['task'], 160)}\n", "bold")
    counts = [words.count(key, int(meter.get(key, 0))) for key in ("steps", "tokens")]
    doing = (passing.get("text") if run["status"] == "running" else "") or now.get("node", "")
    made.append(f"{', '.join(counts)}  {plain(doing, 120)}".rstrip(), "dim")
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


def steered(words: Words, state: Mapping[str, Any]) -> Text:
    """The last messages to the agent, and what became of each."""
    found = sorted(state.get("messages", {}).values(), key=lambda m: m["seq"])[-STEERED:]
    made = Text()
    for one in found:
        said = plain(one["text"], 80) or words("message.edits")
        where = f" {words('message.step', step=plain(one['step'], 40))}" if one["step"] else ""
        why = f": {plain(one['reason'], 120)}" if one["reason"] else ""
        became = words.named("message", one["state"])
        made.append(f"{became}{where}", "yellow" if one["state"] == "queued" else "green")
        made.append(f"  {said}{why}\n")
    return made


def event(one: Mapping[str, Any]) -> Text:
    """A row of the timeline."""
    made = Text(f"{one['seq']:>6} ", "dim")
    made.append(f"{plain(one['kind'], 24):<18} ", "cyan")
    path = f"[{' > '.join(one['path'])}] " if one.get("path") else ""
    made.append(plain(f"{path}{one['text']}"))
    return made


def question(words: Words, one: Mapping[str, Any]) -> Text:
    """A question with what has to be known to answer it. A guard's names what would be done; a
    plan's own text is the todo list, which is shown anyway."""
    asks = words("question.plan") if one["kind"] == "plan" else plain(one["text"], 2000)
    made = Text(asks, "bold")
    data = one.get("data") or {}
    if one["kind"] == "approval":
        name, target = plain(data.get("name", "")), plain(data.get("target", ""))
        made.append(f"\n{words('question.action', name=name, target=target)}", "yellow")
        made.append(f"\n{plain(data.get('args', ''), 1000)}")
    return made


def step(words: Words, one: Mapping[str, Any]) -> str:
    """A step of the run, to be chosen."""
    return words("forks.step", step=one["step"], nodes=plain(", ".join(one["nodes"])))
