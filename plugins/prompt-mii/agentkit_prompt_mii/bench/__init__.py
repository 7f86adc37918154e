"""The plugin's experiments."""
