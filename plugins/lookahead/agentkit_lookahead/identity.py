"""What a candidate is, so that a router notices when it has become another model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentkit.errors import AgentkitError
from agentkit.kit import Kit

# How a model is run, not which one it is.
RUNNING = ("device", "dtype", "threads", "batch", "timeout", "retries", "api_key", "base_url")


def identity(kit: Kit, name: str) -> str:
    """A hash of what the part uses and of its settings, those of its bases included; "" where a
    program added it. Builds nothing."""
    if kit.is_added("model", name):
        return ""
    text = json.dumps(_plain(kit.recipe("model", name)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changes(kit: Kit, known: Mapping[str, str], names: Sequence[str]) -> Iterator[str]:
    """A line for each candidate that is not what the router was trained with."""
    for name in names:
        try:
            now = identity(kit, name)
        except AgentkitError:
            continue  # it says so itself when it is asked
        if known.get(name) and now and known[name] != now:
            yield (
                f"models.{name} has changed since the router was trained; its chances are those of "
                "the old one (agentkit route collect, then train)"
            )


def _plain(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "use": recipe["use"],
        "settings": {k: v for k, v in recipe["settings"].items() if k not in RUNNING},
        "needs": {
            field: [_plain(one) for one in below] for field, below in recipe["needs"].items()
        },
    }
