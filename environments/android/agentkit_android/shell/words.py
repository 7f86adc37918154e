"""Takes a command line apart into operators and words, with quotes and $ in them."""

from __future__ import annotations

import re

from agentkit_android.shell.nodes import Piece, Word

MAX_DEPTH = 40
OPERATORS = ("&&", "||", ";;", ">>", "<<", ">&", "<&", "&", "|", ";", "\n", ">", "<", "(", ")")
PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9?$#@*!-]")


class ShellSyntaxError(ValueError):
    """The text is no command line."""


class Reader:
    """Looks one token ahead: `operator`, or `word`, or neither at the end."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.operator = ""
        self.word: Word | None = None
        self.next()

    def unexpected(self) -> ShellSyntaxError:
        what = self.operator or (literal(self.word) if self.word else "") or "EOF"
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

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ShellSyntaxError("syntax error: nested too deeply")


def literal(word: Word) -> str:
    return "".join(piece.text for piece in word)
