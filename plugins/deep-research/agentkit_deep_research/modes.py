"""How thorough a research is: a mode sets what no setting names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Mode = Literal["quick", "standard", "deep", "question"]

MODES: Mapping[str, Mapping[str, Any]] = {
    "quick": {"loops": 1, "quotes": 2, "unsure": 3, "tasks": 8, "hops": 0, "pages": 30},
    "standard": {},
    "deep": {
        "loops": 5,
        "quotes": 8,
        "unsure": 8,
        "tasks": 60,
        "hops": 2,
        "pages": 400,
        "hits": 20,
    },
    "question": {"loops": 2, "quotes": 1, "unsure": 2, "tasks": 12, "format": "short"},
}


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with what their mode says, where they say nothing."""
    preset = MODES.get(str(values.get("mode", "standard")), {})
    return {**preset, **values}
