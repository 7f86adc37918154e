"""Text that UTF-8 can hold.

What comes from outside (a model's JSON, undecodable arguments) may hold halves of surrogate pairs,
which no file, database or socket takes.
"""

from __future__ import annotations


def valid(text: str) -> str:
    """The text, with pairs of surrogates joined and U+FFFD for each that is alone."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def split_lines(text: str) -> list[str]:
    """The lines of a text, without their ends, which are \\n or \\r\\n alone. `str.splitlines` cuts
    at U+2028, U+0085 and form feeds too, which JSON leaves standing in its strings."""
    found = text.replace("\r\n", "\n").split("\n")
    return found if found[-1] else found[:-1]
