"""How a run looks while it works: a live view, plain lines, or one JSON event a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agentkit.runs.events import Event

MARKS = {"done": "✓", "doing": "▸", "dropped": "–", "failed": "✗"}
PLAIN = {"done": "done", "doing": "doing", "dropped": "dropped", "failed": "failed"}
KNOWN = {
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
PAUSE = 2.0  # seconds between two lines of progress
SHOWN = 14  # todo lines; the rest is counted


class View(Protocol):
    def show(self, event: Event) -> None: ...

    def close(self) -> None:
        """Before anything else is written: a question, the result."""
        ...


def view(as_json: bool) -> View:
    """The view that suits the terminal."""
    if as_json:
        return JsonLines()
    return Screen() if sys.stderr.isatty() else Lines()


class JsonLines:
    def show(self, event: Event) -> None:
        click.echo(json.dumps(event.to_json(), ensure_ascii=False))

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
            click.echo(text, err=True)

    def close(self) -> None: ...


class Screen:
    """Todo list, what is going on, tokens and time; what matters afterwards stays above it."""

    def __init__(self) -> None:
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

    def show(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "todo.changed":
                self._todo[str(data.get("id", ""))] = (str(data.get("title", "")), state(data))
            case "node.entered":
                self._now, self._text, self._done = event.position, "", None
            case "progress":
                self._now, self._done = str(data["text"]), data.get("done")
            case "model.delta":
                self._text = (self._text + data["text"])[-200:]
            case "model.done":
                self._tokens += tokens(data)
            case _:
                text = told(event)
                if text:
                    self._console.print(text, markup=False, highlight=False)
        self._draw()

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
        items = list(self._todo.values())
        for title, status in items[-SHOWN:]:
            style = {"doing": "bold", "done": "dim", "dropped": "dim"}.get(status, "")
            page.append(f" {MARKS.get(status, '·')} {title}\n", style)
        if len(items) > SHOWN:
            page.append(f"   and {len(items) - SHOWN} more\n", "dim")
        if self._text.strip():
            page.append(f" {' '.join(self._text.split())[-120:]}\n", "dim")
        seconds = time.monotonic() - self._began
        share = "" if self._done is None else f" {self._done:.0%}"
        page.append(
            f" {self._now or 'starting'}{share} · {self._tokens} tokens · {seconds:.0f} s", "cyan"
        )
        return page


def state(data: Mapping[str, Any]) -> str:
    """A todo's status in the few words that views know; others stay as they are."""
    status = str(data.get("status", ""))
    return KNOWN.get(status, status)


def tokens(data: Mapping[str, Any]) -> int:
    """What a model.done event says was spent, prompt included."""
    return sum(one["prompt"] + one["spent"] for one in data.get("usage", ()))


def told(event: Event) -> str:
    """The line about an event that is worth one."""
    data = event.data
    match event.kind:
        case "todo.changed":
            status = state(data)
            return f"{PLAIN.get(status, status or 'open'):8} {data.get('title', '')}"
        case "run.notice":
            return f"note: {data['text']}"
        case "inbox.received":
            return f"message {data['id']} from {data['author']}: {data['text']}"
        case "inbox.read":
            return f"message {data['id']} was read"
        case "inbox.late":
            return f"message {data['id']} came too late: {data['text']}"
        case "guard.judged":
            return f"{data['verdict']}: {data['name']} on {data['target']} {data['reason']}".strip()
        case "question.answered":
            return f"answered: {data['answer']}"
        case "artifact":
            return f"wrote {data['name']} ({data['size']} bytes)"
    return ""


def line(event: Event) -> str:
    """Any event on one line, for people who read the log."""
    text = told(event) or summary(event.data)
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
