"""Where tokens lie in a text, found by decoding: this needs no tokenizer that tells offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentkit.errors import DataError

FRAGMENTS = 16  # tokens that may share one character


class Coder(Protocol):
    """The part of the ability `Tokens` that is needed here."""

    def encode(self, text: str) -> tuple[int, ...]: ...

    def decode(self, ids: Sequence[int], /) -> str: ...


@dataclass(slots=True)
class Placer:
    """Finds offsets. A token is decoded behind another one, since some tokenizers drop the space
    in front of a text's first token."""

    coder: Coder
    _anchor: tuple[int, ...] = ()
    _base: str = ""
    _pieces: dict[tuple[int, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._anchor = tuple(self.coder.encode("a"))
        self._base = self.coder.decode(self._anchor)

    def piece(self, ids: tuple[int, ...]) -> str:
        """The text of tokens in the midst of others."""
        if ids not in self._pieces:
            self._pieces[ids] = self.coder.decode((*self._anchor, *ids))[len(self._base) :]
        return self._pieces[ids]

    def place(self, text: str) -> tuple[tuple[int, ...], list[int], list[int]]:
        """(ids, starts, ends): offsets in characters, half open. Tokens that are parts of one
        character all have its place.

        Raises:
            DataError: the tokens do not give the text back, so that nothing can be placed.
        """
        ids = tuple(self.coder.encode(text))
        starts, ends, cursor, first = [], [], 0, 0
        for last in range(1, len(ids) + 1):
            piece = self.piece(ids[first:last])
            if cursor == 0 and piece[:1] == " " and text[:1] != " ":
                piece = piece[1:]  # SentencePiece puts a space in front
            if text.startswith(piece, cursor) and (piece or last == len(ids)):
                starts += [cursor] * (last - first)
                cursor += len(piece)
                ends += [cursor] * (last - first)
                first = last
            elif last - first >= FRAGMENTS:
                break
        if first != len(ids) or cursor != len(text):
            raise DataError(
                f"the tokenizer does not give back the text at {text[cursor : cursor + 20]!r} "
                f"(character {cursor})",
                "characters cannot be counted with it: use a model whose tokenizer keeps all text",
            )
        return ids, starts, ends

    def newline_ids(self, rows: int) -> frozenset[int]:
        """Every token id below `rows` whose text holds a newline."""
        return frozenset(i for i in range(rows) if "\n" in self.piece((i,)))
