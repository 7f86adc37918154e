"""Token-level generation in this process: one thread advances all rows, exact to the bit."""
