"""What the screenshot says and the tree does not: text in pictures and drawings."""

from __future__ import annotations

from typing import Any

from agentkit.capabilities import Image, Perception

SURE = 0.6  # confidence below which a text is left out


def unsaid(picture: bytes, tree: str, perception: Perception) -> list[dict[str, Any]]:
    """Texts with their boxes (x, y, width, height in pixels of the picture), from top to bottom.
    Letters and digits alone are compared with the tree, since blanks and signs are read least
    surely; a text of one letter is left out."""
    have = _letters(tree)
    (seen,) = perception.see([Image(picture)])
    found = []
    for block in seen.blocks:
        wanted = _letters(block.text)
        if block.confidence < SURE or len(wanted) < 2 or wanted in have:
            continue
        box = block.box
        sides = [box.left, box.top, box.right - box.left, box.bottom - box.top]
        found.append({"text": " ".join(block.text.split()).replace('"', "'"), "box": sides})
    return found


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
