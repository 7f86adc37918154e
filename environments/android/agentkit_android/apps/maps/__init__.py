"""Maps: a drawn town with places, a search, saved lists and the way from here to there."""

from __future__ import annotations

from agentkit_android.apps.maps import finding, routing, saving, searching
from agentkit_android.apps.maps.app import APP

__all__ = ["APP", "finding", "routing", "saving", "searching"]
