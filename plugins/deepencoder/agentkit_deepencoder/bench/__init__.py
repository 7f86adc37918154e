"""The experiments of this plugin."""
