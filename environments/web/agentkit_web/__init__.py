"""A real browser behind a guard: websites as sources, and tasks on the web."""
