"""The HTTP server that Appium's UiAutomator2 driver talks to inside a phone, as far as it uses it.

Answers and errors are those of W3C WebDriver, with the driver's own paths under /appium.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import io
import itertools
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agentkit_android.device.automation.appium_device import ROUTES as DEVICE
from agentkit_android.device.automation.appium_device import Device
from agentkit_android.device.automation.gestures import Gestures
from agentkit_android.device.automation.hand import Hand
from agentkit_android.device.automation.http import Call, Reply, serve
from agentkit_android.device.automation.nodes import Node, found
from agentkit_android.device.automation.selectors import (
    LANGUAGE,
    BadSelector,
    look,
    scrolled,
)
from agentkit_android.device.streams import Stream
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw

PORT = 6790
W3C = "element-6066-11e4-a52e-4f735466cecf"
MAX_ELEMENTS = 5000


class Problem(Exception):
    """An error of the protocol."""

    def __init__(self, error: str, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.error, self.status = error, status


@dataclass(frozen=True, slots=True)
class Known:
    """An element that was found: where, and what tells it from others there."""

    path: tuple[int, ...]
    window: str
    looks: tuple[str, ...]


def service(phone: Phone) -> Callable[[Stream], Awaitable[None]]:
    """What listens at PORT."""
    return functools.partial(serve, Server(phone).handle)


class Server:
    """One phone's server. Handlers are named by method and path in ROUTES."""

    def __init__(self, phone: Phone) -> None:
        self.phone, self.hand = phone, Hand(phone)
        self.gestures = Gestures(self.hand)
        self.session = ""
        self.device = Device(phone, self.hand)
        self._known: dict[str, Known] = {}
        self._numbers = itertools.count(1)

    async def handle(self, call: Call) -> Reply:
        path = re.sub(r"^/wd/hub", "", call.path)
        body = call.body if isinstance(call.body, dict) else {}
        try:
            if path in ("/status", "/sessions") or (path, call.method) == ("/session", "POST"):
                return self._value(await self._outside(path, body))
            found_ = re.fullmatch(r"/session/([^/]+)(/.*)?", path)
            if found_ is None:
                raise Problem("unknown command", f"{call.method} {path[:80]}")
            if found_[1] != self.session:
                raise Problem("invalid session id", "the session is over")
            return self._value(await self._inside(call.method, found_[2] or "/", body))
        except Problem as problem:
            told = {"error": problem.error, "message": str(problem), "stacktrace": ""}
            return Reply.of({"sessionId": self.session or None, "value": told}, problem.status)
        except (BadSelector, ValueError, TypeError, KeyError) as error:
            kind = "invalid selector" if isinstance(error, BadSelector) else "invalid argument"
            told = {"error": kind, "message": f"{error}", "stacktrace": ""}
            return Reply.of({"sessionId": self.session or None, "value": told}, 400)

    def _value(self, value: object) -> Reply:
        return Reply.of({"sessionId": self.session or None, "value": value})

    async def _outside(self, path: str, body: dict[str, Any]) -> object:
        if path == "/status":
            return {"ready": True, "message": "the server is ready", "build": {"version": "10.6.6"}}
        if path == "/sessions":
            return [{"id": self.session, "capabilities": {}}] if self.session else []
        self.session, self._known = str(uuid.uuid4()), {}
        asked = body.get("capabilities", {})
        return {"sessionId": self.session, "capabilities": asked.get("firstMatch", [{}])[0] or {}}

    async def _inside(self, method: str, path: str, body: dict[str, Any]) -> object:
        for owner, routes in ((self, ROUTES), (self.device, DEVICE)):
            for verb, pattern, handler in routes:
                if verb == method and (match := re.fullmatch(pattern, path)):
                    return await handler(owner, body, *match.groups())
        raise Problem("unknown command", f"{method} {path[:80]} is not known here")

    # Elements.

    def _keep(self, node: Node) -> dict[str, str]:
        for name, known in self._known.items():
            if known == self._identity(node):
                return {W3C: name, "ELEMENT": name}
        if len(self._known) >= MAX_ELEMENTS:
            self._known.pop(next(iter(self._known)))
        name = f"00000000-0000-0000-ffff-{next(self._numbers):012x}"
        self._known[name] = self._identity(node)
        return {W3C: name, "ELEMENT": name}

    def _identity(self, node: Node) -> Known:
        words = [n.get("text") or n.get("content-desc") for n in node.walk()][:8]
        if node.get("class").endswith("EditText") or node.get("checkable") == "true":
            words = []  # these change and stay the same
        looks = (node.get("class"), node.get("resource-id"), *words)
        return Known(node.path, self.phone.activities.front.component, looks)

    def node(self, name: str) -> Node:
        """Raises:
        Problem: it was never found, or is not there any more.
        """
        known = self._known.get(name)
        if known is None:
            raise Problem("no such element", f"the element {name[:60]!r} was never found")
        root = node = self.hand.screen()
        try:
            for index in known.path:
                node = node.children[index]
        except IndexError:
            node = root
        if node is not root and self._identity(node) == known:
            return node
        # It may have moved, as rows of a list do.
        for other in (n for child in root.children for n in child.walk()):
            if (there := self._identity(other)).looks == known.looks and (
                there.window == known.window and any(known.looks[1:])
            ):
                return other
        raise Problem("stale element reference", "the element is not on the screen any more")

    async def _nodes(self, body: dict[str, Any]) -> list[Node]:
        strategy = str(body.get("strategy") or body.get("using") or "")
        query = str(body.get("selector") or body.get("value") or "")
        context = str(body.get("context") or "")
        root = self.hand.screen()
        if strategy == LANGUAGE and (moved := scrolled(query)):
            return await self.gestures.into_view(*moved)
        nodes = look(root, strategy, query)
        if context:
            above = self.node(context).path
            nodes = [n for n in nodes if n.path[: len(above)] == above and n.path != above]
        return nodes

    async def find_one(self, body: dict[str, Any]) -> object:
        nodes = await self._nodes(body)
        if not nodes:
            said = f"{body.get('strategy')} {str(body.get('selector'))[:200]!r}"
            raise Problem("no such element", f"nothing on the screen is {said}")
        return self._keep(nodes[0])

    async def find_all(self, body: dict[str, Any]) -> object:
        return [self._keep(node) for node in await self._nodes(body)]

    async def active(self, body: dict[str, Any]) -> object:
        nodes = found(self.hand.screen(), {"focused": True})
        if not nodes:
            raise Problem("no such element", "nothing has the focus")
        return self._keep(nodes[0])

    async def click(self, body: dict[str, Any], name: str) -> object:
        await self.hand.tap(*self.node(name).middle)
        return None

    async def clear(self, body: dict[str, Any], name: str) -> object:
        await self.hand.set_text(self.node(name), "")
        return None

    async def value(self, body: dict[str, Any], name: str) -> object:
        node = self.node(name)
        text = body.get("text") or "".join(body.get("value") or ())
        old = "" if body.get("replace") else self.hand.held(node)
        await self.hand.set_text(node, f"{old}{text}")
        return None

    async def text(self, body: dict[str, Any], name: str) -> object:
        return self.node(name).get("text")

    async def name(self, body: dict[str, Any], name: str) -> object:
        return self.node(name).get("class")

    async def attribute(self, body: dict[str, Any], name: str, key: str) -> object:
        node = self.node(name)
        known = {"contentDescription": "content-desc", "resourceId": "resource-id",
                 "className": "class", "name": "content-desc"}  # fmt: skip
        if key == "displayed":
            return "true"
        if (key := known.get(key, key)) not in node.attributes:
            raise Problem("unknown command", f"there is no attribute {key[:40]!r}")
        return node.get(key)

    async def rect(self, body: dict[str, Any], name: str) -> object:
        left, top, right, bottom = self.node(name).bounds
        return {"x": left, "y": top, "width": right - left, "height": bottom - top}

    async def element_picture(self, body: dict[str, Any], name: str) -> object:
        image = await asyncio.to_thread(draw.image, self.phone.scene())
        out = io.BytesIO()
        image.crop(self.node(name).bounds).save(out, "PNG")
        return base64.b64encode(out.getvalue()).decode()

    async def gesture(self, body: dict[str, Any], kind: str) -> object:
        origin = body.get("origin")
        node = self.node(str(origin.get(W3C) or origin.get("ELEMENT"))) if origin else None
        return await self.gestures.perform(kind, body, node)

    async def actions(self, body: dict[str, Any]) -> object:
        await self.gestures.actions(body.get("actions") or [], self._origin)
        return None

    def _origin(self, plain: dict[str, Any]) -> tuple[int, int]:
        return self.node(str(plain.get(W3C) or plain.get("ELEMENT"))).middle

    async def end(self, body: dict[str, Any]) -> object:
        self.session, self._known = "", {}
        return None


E = r"/element/([^/]+)"
Handler = Callable[..., Awaitable[object]]
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("DELETE", "/", Server.end),
    ("POST", "/element", Server.find_one),
    ("POST", "/elements", Server.find_all),
    ("GET", "/element/active", Server.active),
    ("POST", f"{E}/click", Server.click),
    ("POST", f"{E}/clear", Server.clear),
    ("POST", f"{E}/value", Server.value),
    ("GET", f"{E}/text", Server.text),
    ("GET", f"{E}/name", Server.name),
    ("GET", f"{E}/attribute/([^/]+)", Server.attribute),
    ("GET", f"{E}/(?:rect|size|location)", Server.rect),
    ("GET", f"{E}/screenshot", Server.element_picture),
    ("POST", r"/appium/gestures/(\w+)", Server.gesture),
    ("POST", "/actions", Server.actions),
)
