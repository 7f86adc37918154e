"""Phone: a keypad, calls that are made and come in, the call log, favourites, blocked numbers."""

from __future__ import annotations

from agentkit_android.apps.dialer import blocking, calling, lists
from agentkit_android.apps.dialer.app import APP

__all__ = ["APP", "blocking", "calling", "lists"]
