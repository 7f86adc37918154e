"""The published prompts, by task; others work badly. `<image>` stands for the picture's tokens."""

from __future__ import annotations

from typing import Literal

from agentkit.errors import UsageError
from agentkit.names import nearest

IMAGE = "<image>"
Task = Literal["ocr", "markdown", "grounding", "describe", "figure", "chart", "formula", "geometry"]
_FIGURE = f"{IMAGE}\nParse the figure."
PROMPTS: dict[str, str] = {
    "ocr": f"{IMAGE}\nFree OCR.",
    "markdown": f"{IMAGE}\n<|grounding|>Convert the document to markdown.",
    "grounding": f"{IMAGE}\n<|grounding|>OCR this image.",
    "describe": f"{IMAGE}\nDescribe this image in detail.",
    # One prompt for all of these: the picture decides between an HTML table, SMILES and lines.
    "figure": _FIGURE,
    "chart": _FIGURE,
    "formula": _FIGURE,
    "geometry": _FIGURE,
}


def prompt(task: str) -> str:
    """A task's prompt.

    Raises:
        UsageError: there is no such task.
    """
    if task not in PROMPTS:
        raise UsageError(
            f"no task {task!r}{nearest(task, PROMPTS)}", f"one of {', '.join(PROMPTS)}"
        )
    return PROMPTS[task]


def locate(what: str) -> str:
    """Asks for the boxes of something. Tags in its name are left out: they would end it early."""
    for tag in ("<|ref|>", "<|/ref|>", IMAGE):
        what = what.replace(tag, "")
    return f"{IMAGE}\nLocate <|ref|>{what}<|/ref|> in the image."
