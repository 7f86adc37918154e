"""Optical context compression: the older turns of a conversation as pages, seen with few tokens."""
