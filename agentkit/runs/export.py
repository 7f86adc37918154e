"""A run as a file: JSONL for programs, Markdown and HTML for people. HTML loads nothing."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentkit.errors import UsageError
from agentkit.runs.events import Event

if TYPE_CHECKING:
    from agentkit.runs.store import RunRow, RunStore

FORMATS = ("jsonl", "md", "html")
READ = ("report", "text", "answer")  # fields of outputs that are meant for people
LONG = 2000  # characters of an event that people are shown; JSONL has all

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;
padding:.2rem .6rem .2rem 0;border-bottom:1px solid #ddd}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}code{color:#555}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}
td,th{border-color:#333}code{color:#aaa}}
"""


def export(store: RunStore, run: str, form: str) -> str:
    """The whole run in one of FORMATS.

    Raises:
        UsageError: no such run or format.
    """
    row, events = store.get(run), store.tail(store.get(run).id)
    if form == "jsonl":
        return "".join(f"{line}\n" for line in _lines(row, events))
    if form == "md":
        return _markdown(store, row, events)
    if form == "html":
        return _html(store, row, events)
    raise UsageError(f"there is no format {form!r}", f"one of: {', '.join(FORMATS)}")


def _lines(row: RunRow, events: list[Event]) -> Iterator[str]:
    yield json.dumps({"run": _facts(row)}, ensure_ascii=False)
    for event in events:
        yield json.dumps(event.to_json(), ensure_ascii=False)


def _facts(row: RunRow) -> dict[str, Any]:
    """The run itself; its lease is of no use to a reader."""
    return {
        "id": row.id,
        "agent": row.agent,
        "task": row.task,
        "input": row.input,
        "seed": row.seed,
        "recipe": row.recipe,
        "graph": row.graph,
        "parent": row.parent,
        "parent_step": row.parent_step,
        "created": row.created,
        "status": row.status,
        "note": row.note,
        "result": row.result,
    }


def _head(row: RunRow) -> list[tuple[str, str]]:
    facts = [
        ("run", row.id),
        ("agent", row.agent),
        ("task", row.task),
        ("status", f"{row.status} {row.note}".strip()),
        ("seed", str(row.seed)),
        ("created", _time(row.created)),
    ]
    if row.parent:
        facts.append(("forked from", f"{row.parent} after step {row.parent_step}"))
    return facts


def result_text(result: Mapping[str, Any] | None) -> str:
    """What people read of a run's output: the field that is meant for that, else its longest text,
    or all of it as JSON. The order of fields tells nothing: the store sorts them."""
    if result is None:
        return ""
    texts = {name: value for name, value in result.items() if isinstance(value, str)}
    for name in READ:
        if texts.get(name):
            return texts[name]
    if texts:
        return max(texts.values(), key=len)
    return json.dumps(dict(result), ensure_ascii=False, indent=2)


def _content(data: Mapping[str, Any]) -> str:
    text = json.dumps(dict(data), ensure_ascii=False, indent=1)
    return text if len(text) <= LONG else f"{text[:LONG]} … ({len(text)} characters)"


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


# -- Markdown -------------------------------------------------------------------------------------


def _markdown(store: RunStore, row: RunRow, events: list[Event]) -> str:
    lines = [f"# Run {row.id}", ""]
    lines += [f"- {name}: {_inline(value)}" for name, value in _head(row)]
    for artifact in store.artifacts(row.id):
        lines.append(f"- artifact: {_inline(artifact['name'])}, {artifact['size']} bytes")
    if row.result is not None:
        lines += ["", "## Result", "", _fenced(result_text(row.result))]
    lines += ["", "## Events"]
    for event in events:
        lines += ["", f"### {event.seq} {_inline(event.kind)} {_inline(event.position)}".rstrip()]
        lines += ["", _fenced(_content(event.data))]
    return "\n".join(lines) + "\n"


def _inline(text: str) -> str:
    """On one line, and nothing in it is markup."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in r"\`*_[]<>#!|" else c for c in flat)


def _fenced(text: str) -> str:
    """A block that its own text cannot end."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"


# -- HTML -----------------------------------------------------------------------------------------


def _html(store: RunStore, row: RunRow, events: list[Event]) -> str:
    safe = html.escape
    head = "".join(f"<tr><th>{safe(k)}<td>{safe(v)}" for k, v in _head(row))
    for artifact in store.artifacts(row.id):
        size = f"{artifact['size']} bytes"
        head += f"<tr><th>artifact<td>{safe(artifact['name'])}, {safe(size)}"
    result = (
        f"<h2>Result</h2><pre>{safe(result_text(row.result))}</pre>"
        if row.result is not None
        else ""
    )
    body = "".join(
        f"<tr id=e{event.seq}><td>{event.seq}<td><b>{safe(event.kind)}</b><br>"
        f"<code>{safe(event.position)}</code><td><pre>{safe(_content(event.data))}</pre>"
        for event in events
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Run {safe(row.id)}</title><style>{STYLE}</style>"
        f"<h1>Run {safe(row.id)}</h1><table>{head}</table>{result}"
        f"<h2>Events</h2><table>{body}</table></html>\n"
    )
