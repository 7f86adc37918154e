"""Wrapping, places of tokens, labels, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.errors import DataError
from agentkit.testing.tiny import write_byte_tokenizer
from agentkit_manifolds.planted import Bytes
from agentkit_manifolds.task import ScalarTask, Text, check_split, folds, line_task
from agentkit_manifolds.tokens import Placer
from agentkit_manifolds.wrap import label, without_long_words, wrap

WORDS = st.lists(st.text("aé日🎉-b", min_size=1, max_size=12), min_size=1, max_size=60)


@settings(deadline=None)
@given(WORDS, st.integers(12, 40), st.sampled_from([" ", "\n", "  \t"]))
@pytest.mark.slow
def test_lines_are_full_and_give_the_text_back(words: list[str], width: int, space: str) -> None:
    made = wrap(space.join(words), width)
    assert all(len(line) <= width for line in made.lines)
    assert " ".join(made.lines) == " ".join(words)
    for line, following in zip(made.lines, made.lines[1:]):
        assert len(line) + 1 + len(following.split(" ")[0]) > width


def test_what_cannot_be_wrapped_is_said() -> None:
    with pytest.raises(DataError, match="12 characters are shorter than the word 'incomprehens"):
        wrap("an incomprehensible word", 12)
    with pytest.raises(DataError, match="no text"):
        wrap(" \n ", 12)
    assert wrap(without_long_words("an incomprehensible word", 12), 12).lines == ("an word",)


@settings(deadline=None, max_examples=100)
@given(WORDS, st.integers(12, 40))
def test_counts_are_what_python_counts(words: list[str], width: int) -> None:
    made = wrap(" ".join(words), width)
    ids, starts, ends = Placer(Bytes()).place(made.text)
    found = label(made, starts, ends)
    assert len(ids) == len(made.text.encode())
    for n, (start, end) in enumerate(zip(starts, ends)):
        before = made.text[:start] if made.text[start:end] == "\n" else made.text[:end]
        assert found.count[n] == len(before) - (before.rfind("\n") + 1)
        assert found.remaining[n] == width - found.count[n]
        assert found.newline[n] == (made.text[start:end] == "\n")
        assert found.line[n] == made.text[:start].count("\n")
        if found.word_end[n] and end < len(made.text):
            assert found.next_word[n] == len(made.text[end:].split()[0])
        if found.origin[n] >= 0:
            assert found.newline[found.origin[n]] and found.index[n] == n - found.origin[n] - 1
    assert found.break_next[:-1].tolist() == found.newline[1:].tolist()


class Pairs:
    """A tokenizer that merges newlines with what follows, drops a first space, and knows tokens
    for two newlines."""

    vocabulary = ("a", "b", "ab", "\n", "\nb", "\n\n", " ")

    def encode(self, text: str) -> tuple[int, ...]:
        ids, at = [], 0
        while at < len(text):
            best = max((v for v in self.vocabulary if text.startswith(v, at)), key=len)
            ids.append(self.vocabulary.index(best))
            at += len(best)
        return tuple(ids)

    def decode(self, ids: Sequence[int], /) -> str:
        return "".join(self.vocabulary[i] for i in ids).removeprefix(" ")


def test_every_id_with_a_newline_is_one_and_merged_tokens_are_marked() -> None:
    placer = Placer(Pairs())
    assert placer.newline_ids(7) == {3, 4, 5}
    made = wrap("ab ba", 2)
    _, starts, ends = placer.place(made.text)
    found = label(made, starts, ends)
    assert found.mixed.tolist() == [False, True, False] and not found.newline.any()
    with pytest.raises(DataError, match="merges newlines"):
        line_task([Text("x", "ab ba ab ba")], [2], placer)


def test_offsets_are_those_of_a_fast_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    write_byte_tokenizer(tmp_path)
    fast = AutoTokenizer.from_pretrained(tmp_path)

    class Fast:
        def encode(self, text: str) -> tuple[int, ...]:
            return tuple(fast.encode(text, add_special_tokens=False))

        def decode(self, ids: Sequence[int], /) -> str:
            return str(fast.decode(list(ids)))

    text = "naïve 日本語 🎉 text\nand more"
    told = fast(text, return_offsets_mapping=True, add_special_tokens=False)
    ids, starts, ends = Placer(Fast()).place(text)
    assert list(ids) == told["input_ids"]
    assert list(zip(starts, ends)) == told["offset_mapping"]


def test_a_tokenizer_that_loses_text_is_refused() -> None:
    class Lossy(Bytes):
        def encode(self, text: str) -> tuple[int, ...]:
            return super().encode(text.lower())

    with pytest.raises(DataError, match="does not give back the text at 'A b'"):
        Placer(Lossy()).place("A b")


def test_documents_are_never_divided(task: ScalarTask) -> None:
    found = folds(task.groups, 4)
    assert sorted(np.bincount(list(found.values()))) == [12] * 4
    assert found == folds(reversed(task.groups), 4) != folds(task.groups, 4, seed=1)
    train = [g for g, f in found.items() if f]
    check_split(train, [g for g, f in found.items() if not f])
    with pytest.raises(DataError, match="in training and test"):
        check_split(train, train[:1])
    with pytest.raises(DataError, match="cannot make"):
        folds(["one"], 2)


def test_one_text_under_two_names_is_refused() -> None:
    placer = Placer(Bytes())
    twice = [Text("one", "a few words here"), Text("two", "a few  words\nhere")]
    with pytest.raises(DataError, match="one text is in two documents"):
        line_task(twice, [8, 12], placer)
    made = line_task([Text("one", "a few words here and there"), twice[0]], [12], placer)
    with pytest.raises(DataError, match="two groups"):
        ScalarTask(
            "bad",
            [made.examples[0], type(made.examples[0])(
                made.examples[0].ids, "other", made.examples[0].values, made.examples[0].mask)],
            ("count",),
            (),
        )  # fmt: skip
    with pytest.raises(DataError, match="no texts"):
        line_task([], [12], placer)
