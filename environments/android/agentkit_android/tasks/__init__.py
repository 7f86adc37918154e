"""Tasks on a phone: a goal in words, a start, a check of the state, and an expert who can do it."""
