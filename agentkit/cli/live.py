"""How a run looks while it works: a live view, plain lines, or one JSON event a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import click

from agentkit.cli.context import note, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentkit.runs.agent import Run
    from agentkit.runs.events import Event

MARKS = {"done": "✓", "doing": "▸", "dropped": "–", "failed": "✗"}
PLAIN = {"done": "done", "doing": "doing", "dropped": "dropped", "failed": "failed"}
KNOWN = {
    "pending": "open",
    "finished": "done",
    "complete": "done",
    "active": "doing",
    "running": "doing",
    "in-progress": "doing",
    "cancelled": "dropped",
    "stopped": "dropped",
    "blocked": "failed",
    "not-found": "failed",
}
KEPT = ("todo.changed", "model.done", "score.done")  # kinds that leave something on the screen
PAUSE = 2.0  # seconds between two lines of progress
SHOWN = 14  # todo lines; the rest is counted


class View(Protocol):
    def show(self, event: Event) -> None: ...

    def say(self, text: str) -> None:
        """A line for the person, between two events."""
        ...

    def close(self) -> None:
        """Before anything else is written: a question, the result."""
        ...


def view(as_json: bool, run: Run) -> View:
    """The view that suits the terminal."""
    if as_json:
        return JsonLines()
    return Screen(run.past(*KEPT)) if sys.stderr.isatty() else Lines()


class JsonLines:
    def show(self, event: Event) -> None:
        click.echo(json.dumps(event.to_json(), ensure_ascii=False))

    def say(self, text: str) -> None:
        note(text)

    def close(self) -> None:
        sys.stdout.flush()


class Lines:
    """One line on standard error for what a person would want to know afterwards, and for what is
    going on, not too often."""

    def __init__(self) -> None:
        self._last = ""
        self._next = time.monotonic()

    def show(self, event: Event) -> None:
        text = told(event)
        if event.kind == "progress" and time.monotonic() >= self._next:
            if event.data["text"] != self._last:
                text = self._last = str(event.data["text"])
            self._next = time.monotonic() + PAUSE
        if text:
            self.say(text)

    def say(self, text: str) -> None:
        note(text)

    def close(self) -> None: ...


class Screen:
    """Todo list, what is going on, tokens and time; what matters afterwards stays above it."""

    def __init__(self, past: Sequence[Event] = ()) -> None:
        """past: what happened before, of a run that is resumed."""
        from rich.console import Console
        from rich.live import Live

        self._todo: dict[str, tuple[str, str]] = {}
        self._now = ""
        self._text = ""
        self._tokens = 0
        self._done: float | None = None
        self._began = time.monotonic()
        self._console = Console(stderr=True)
        self._live: Live | None = None
        for event in past:
            self._take(event)

    def show(self, event: Event) -> None:
        self._take(event)
        self._draw()

    def _take(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "todo.changed":
                self._todo[str(data.get("id", ""))] = (str(data.get("title", "")), state(data))
            case "node.entered":
                self._now, self._text, self._done = event.position, "", None
            case "progress":
                self._now, self._done = str(data["text"]), data.get("done")
            case "model.delta":
                self._text = (self._text + data["text"])[-400:]
            case "model.done" | "score.done":
                self._tokens += tokens(data)
            case _:
                text = told(event)
                if text:
                    self.say(text)

    def say(self, text: str) -> None:
        self._console.print(printable(text), markup=False, highlight=False)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self) -> None:
        from rich.live import Live

        if self._live is None:
            self._live = Live(
                console=self._console,
                refresh_per_second=8,
                transient=True,
                get_renderable=self._page,
            )
            self._live.start()

    def _page(self) -> RenderableType:
        from rich.text import Text

        page = Text(no_wrap=True, overflow="ellipsis")
        items, shown = list(self._todo.values()), self._shown()
        for title, status in shown:
            style = {"doing": "bold", "done": "dim", "dropped": "dim"}.get(status, "")
            page.append(f" {MARKS.get(status, '·')} {printable(title)}\n", style)
        if len(items) > len(shown):
            page.append(f"   and {len(items) - len(shown)} more\n", "dim")
        if self._text.strip():
            room = self._console.width - 2
            page.append(f" {printable(' '.join(self._text.split()))[-room:]}\n", "dim")
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        numbers = [f"{minutes}:{seconds:02}", f"{self._tokens:,} tokens"]
        if self._done is not None:
            numbers.append(f"{self._done:.0%}")
        page.append(f" {' · '.join([*numbers, printable(self._now or 'starting')])}", "cyan")
        return page

    def _shown(self) -> list[tuple[str, str]]:
        """The todo list, without the first of what is done where it is too long."""
        items = list(self._todo.values())
        over = [i for i in items if i[1] in ("done", "dropped")][: max(0, len(items) - SHOWN)]
        return [i for i in items if i not in over][:SHOWN]


def state(data: Mapping[str, Any]) -> str:
    """A todo's status in the few words that views know; others stay as they are."""
    status = str(data.get("status", "")).lower().replace("_", "-")
    return KNOWN.get(status, status)


def tokens(data: Mapping[str, Any]) -> int:
    """What the end of a model's call says was spent, prompt included."""
    used = sum(one["prompt"] + one["spent"] for one in data.get("usage", ()))
    return int(used + data.get("tokens", 0))


def told(event: Event) -> str:
    """The line about an event that is worth one."""
    data = event.data
    match event.kind:
        case "todo.changed":
            status = state(data)
            return f"{PLAIN.get(status, status or 'open'):8} {data.get('title', '')}"
        case "run.notice":
            return f"note: {data['text']}"
        case "warning":
            return f"warning: {data.get('text', '')}"
        case "query.done" if data.get("status") in ("failed", "blocked"):
            verb = "could" if data["status"] == "failed" else "must"
            return f"{data.get('source')} {verb} not be searched: {data.get('reason', '')}"
        case "message.ended":
            return f"message {data.get('message')} {data.get('state')}: {data.get('reason', '')}"
        case "inbox.received":
            return f"message {data['id']} from {data['author']}: {data['text']}"
        case "inbox.read":
            return f"message {data['id']} was read"
        case "inbox.late":
            return f"message {data['id']} came too late: {data['text']}"
        case "guard.judged" if data["verdict"] == "deny":  # to "ask" belongs a question
            what = f"{data['verdict']}: {data['name']} on {data['target']}"
            return f"{what}: {data['reason']}" if data["reason"] else what
        case "question.answered":
            return f"answered: {data['answer']}"
        case "artifact":
            return f"wrote {data['name']} ({data['size']} bytes)"
    return ""


def line(event: Event) -> str:
    """Any event on one line, for people who read the log."""
    text = printable(told(event) or summary(event.data))
    where = f" {event.position}" if event.position else ""
    return f"{event.seq:5} {event.kind}{where}" + (f"  {text}" if text else "")


def summary(data: Mapping[str, Any]) -> str:
    """The beginning of an event's content."""
    if "texts" in data:
        text = " | ".join(data["texts"])
    elif "requests" in data:
        parts = [part for one in data["requests"] for part in one["messages"][-1]["parts"]]
        text = " | ".join(part.get("text", f"[{part['part']}]") for part in parts)
    else:
        text = json.dumps(dict(data), ensure_ascii=False) if data else ""
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else f"{flat[:159]}…"
