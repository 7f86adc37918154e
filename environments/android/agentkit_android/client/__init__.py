"""The agent's side of a phone: one driver over the real adb, or over a phone in this process."""
