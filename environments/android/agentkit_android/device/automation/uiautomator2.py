"""The JSON-RPC server that uiautomator2 starts by `app_process`, as far as its client uses it."""

from __future__ import annotations

import asyncio
import base64
import functools
import inspect
import io
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentkit_android.device.automation.hand import STEP, Hand
from agentkit_android.device.automation.http import Call, Reply, serve
from agentkit_android.device.automation.nodes import FLAGS, Node, found
from agentkit_android.device.streams import Stream
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw, tree

Selector = Mapping[str, Any]
LOOK = 0.05
NOT_FOUND = "androidx.test.uiautomator.UiObjectNotFoundException: {}"
KEYS = {"home": 3, "back": 4, "left": 21, "right": 22, "up": 19, "down": 20, "center": 23,
        "menu": 82, "search": 84, "enter": 66, "delete": 67, "del": 67, "recent": 187,
        "volume_up": 24, "volume_down": 25, "volume_mute": 164, "camera": 27,
        "power": 26}  # fmt: skip


class Missing(Exception):
    """No node fits the selector."""


def service(phone: Phone) -> Callable[[Stream], Awaitable[None]]:
    """What listens at the server's port."""
    return functools.partial(serve, Server(phone).handle)


class Server:
    """Methods by their names in the protocol. See UiAutomator's own documentation for each."""

    def __init__(self, phone: Phone) -> None:
        self.hand, self.phone = Hand(phone), phone
        self.traversed: str | None = None

    async def handle(self, call: Call) -> Reply:
        if call.path == "/ping":
            return Reply(200, b"pong", "text/plain")
        if call.path != "/jsonrpc/0" or not isinstance(call.body, dict):
            return Reply.of({"error": "not found"}, 404)
        number, name = call.body.get("id"), str(call.body.get("method"))
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": number}
        method = getattr(self, f"do_{name}", None)
        given = call.body.get("params") or []
        try:
            if method is None:
                answer["error"] = {"code": -32601, "message": f"method {name[:80]} not found"}
            else:
                inspect.signature(method).bind(*given)
                answer["result"] = await method(*given)
        except Missing as error:
            said = NOT_FOUND.format(error)
            answer["error"] = {"code": -32001, "message": said, "data": said}
        except (TypeError, ValueError, KeyError) as error:
            said = f"java.lang.IllegalArgumentException: {error}"
            answer["error"] = {"code": -32602, "message": said, "data": said}
        return Reply.of(answer)

    # Finding.

    def _all(self, selector: Selector) -> list[Node]:
        return found(self.hand.screen(), selector)

    def _one(self, selector: Selector) -> Node:
        nodes = self._all(selector)
        if not nodes:
            shown = {k: v for k, v in selector.items() if v and k != "mask"}
            raise Missing(f"UiSelector{shown}")
        return nodes[0]

    async def _wait(self, selector: Selector, milliseconds: int, there: bool) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + milliseconds / 1000
        while bool(self._all(selector)) is not there:
            if loop.time() >= end:
                return False
            await asyncio.sleep(LOOK)
        return True

    async def do_exist(self, selector: Selector) -> bool:
        return bool(self._all(selector))

    async def do_count(self, selector: Selector) -> int:
        return len(self._all(selector))

    async def do_waitForExists(self, selector: Selector, milliseconds: int) -> bool:
        return await self._wait(selector, milliseconds, True)

    async def do_waitUntilGone(self, selector: Selector, milliseconds: int) -> bool:
        return await self._wait(selector, milliseconds, False)

    async def do_objInfo(self, selector: Selector) -> dict[str, Any]:
        return _info(self._one(selector))

    async def do_objInfoOfAllInstances(self, selector: Selector) -> list[dict[str, Any]]:
        return [_info(node) for node in self._all(selector)]

    async def do_getText(self, selector: Selector) -> str:
        return self._one(selector).get("text")

    # The screen.

    async def do_deviceInfo(self) -> dict[str, Any]:
        phone, shown = self.phone, self.phone.display
        return {
            "currentPackageName": phone.scene().package,
            "displayWidth": shown.width,
            "displayHeight": shown.height,
            "displayRotation": 0,
            "displaySizeDpX": round(shown.width * 160 / shown.density),
            "displaySizeDpY": round(shown.height * 160 / shown.density),
            "naturalOrientation": True,
            "productName": phone.properties["ro.product.name"],
            "screenOn": phone.awake,
            "sdkInt": int(phone.properties["ro.build.version.sdk"]),
        }

    async def do_dumpWindowHierarchy(self, compressed: bool, depth: int = 50, *_: Any) -> str:
        return tree.xml(self.phone.scene())

    async def do_takeScreenshot(self, scale: float = 1, quality: int = 80) -> str:
        image = await asyncio.to_thread(draw.image, self.phone.scene())
        if 0 < scale < 1:
            image = image.resize((round(image.width * scale), round(image.height * scale)))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=max(1, min(95, quality)))
        return base64.b64encode(out.getvalue()).decode()

    async def do_openNotification(self) -> bool:
        await self.hand.run("cmd", "statusbar", "expand-notifications")
        return True

    async def do_openQuickSettings(self) -> bool:
        await self.hand.run("cmd", "statusbar", "expand-settings")
        return True

    async def do_wakeUp(self) -> None:
        await self.hand.key(224)

    async def do_sleep(self) -> None:
        await self.hand.key(223)

    # Touching.

    async def do_click(self, first: Any, second: Any = None, milliseconds: int = 0) -> bool:
        if isinstance(first, dict):
            await self.hand.tap(*self._one(first).middle)
        else:
            await self.hand.tap(first, second, milliseconds)
        return True

    async def do_longClick(self, selector: Selector, *_: Any) -> bool:
        await self.hand.tap(*self._one(selector).middle, 1000)
        return True

    async def do_swipe(self, x: float, y: float, to_x: float, to_y: float, steps: int) -> bool:
        await self.hand.swipe(x, y, to_x, to_y, steps * STEP)
        return True

    async def do_swipePoints(self, points: list[float], steps: int) -> bool:
        if len(points) < 4 or len(points) % 2:
            raise ValueError("a swipe needs two points")
        pairs = list(zip(points[::2], points[1::2]))
        for (x, y), (to_x, to_y) in itertools.pairwise(pairs):
            await self.hand.swipe(x, y, to_x, to_y, steps * STEP)
        return True

    async def do_drag(self, x: float, y: float, to_x: float, to_y: float, steps: int) -> bool:
        await self.hand.drag(x, y, to_x, to_y, steps * STEP)
        return True

    async def do_dragTo(self, selector: Selector, *rest: Any) -> bool:
        to = self._one(rest[0]).middle if isinstance(rest[0], dict) else (rest[0], rest[1])
        await self.hand.drag(*self._one(selector).middle, *to)
        return True

    async def do_pressKey(self, name: str) -> bool:
        if name not in KEYS:
            raise ValueError(f"no key {name!r}")
        await self.hand.key(KEYS[name])
        return True

    async def do_pressKeyCode(self, code: int, meta: int = 0) -> bool:
        await self.hand.key(code)
        return True

    # Lists.

    async def _move(self, selector: Selector, vertical: bool, forward: bool) -> bool:
        """One screen on; whether anything moved."""
        node = self._one(selector)
        before = tree.xml(self.phone.scene())
        left, top, right, bottom = node.bounds
        x, y = node.middle
        if vertical:
            far = (bottom - top) * 3 // 8
            far = far if forward else -far
            await self.hand.swipe(x, y + far, x, y - far)
        else:
            far = (right - left) * 3 // 8
            far = far if forward else -far
            await self.hand.swipe(x + far, y, x - far, y)
        return tree.xml(self.phone.scene()) != before

    async def do_scrollForward(self, selector: Selector, vertical: bool, *_: Any) -> bool:
        return await self._move(selector, vertical, True)

    async def do_scrollBackward(self, selector: Selector, vertical: bool, *_: Any) -> bool:
        return await self._move(selector, vertical, False)

    do_flingForward, do_flingBackward = do_scrollForward, do_scrollBackward

    async def _far(self, selector: Selector, vertical: bool, forward: bool, most: int) -> bool:
        for _ in range(min(most, 100)):
            if not await self._move(selector, vertical, forward):
                return True
        return False

    async def do_scrollToEnd(self, selector: Selector, vertical: bool, most: int, *_: Any) -> bool:
        return await self._far(selector, vertical, True, most)

    async def do_scrollToBeginning(
        self, selector: Selector, vertical: bool, most: int, *_: Any
    ) -> bool:
        return await self._far(selector, vertical, False, most)

    do_flingToEnd, do_flingToBeginning = do_scrollToEnd, do_scrollToBeginning

    async def do_scrollTo(self, selector: Selector, wanted: Selector, vertical: bool) -> bool:
        for forward in (False, True):
            if self._all(wanted):
                return True
            for _ in range(100):
                if not await self._move(selector, vertical, forward):
                    break
                if self._all(wanted):
                    return True
        return False

    # Text.

    async def do_setText(self, selector: Selector, text: str) -> bool:
        return await self.hand.set_text(self._one(selector), text)

    async def do_clearTextField(self, selector: Selector) -> bool:
        return await self.hand.set_text(self._one(selector), "")

    async def do_clearInputText(self) -> bool:
        await self.hand.clear()
        return True

    async def do_getLastTraversedText(self) -> str | None:
        return self.traversed

    async def do_clearLastTraversedText(self) -> None:
        self.traversed = None


def _info(node: Node) -> dict[str, Any]:
    bounds = dict(zip(("left", "top", "right", "bottom"), node.bounds))
    return {
        "bounds": bounds,
        "visibleBounds": bounds,
        "childCount": len(node.children),
        "className": node.get("class"),
        "contentDescription": node.get("content-desc") or None,
        "packageName": node.get("package"),
        "resourceName": node.get("resource-id") or None,
        "text": node.get("text"),
        **{name: node.has(key) for name, key in FLAGS.items()},
    }
