"""Databases as sources: read-only SQL, and questions in words."""
