"""From the text of a command line to its tree: the part of POSIX sh that clients use.

Lists (; & newline), && || !, pipes, redirections, ( ), { }, if, while, until, for; single and
double quotes, backslash, $NAME ${NAME} ${NAME:-word}, $( ) and ` `. No functions, here-documents,
case, or arithmetic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

MAX_DEPTH = 40
OPERATORS = ("&&", "||", ";;", ">>", "<<", ">&", "<&", "&", "|", ";", "\n", ">", "<", "(", ")")
RESERVED = {"then", "elif", "else", "fi", "do", "done", "}"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9?$#@*!-]")


class ShellSyntaxError(ValueError):
    """The text is no command line."""


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


def parse(text: str) -> CommandList:
    """The tree of a command line.

    Raises:
        ShellSyntaxError: it is none.
    """
    parser = _Parser(text)
    tree = parser.list()
    if parser.operator or parser.word is not None:
        raise parser.unexpected()
    return tree


class _Parser:
    """Looks one token ahead: `operator`, or `word`, or neither at the end."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.operator = ""
        self.word: Word | None = None
        self.next()

    def unexpected(self) -> ShellSyntaxError:
        what = self.operator or (_literal(self.word) if self.word else "") or "EOF"
        return ShellSyntaxError(f"syntax error: unexpected '{what}'".replace("\n", "newline"))

    # Tokens.

    def next(self) -> None:
        text = self.text
        while self.at < len(text):
            if text[self.at] in " \t\r":
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif text[self.at] == "#":
                while self.at < len(text) and text[self.at] != "\n":
                    self.at += 1
            else:
                break
        self.operator, self.word = "", None
        if self.at >= len(text):
            return
        for operator in OPERATORS:
            if text.startswith(operator, self.at):
                self.operator = operator
                self.at += len(operator)
                return
        self.word = self.read_word(" \t\r\n;&|<>()")

    def read_word(self, ends: str, *, quoted: bool = False) -> Word:
        """Pieces up to one of `ends`, which is not taken; in double quotes where `quoted`."""
        pieces: list[Piece] = []
        run: list[str] = []
        text = self.text

        def flush() -> None:
            if run:
                pieces.append(Piece("text", "".join(run), quoted))
                run.clear()

        while self.at < len(text) and text[self.at] not in ends:
            letter = text[self.at]
            self.at += 1
            if letter == "\\":
                following = text[self.at : self.at + 1]
                self.at += 1
                if quoted and following not in '$`"\\\n':
                    run.append("\\" + following)
                elif following != "\n":
                    flush()
                    pieces.append(Piece("text", following or "\\", True))
            elif letter == "'" and not quoted:
                end = text.find("'", self.at)
                if end < 0:
                    raise ShellSyntaxError("syntax error: no closing quote")
                flush()
                pieces.append(Piece("text", text[self.at : end], True))
                self.at = end + 1
            elif letter == '"' and not quoted:
                flush()
                inside = self.read_word('"', quoted=True)
                if self.at >= len(text):
                    raise ShellSyntaxError("syntax error: no closing quote")
                self.at += 1
                pieces.extend(inside or (Piece("text", "", True),))
            elif letter == "$" or letter == "`":
                piece = self.read_dollar(quoted) if letter == "$" else self.read_backquote(quoted)
                if piece is None:
                    run.append("$")
                else:
                    flush()
                    pieces.append(piece)
            else:
                run.append(letter)
        flush()
        return tuple(pieces)

    def read_dollar(self, quoted: bool) -> Piece | None:
        """After a `$`; None where it stands for itself."""
        text = self.text
        if text.startswith("((", self.at):
            raise ShellSyntaxError("syntax error: arithmetic is not supported")
        if text.startswith("(", self.at):
            end = self.closing()
            inside = text[self.at + 1 : end]
            self.at = end + 1
            return Piece("command", inside, quoted)
        if text.startswith("{", self.at):
            length = text.startswith("{#", self.at) and not text.startswith("{#}", self.at)
            found = PARAMETER.match(text, self.at + (2 if length else 1))
            if not found:
                raise ShellSyntaxError("bad substitution")
            self.at = found.end()
            operator = "#" if length else ""
            word: Word = ()
            for each in (":-", ":+", ":=", "-", "+"):
                if not length and text.startswith(each, self.at):
                    operator = each
                    self.at += len(each)
                    self.deeper()
                    word = self.read_word("}", quoted=quoted)
                    self.depth -= 1
                    break
            if not text.startswith("}", self.at):
                raise ShellSyntaxError("bad substitution")
            self.at += 1
            return Piece("parameter", found[0], quoted, operator, word)
        found = PARAMETER.match(text, self.at)
        if not found:
            return None
        self.at = found.end()
        return Piece("parameter", found[0], quoted)

    def read_backquote(self, quoted: bool) -> Piece:
        end = self.at
        while end < len(self.text) and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise ShellSyntaxError("syntax error: no closing quote")
        inside = re.sub(r"\\([`\\$])", r"\1", self.text[self.at : end])
        self.at = end + 1
        return Piece("command", inside, quoted)

    def closing(self) -> int:
        """Where the parenthesis that opens here is closed; quotes are skipped."""
        depth, at, quote = 0, self.at, ""
        while at < len(self.text):
            letter = self.text[at]
            if letter == "\\" and quote != "'":
                at += 1
            elif quote:
                quote = "" if letter == quote else quote
            elif letter in "'\"":
                quote = letter
            elif letter in "()":
                depth += 1 if letter == "(" else -1
                if not depth:
                    return at
            at += 1
        raise ShellSyntaxError("syntax error: unexpected 'EOF'")

    # Grammar.

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ShellSyntaxError("syntax error: nested too deeply")

    def keyword(self) -> str:
        """The word ahead, where it is bare text."""
        word = self.word
        if word and len(word) == 1 and word[0].kind == "text" and not word[0].quoted:
            return word[0].text
        return ""

    def expect(self, keyword: str) -> None:
        if self.keyword() != keyword and self.operator != keyword:
            raise self.unexpected()
        self.next()

    def newlines(self) -> None:
        while self.operator == "\n":
            self.next()

    def list(self) -> CommandList:
        self.deeper()
        chains: list[Chain] = []
        self.newlines()
        while self.word is not None or self.operator == "(":
            if self.keyword() in RESERVED:
                break
            first = self.pipeline()
            rest: list[tuple[str, Pipeline]] = []
            while self.operator in ("&&", "||"):
                operator = self.operator
                self.next()
                self.newlines()
                rest.append((operator, self.pipeline()))
            chains.append(Chain(first, tuple(rest), self.operator == "&"))
            if self.operator not in (";", "&", "\n"):
                break
            self.next()
            self.newlines()
        self.depth -= 1
        return CommandList(tuple(chains))

    def some(self) -> CommandList:
        tree = self.list()
        if not tree.chains:
            raise self.unexpected()
        return tree

    def pipeline(self) -> Pipeline:
        negated = False
        while self.keyword() == "!":
            negated = not negated
            self.next()
        commands = [self.command()]
        while self.operator == "|":
            self.next()
            self.newlines()
            commands.append(self.command())
        return Pipeline(tuple(commands), negated)

    def command(self) -> Command:
        keyword = self.keyword()
        if self.operator == "(" or keyword == "{":
            subshell = bool(self.operator)
            self.next()
            body = self.some()
            self.expect(")" if subshell else "}")
            return Group(body, subshell, self.redirects())
        if keyword == "if":
            return self.condition()
        if keyword in ("while", "until"):
            self.next()
            condition = self.some()
            return Loop(condition, self.body(), keyword == "until", self.redirects())
        if keyword == "for":
            return self.each()
        return self.simple()

    def condition(self) -> If:
        branches: list[tuple[CommandList, CommandList]] = []
        while self.keyword() in ("if", "elif"):
            self.next()
            test = self.some()
            self.expect("then")
            branches.append((test, self.some()))
        otherwise = None
        if self.keyword() == "else":
            self.next()
            otherwise = self.some()
        self.expect("fi")
        return If(tuple(branches), otherwise, self.redirects())

    def each(self) -> For:
        self.next()
        name = self.keyword()
        if not NAME.fullmatch(name):
            raise self.unexpected()
        self.next()
        self.newlines()
        words: list[Word] | None = None
        if self.keyword() == "in":
            self.next()
            words = []
            while self.word is not None:
                words.append(self.word)
                self.next()
        if self.operator == ";":
            self.next()
        self.newlines()
        body = self.body()
        return For(name, None if words is None else tuple(words), body, self.redirects())

    def body(self) -> CommandList:
        self.expect("do")
        body = self.some()
        self.expect("done")
        return body

    def redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while self.operator in (">", ">>", "<", ">&", "<&") or self.numbered():
            found.append(self.redirect())
        return tuple(found)

    def numbered(self) -> bool:
        """A digit right before < or >, which belongs to it."""
        here = self.text[self.at : self.at + 1]
        return self.keyword() in ("0", "1", "2") and here in ("<", ">")

    def redirect(self) -> Redirect:
        number = -1
        if not self.operator:
            number = int(self.keyword())
            self.next()
        operator = self.operator
        self.next()
        if self.word is None or operator not in (">", ">>", "<", ">&", "<&"):
            raise self.unexpected()
        target = self.word
        self.next()
        if number < 0:
            number = 0 if operator.startswith("<") else 1
        return Redirect(number, operator, target)

    def simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            if self.operator in (">", ">>", "<", ">&", "<&") or self.numbered():
                redirects.append(self.redirect())
            elif self.word is None:
                break
            else:
                if not words and self.word and (made := _assignment(self.word)):
                    assignments.append(made)
                else:
                    words.append(self.word)
                self.next()
        if not (assignments or words or redirects):
            raise self.unexpected()
        return Simple(tuple(assignments), tuple(words), tuple(redirects))


def _assignment(word: Word) -> tuple[str, Word] | None:
    first = word[0]
    if first.kind != "text" or first.quoted:
        return None
    name, equals, value = first.text.partition("=")
    if not equals or not NAME.fullmatch(name):
        return None
    return name, ((Piece("text", value),) if value else ()) + word[1:]


def _literal(word: Word) -> str:
    return "".join(piece.text for piece in word)
