"""One HTML file of plots that needs nothing else: data as JSON, drawn by a small script.

All text goes into the page as JSON with "<" escaped, and into the document by textContent, so that
no string of a text or a tokenizer can become markup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentkit_manifolds import words


def page(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of a study's stages."""
    folder = Path(__file__).parent
    payload = {"stages": found, "summary": words.summary(found).split("\n")}
    text = json.dumps(payload, ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    script = (folder / "page.js").read_text()
    shell = (folder / "page.html").read_text()
    return shell.replace("/*SCRIPT*/", script).replace("/*DATA*/", text)
