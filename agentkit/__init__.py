"""agentkit: plugin-based agents on models that people run themselves.

kit = agentkit.load()
for event in kit.agent("research").run("What does SQLITE_BUSY mean?"):
    ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentkit.errors import AgentkitError
from agentkit.hookspecs import API, hookimpl

if TYPE_CHECKING:
    from agentkit.agents.functions import tool
    from agentkit.kit import Kit, load

__version__ = "0.1.0"
__all__ = ["API", "AgentkitError", "Kit", "__version__", "hookimpl", "load", "tool"]


def __getattr__(name: str) -> Any:
    if name in ("Kit", "load"):
        from agentkit import kit

        return getattr(kit, name)
    if name == "tool":
        from agentkit.agents import functions

        return functions.tool
    raise AttributeError(f"module 'agentkit' has no attribute {name!r}")
