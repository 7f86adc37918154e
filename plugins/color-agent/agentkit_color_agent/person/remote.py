"""Which models are on another machine, so that a person is told before one reads about them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from agentkit.kit import Parts

HERE = ("localhost", "127.0.0.1", "::1", "")
AWAY = ("openai", "langchain")
"""Kinds of models that may speak to another machine."""


def remote_models(parts: Parts, roles: Iterable[str]) -> list[str]:
    """Names of the models behind these roles that go through another machine, each with its
    host. What is not known to be here counts as elsewhere."""
    kit, found = parts.kit, []
    names = {n for role in roles for n in parts.names(role)}
    waiting, seen = sorted(names), set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if kit.is_added("model", name):
            continue  # a program put it there itself
        for noun, more, _ in kit.references(("model", name)).values():
            waiting += more if noun == "model" else []
        if kit.values("model", name).use in AWAY:
            address = str(getattr(kit.validated("model", name), "base_url", "elsewhere"))
            host = urlsplit(address).hostname if "://" in address else address
            if (host or "") not in HERE:
                found.append(f"{name} ({host})")
    return found
