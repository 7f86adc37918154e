"""A task: what is asked, and how an answer is judged."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentkit.capabilities import Completion, Request
from agentkit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Task:
    """request: without seed and length, which the experiment sets. score: from 0 to 1."""

    id: str
    request: Request
    score: Callable[[Completion], float]


def needed(module: str, distribution: str) -> Any:
    """A package that only experiments need.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"these tasks need the package {distribution}: {error}",
            "python -m pip install 'agentkit-power-sampling[bench]'",
        ) from error
