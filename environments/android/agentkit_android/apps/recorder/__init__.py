"""Recorder: sounds from the microphone, kept as WAV files in /sdcard/Recordings."""

from __future__ import annotations

from agentkit_android.apps.recorder import playing, recording
from agentkit_android.apps.recorder.app import APP

__all__ = ["APP", "playing", "recording"]
