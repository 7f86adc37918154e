"""How a shell is left in the middle."""

from __future__ import annotations


class Exit(Exception):
    """`exit`: the shell ends."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Leave(Exception):
    """`break` and `continue`."""

    def __init__(self, again: bool) -> None:
        super().__init__(again)
        self.again = again
