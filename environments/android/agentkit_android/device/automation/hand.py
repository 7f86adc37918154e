"""What automation servers do to the phone: the same `input` that a shell calls."""

from __future__ import annotations

import base64

from agentkit_android.device.automation.nodes import Node, screen
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw
from agentkit_android.shell.interpreter import Shell, Streams
from agentkit_android.shell.streams import Collected, Nothing

STEP = 5
"""Milliseconds of one step of a gesture, as UiAutomator counts them."""


class Hand:
    """Touches a phone's screen and types on it."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone

    async def run(self, *words: str | int) -> str:
        """Calls a program of the phone; its output."""
        out = Collected()
        await Shell(self.phone).call(list(map(str, words)), Streams(Nothing(), out, out))
        return out.data.decode("utf-8", "replace")

    async def tap(self, x: float, y: float, milliseconds: int = 0) -> None:
        x, y = round(x), round(y)
        if milliseconds > 300:
            await self.run("input", "swipe", x, y, x, y, milliseconds)
        else:
            await self.run("input", "tap", x, y)

    async def swipe(self, x: float, y: float, to_x: float, to_y: float, ms: int = 300) -> None:
        points = [round(v) for v in (x, y, to_x, to_y)]
        await self.run("input", "swipe", *points, max(1, ms))

    async def drag(self, x: float, y: float, to_x: float, to_y: float, ms: int = 1000) -> None:
        points = [round(v) for v in (x, y, to_x, to_y)]
        await self.run("input", "draganddrop", *points, max(1, ms))

    async def key(self, key: str | int) -> None:
        await self.run("input", "keyevent", key)

    async def write(self, text: str) -> None:
        """Into the field that has the focus."""
        encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
        await self.run("am", "broadcast", "-a", "ADB_INPUT_B64", "--es", "msg", encoded)

    async def clear(self) -> None:
        await self.run("am", "broadcast", "-a", "ADB_CLEAR_TEXT")

    async def set_text(self, node: Node, text: str) -> bool:
        """Gives a field the focus, and it holds a text afterwards. False where it takes none."""
        if not node.has("focused"):
            await self.tap(*node.middle)
        await self.clear()
        if text:
            await self.write(text)
        return True

    def png(self) -> bytes:
        return draw.png(self.phone.scene())

    def screen(self) -> Node:
        return screen(self.phone)
