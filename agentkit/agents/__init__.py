"""The host's own agent, plain tool calling, and tools made of Python functions."""

from agentkit.agents.functions import FunctionTool, tool
from agentkit.agents.schemas import SchemaTool

__all__ = ["FunctionTool", "SchemaTool", "tool"]
