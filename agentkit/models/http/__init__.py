"""What OpenAI-compatible endpoints speak, and what goes wrong with them."""
