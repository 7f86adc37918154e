"""Changing a state that goes out as patches: the console's server makes them, its clients apply
them, and both mean the same by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def set_leaf(root: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Sets what is at a path of keys, making objects on the way; None takes it away."""
    place = root
    for key in path[:-1]:
        place = place.setdefault(key, {})
    if value is None:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = value
