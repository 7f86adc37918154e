"""Camera: photos and short clips of what its lens sees, kept in /sdcard/DCIM/Camera."""

from __future__ import annotations

from agentkit_android.apps.camera import finder, taking
from agentkit_android.apps.camera.app import APP

__all__ = ["APP", "finder", "taking"]
