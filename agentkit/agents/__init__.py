"""The host's own agent, plain tool calling, and tools made of Python functions."""

from agentkit.agents.functions import FunctionTool, tool

__all__ = ["FunctionTool", "tool"]
