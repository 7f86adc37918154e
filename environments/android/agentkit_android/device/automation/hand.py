"""What automation servers do to the phone: the same `input` that a shell calls."""

from __future__ import annotations

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
        """Into the field that has the focus, as a keyboard does."""
        self.phone.type(text)

    async def clear(self) -> None:
        self.phone.erase()

    async def set_text(self, node: Node, text: str) -> bool:
        """Gives a field the focus, and it holds a text afterwards."""
        if not node.has("focused"):
            await self.tap(*node.middle)
        self.phone.erase()
        if text:
            self.phone.type(text)
        return True

    def held(self, node: Node) -> str:
        """What a field holds; the tree tells the hint of one that is empty."""
        window = self.phone.scene().active
        for box in window.root.walk() if window else ():
            if box.view.kind == "field" and box.seen == node.bounds:
                return box.view.text
        return node.get("text")

    def png(self) -> bytes:
        return draw.png(self.phone.scene())

    def screen(self) -> Node:
        return screen(self.phone)
