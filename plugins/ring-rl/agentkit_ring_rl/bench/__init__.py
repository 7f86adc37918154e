"""Experiments of this plugin."""
