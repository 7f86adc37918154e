"""What a command line is made of, once it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a word: text as it is, a parameter (with `:-`, `-`, `:+`, `+` or `#` and what
    follows it), or the text of a command whose output takes its place."""

    kind: Literal["text", "parameter", "command"]
    text: str
    quoted: bool = False
    operator: str = ""
    word: Word = ()


Word = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """`number` goes to (or comes from) a file, or where the number `target` goes."""

    number: int
    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Group:
    body: CommandList
    subshell: bool
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[CommandList, CommandList], ...]
    otherwise: CommandList | None
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """while, or until where `until`."""

    condition: CommandList
    body: CommandList
    until: bool
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class For:
    name: str
    words: tuple[Word, ...] | None
    body: CommandList
    redirects: tuple[Redirect, ...] = ()


Command = Simple | Group | If | Loop | For


@dataclass(frozen=True, slots=True)
class Pipeline:
    commands: tuple[Command, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """Pipelines, each after the first with && or || before it."""

    first: Pipeline
    rest: tuple[tuple[str, Pipeline], ...]
    background: bool = False


@dataclass(frozen=True, slots=True)
class CommandList:
    chains: tuple[Chain, ...] = field(default=())
