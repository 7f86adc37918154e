"""People on a phone: what this one would want, and when to ask before acting."""
