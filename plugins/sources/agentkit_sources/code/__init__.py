"""Code repositories as sources."""
