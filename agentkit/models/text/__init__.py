"""Messages to token ids and back: chat templates, tool calls, grammars, streams of text."""
