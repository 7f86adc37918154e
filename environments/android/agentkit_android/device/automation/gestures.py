"""Gestures as Appium describes them: by a direction, or by the moves of a pointer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentkit_android.device.automation.hand import Hand
from agentkit_android.device.automation.nodes import Node, found
from agentkit_android.screen import tree

HOLD = 500  # milliseconds
SIGNS = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}


class Gestures:
    """Performs them by a hand."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand

    async def perform(self, kind: str, body: dict[str, Any], node: Node | None) -> object:
        """click, double_click, long_click, drag, swipe, scroll, fling.

        Raises:
            ValueError: there is no such gesture, or it lacks something.
        """
        if kind in ("click", "double_click", "long_click"):
            x, y = self._point(body.get("offset"), node)
            for _ in range(2 if kind == "double_click" else 1):
                ms = int(body.get("duration") or HOLD) if kind == "long_click" else 0
                await self.hand.tap(x, y, ms)
            return None
        if kind == "drag":
            start = self._point(body.get("start"), node)
            end = body["end"]
            await self.hand.drag(*start, end["x"], end["y"])
            return None
        if kind in ("swipe", "scroll", "fling"):
            return await self._along(kind, body, node)
        raise ValueError(f"the gesture {kind[:40]!r} needs two fingers")

    def _point(self, offset: Any, node: Node | None) -> tuple[int, int]:
        if node is None:
            return int(offset["x"]), int(offset["y"])
        if offset:
            left, top, _, _ = node.bounds
            return left + int(offset["x"]), top + int(offset["y"])
        return node.middle

    async def _along(self, kind: str, body: dict[str, Any], node: Node | None) -> bool:
        """A swipe moves the finger in a direction; scroll and fling show what lies there."""
        area = body.get("area")
        if node is not None:
            left, top, right, bottom = node.bounds
        elif area:
            left, top = int(area["left"]), int(area["top"])
            right, bottom = left + int(area["width"]), top + int(area["height"])
        else:
            raise ValueError("it needs an element or an area")
        dx, dy = SIGNS[str(body["direction"]).lower()]
        if kind != "swipe":
            dx, dy = -dx, -dy
        part = min(1.0, max(0.0, float(body.get("percent", 1.0)))) * 0.4
        x, y = (left + right) / 2, (top + bottom) / 2
        far_x, far_y = dx * (right - left) * part, dy * (bottom - top) * part
        before = tree.xml(self.hand.phone.scene())
        await self.hand.swipe(x - far_x, y - far_y, x + far_x, y + far_y, 500)
        return tree.xml(self.hand.phone.scene()) != before

    async def into_view(self, inside: dict[str, Any], wanted: dict[str, Any]) -> list[Node]:
        """Scrolls a list until something in it is seen; nothing where it is not there."""
        for direction in ("up", "down"):
            for _ in range(60):
                if nodes := found(self.hand.screen(), wanted):
                    return nodes
                lists = found(self.hand.screen(), inside)
                body = {"direction": direction, "percent": 0.8}
                if not lists or not await self._along("scroll", body, lists[0]):
                    break
        return []

    async def actions(
        self, devices: list[dict[str, Any]], origin: Callable[[dict[str, Any]], tuple[int, int]]
    ) -> None:
        """W3C actions of one finger, and of keys: the path between down and up is one gesture."""
        for device in devices:
            if device.get("type") == "pointer":
                await self._pointer(device.get("actions") or [], origin)
            elif device.get("type") == "key":
                typed = [a for a in device.get("actions") or [] if a.get("type") == "keyDown"]
                await self.hand.write("".join(str(a.get("value", "")) for a in typed))

    async def _pointer(
        self, actions: list[dict[str, Any]], origin: Callable[[dict[str, Any]], tuple[int, int]]
    ) -> None:
        x = y = 0
        path: list[tuple[int, int]] | None = None
        milliseconds = 0
        for action in actions:
            kind = action.get("type")
            if kind == "pointerMove":
                dx, dy = int(action.get("x", 0)), int(action.get("y", 0))
                base = action.get("origin", "viewport")
                if isinstance(base, dict):
                    ox, oy = origin(base)
                else:
                    ox, oy = (x, y) if base == "pointer" else (0, 0)
                x, y = ox + dx, oy + dy
                if path is not None:
                    path.append((x, y))
                    milliseconds += int(action.get("duration") or 0)
            elif kind == "pointerDown":
                path, milliseconds = [(x, y)], 0
            elif kind == "pause":
                milliseconds += int(action.get("duration") or 0)
            elif kind == "pointerUp" and path is not None:
                if len(set(path)) == 1:
                    await self.hand.tap(x, y, milliseconds)
                else:
                    await self.hand.swipe(*path[0], *path[-1], milliseconds or 250)
                path = None
