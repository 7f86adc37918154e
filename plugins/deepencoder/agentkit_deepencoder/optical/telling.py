"""What the conversation itself says of the pages, and of what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from agentkit.capabilities import Message, Part, Text

Way = Literal["embeds", "pictures", "text"]
EDGE = 300  # characters at either end of a long message that stay text


def told(parts: Sequence[Part], note: str, way: Way) -> list[Message]:
    """The message with the pages. A model that takes vision tokens gets them without words around
    them: it was trained on pages alone."""
    if not parts:
        return [Message.user(f"[Earlier turns: {note}.]")] if note and way != "embeds" else []
    if way == "embeds":
        return [Message.user(*parts)]
    form = (
        "as pictures of pages" if way == "pictures" else "read back from pages by OCR, with errors"
    )
    return [
        Message.user(
            f"[Earlier turns {form}, oldest first, # and number before each: {note}.]\n", *parts
        )
    ]


def ends(message: Message) -> tuple[Message, str]:
    """(a long message with its first and last line, or as much of them as EDGE, and all else that
    is no text; the text between)."""
    text = message.text
    head = text[: min(EDGE, len(text.partition("\n")[0]))]
    tail = text.rpartition("\n")[2]
    tail = tail if len(tail) <= EDGE and len(head) + len(tail) < len(text) else ""
    bulk = text[len(head) : len(text) - len(tail)].strip("\n")
    others = [part for part in message.parts if not isinstance(part, Text)]
    short = "\n".join(
        filter(None, (head, "[What stood here is on the last of the pages before.]", tail))
    )
    return Message(message.role, (Text(short), *others)), bulk


def ranges(numbers: Iterable[int]) -> str:
    """ "1-4, 7"."""
    made: list[list[int]] = []
    for n in sorted(set(numbers)):
        if made and n == made[-1][1] + 1:
            made[-1][1] = n
        else:
            made.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in made)
