"""Small pictures of apps that were left, for the cards of the recents."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image

from agentkit_android.apps.context import See
from agentkit_android.phone.activities import Activity
from agentkit_android.screen import draw
from agentkit_android.screen.layout import Kept, place
from agentkit_android.screen.scene import Scene, Window

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

WIDTH, SHOWN = 240, 0.77
"""Pixels; and how much of the height, in widths: the top."""


def preview(phone: Phone, activity: Activity) -> bytes:
    """PNG of an activity's screen; b"" where it cannot be made."""
    app, display = phone.apps[activity.package], phone.display
    try:
        view = app.activities[activity.name](See(phone, app, activity))
    except Exception:
        return b""  # it crashes when it is opened, and is told of then
    kept = Kept(dict(activity.scrolls), dict(activity.texts))
    root = place(view, (0, 0, display.width, display.height), display, kept)
    window = Window("screen", activity.package, root, active=True)
    return _small(Scene(display, (window,), phone.dark))


@lru_cache(16)
def _small(scene: Scene) -> bytes:
    whole = draw.image(scene)
    top = whole.crop((0, 0, whole.width, min(whole.height, round(whole.width * SHOWN))))
    size = (WIDTH, round(top.height * WIDTH / top.width))
    out = io.BytesIO()
    top.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0).save(out, "PNG")
    return out.getvalue()
