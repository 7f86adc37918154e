"""Text in pieces: certain when given out, whole when joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agentkit.models.text.writing import Writer
from agentkit.testing.tiny import write_byte_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("bytes")
    write_byte_tokenizer(folder)
    return AutoTokenizer.from_pretrained(folder)


def pieces(tokenizer: Any, ids: list[int], stop: tuple[str, ...] = ()) -> tuple[list[str], Writer]:
    writer = Writer(tokenizer, stop)
    made = []
    for token in ids:
        made.append(writer.push(token))
        if writer.stopped:
            break
    return [*made, writer.finish()], writer


@pytest.mark.parametrize("text", ["plain", "Grüße, 世界", "🎉🎉 a 👨‍👩‍👧", "", "\ufffd is a mark"])
def test_characters_come_whole(tokenizer: Any, text: str) -> None:
    made, writer = pieces(tokenizer, list(text.encode()))
    assert "".join(made) == writer.text == text
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in made)


def test_bytes_that_are_no_text_come_as_the_tokenizer_writes_them(tokenizer: Any) -> None:
    for seed in range(40):
        ids = np.random.default_rng(seed).integers(0, 256, 60).tolist()
        made, writer = pieces(tokenizer, ids)
        assert "".join(made) == writer.text == tokenizer.decode(ids)


def test_special_tokens_are_not_text(tokenizer: Any) -> None:
    made, _ = pieces(tokenizer, [*b"one", 258, *b"two"])
    assert "".join(made) == "onetwo"


def test_text_ends_before_the_first_stop_string(tokenizer: Any) -> None:
    for stop in (("END",), ("END", "ENDING"), ("xyz", "END"), ("ND", "END")):
        made, writer = pieces(tokenizer, list(b"go ENE ENDING on"), stop)
        assert writer.stopped
        assert "".join(made) == writer.text == "go ENE "


def test_what_may_become_a_stop_string_is_held_back(tokenizer: Any) -> None:
    writer = Writer(tokenizer, ["世界"])
    seen = [writer.push(b) for b in "a世b".encode()]
    assert seen == ["a", "", "", "", "世b"]
    writer = Writer(tokenizer, ["STOP"])
    assert [writer.push(b) for b in b"xSTO"] == ["x", "", "", ""]
    assert writer.finish() == "STO" and writer.text == "xSTO" and not writer.stopped
