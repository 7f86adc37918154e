"""Exports hold everything and are harmless, whatever stands in a run."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from agentkit.errors import UsageError
from agentkit.runs.export import export

EVIL = "</pre><script>alert(1)</script> ``` \n# not a heading\n![x](http://evil) ﷽ \u202e"


@pytest.fixture
def run(kit_of: Any) -> Any:
    def work(state: Any, rt: Any) -> Any:
        rt.emit("note", {"text": EVIL})
        rt.artifact("a.md", EVIL)
        return {"text": EVIL}

    kit = kit_of(work=work)
    made = kit.agent("made").run(EVIL)
    assert made.wait() == "done"
    return kit, made


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_jsonl_is_the_whole_log(run: Any) -> None:
    kit, made = run
    first, *rest = map(json.loads, export(kit.runs, made.id, "jsonl").splitlines())
    assert first["run"]["task"] == EVIL and first["run"]["result"] == {"text": EVIL}
    assert [one["seq"] for one in rest] == [e.seq for e in kit.runs.tail(made.id)]
    assert next(one for one in rest if one["kind"] == "note")["data"] == {"text": EVIL}


def test_html_is_escaped_and_loads_nothing(run: Any) -> None:
    kit, made = run
    text = export(kit.runs, made.id, "html")
    page = Tags()
    page.feed(text)
    assert not {"script", "img", "link", "a", "iframe"} & set(page.tags)
    assert "default-src 'none'" in text and EVIL.strip() in page.text


def test_markdown_cannot_be_broken_out_of(run: Any) -> None:
    kit, made = run
    text = export(kit.runs, made.id, "md")
    fence, outside = "", []
    for line in text.splitlines():
        if not fence and line.startswith("```"):
            fence = line
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert not fence
    headings = [line for line in outside if line.startswith("#")]
    assert all(h.startswith(("# Run", "## Result", "## Events", "### ")) for h in headings)
    assert not any(re.search(r"(?<!\\)(!\[|<script)", line) for line in outside)


def test_other_formats_are_refused(run: Any) -> None:
    kit, made = run
    with pytest.raises(UsageError, match="one of: jsonl, md, html"):
        export(kit.runs, made.id, "pdf")
