"""From the text of a command line to its tree: the part of POSIX sh that clients use.

Lists (; & newline), && || !, pipes, redirections, ( ), { }, if, while, until, for; single and
double quotes, backslash, $NAME ${NAME} ${NAME:-word}, $( ) and ` `. No functions, here-documents,
case, or arithmetic.
"""

from __future__ import annotations

import re

from agentkit_android.shell.nodes import (
    Chain,
    Command,
    CommandList,
    For,
    Group,
    If,
    Loop,
    Piece,
    Pipeline,
    Redirect,
    Simple,
    Word,
)
from agentkit_android.shell.words import Reader, ShellSyntaxError

__all__ = ["ShellSyntaxError", "parse"]

RESERVED = {"then", "elif", "else", "fi", "do", "done", "}"}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


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


class _Parser(Reader):
    """Reads commands; looks one token ahead."""

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
