"""Music: the songs in /sdcard/Music, a player that goes on by itself, playlists."""

from __future__ import annotations

from agentkit_android.apps.music import library, player, playlists
from agentkit_android.apps.music.app import APP

__all__ = ["APP", "library", "player", "playlists"]
