"""The console in a terminal: a client of its HTTP API, which knows of runs what that says."""
