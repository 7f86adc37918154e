"""Browser: tabs with a history each, forms, bookmarks; its web is a part of the phone."""

from __future__ import annotations

from agentkit_android.apps.browser import keeping, pages
from agentkit_android.apps.browser.app import APP

__all__ = ["APP", "keeping", "pages"]
