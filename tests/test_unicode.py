"""Texts with odd characters, through files of JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

from agentkit.capabilities import Completion, Request
from agentkit.testing import replay
from agentkit.unicode import split_lines

ENDS = [c for c in map(chr, range(0x2100)) if len(f"a{c}b".splitlines()) == 2]
"""All that `str.splitlines` takes for the end of a line."""


def test_lines_end_at_newlines_alone() -> None:
    assert len(ENDS) > 8
    texts = ["", "a b", *(f"a{c}b" for c in ENDS), "last"]
    lines = [json.dumps(text, ensure_ascii=False) for text in texts]
    for end in ("\n", "\r\n"):
        assert [json.loads(line) for line in split_lines(end.join(lines) + end)] == texts
        assert split_lines(end.join(lines)) == lines
    assert (
        split_lines("") == []
        and split_lines("\n") == [""]
        and split_lines("a\n\nb") == ["a", "", "b"]
    )


def test_recorded_answers_keep_what_a_model_said(tmp_path: Path) -> None:
    said = Completion("".join(f"a{c}" for c in ENDS))
    asked = replay.key(Request.of("Say\u2028it."))
    file = tmp_path / "answers.jsonl"
    file.write_text(replay.dump({asked: said}), encoding="utf-8", newline="")
    assert {k: v.text for k, v in replay.load(file).items()} == {asked: said.text}
