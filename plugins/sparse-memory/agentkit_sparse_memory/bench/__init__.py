"""The experiments: what is learned, what is forgotten, and what that costs."""
