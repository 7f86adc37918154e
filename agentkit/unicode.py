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
