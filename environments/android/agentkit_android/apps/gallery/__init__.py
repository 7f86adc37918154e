"""Gallery: the pictures that are on the phone, by day and album; edited, moved, thrown away."""

from __future__ import annotations

from agentkit_android.apps.gallery import lists, one, trash
from agentkit_android.apps.gallery.app import APP

__all__ = ["APP", "lists", "one", "trash"]
