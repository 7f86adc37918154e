"""Tools and documents of MCP servers."""
