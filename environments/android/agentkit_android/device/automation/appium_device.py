"""What Appium's server asks and sets of the device: its screen, its keys, its clipboard."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

from agentkit_android.device.automation.hand import Hand
from agentkit_android.device.automation.nodes import found
from agentkit_android.device.automation.selectors import source
from agentkit_android.phone.phone import Phone


class Device:
    """Handlers of the paths in ROUTES."""

    def __init__(self, phone: Phone, hand: Hand) -> None:
        self.phone, self.hand = phone, hand
        self.settings: dict[str, Any] = {}

    async def source(self, body: dict[str, Any]) -> object:
        shown = self.phone.display
        return source(self.hand.screen(), shown.width, shown.height)

    async def picture(self, body: dict[str, Any]) -> object:
        png = await asyncio.to_thread(self.hand.png)
        return base64.b64encode(png).decode()

    async def size(self, body: dict[str, Any]) -> object:
        return {"width": self.phone.display.width, "height": self.phone.display.height}

    async def orientation(self, body: dict[str, Any]) -> object:
        return "LANDSCAPE" if self.phone.display.rotation % 2 else "PORTRAIT"

    async def turn(self, body: dict[str, Any]) -> object:
        turned = str(body.get("orientation", "")).upper() == "LANDSCAPE"
        self.phone.settings.put("system", "accelerometer_rotation", "0")
        self.phone.settings.put("system", "user_rotation", "1" if turned else "0")
        return None

    async def info(self, body: dict[str, Any]) -> object:
        phone, shown = self.phone, self.phone.display
        told = phone.properties
        bluetooth = "ON" if phone.settings.is_on("global", "bluetooth_on") else "OFF"
        return {
            "androidId": phone.settings.get("secure", "android_id"),
            "manufacturer": told["ro.product.manufacturer"],
            "model": told["ro.product.model"],
            "brand": told["ro.product.brand"],
            "apiVersion": told["ro.build.version.sdk"],
            "platformVersion": told["ro.build.version.release"],
            "carrierName": "",
            "realDisplaySize": f"{shown.width}x{shown.height}",
            "displayDensity": shown.density,
            "networks": [],
            "locale": phone.locale.replace("-", "_"),
            "timeZone": told["persist.sys.timezone"],
            "bluetooth": {"state": bluetooth},
        }

    async def ratio(self, body: dict[str, Any]) -> object:
        return self.phone.display.density / 160

    async def density(self, body: dict[str, Any]) -> object:
        return self.phone.display.density

    async def bars(self, body: dict[str, Any]) -> object:
        return {"statusBar": self.phone.display.px(24)}

    async def battery(self, body: dict[str, Any]) -> object:
        return {"level": 0.87, "status": 2}

    async def notifications(self, body: dict[str, Any]) -> object:
        self.phone.act("shade", value=1)
        return None

    async def configure(self, body: dict[str, Any]) -> object:
        self.settings.update(body.get("settings") or {})
        return None

    async def configured(self, body: dict[str, Any]) -> object:
        return self.settings

    async def keys(self, body: dict[str, Any]) -> object:
        await self.hand.write(body.get("text") or "".join(body.get("value") or ()))
        return None

    async def back(self, body: dict[str, Any]) -> object:
        await self.hand.key(4)
        return None

    async def nothing(self, body: dict[str, Any]) -> object:
        return None

    async def key(self, body: dict[str, Any]) -> object:
        await self.hand.key(int(body["keycode"]))
        return None

    async def long_key(self, body: dict[str, Any]) -> object:
        await self.hand.run("input", "keyevent", "--longpress", int(body["keycode"]))
        return None

    async def copy(self, body: dict[str, Any]) -> object:
        content = base64.b64decode(str(body["content"]))
        self.phone.plain.clipboard = content.decode("utf-8", "replace")
        return None

    async def copied(self, body: dict[str, Any]) -> object:
        return base64.b64encode(self.phone.plain.clipboard.encode()).decode()

    async def alert(self, body: dict[str, Any]) -> object:
        """The texts of the dialog that is open; the phone dumps it alone."""
        nodes = found(self.hand.screen(), {"className": "android.widget.TextView"})
        return "\n".join(n.get("text") for n in nodes if n.get("text"))


Handler = Callable[..., Awaitable[object]]
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", Device.nothing),
    ("GET", "/source", Device.source),
    ("GET", "/screenshot", Device.picture),
    ("GET", "/window/current/size", Device.size),
    ("GET", "/window/rect", Device.size),
    ("GET", "/orientation", Device.orientation),
    ("POST", "/orientation", Device.turn),
    ("GET", "/appium/device/info", Device.info),
    ("GET", "/appium/device/pixel_ratio", Device.ratio),
    ("GET", "/appium/device/display_density", Device.density),
    ("GET", "/appium/device/system_bars", Device.bars),
    ("GET", "/appium/device/battery_info", Device.battery),
    ("POST", "/appium/device/open_notifications", Device.notifications),
    ("POST", "/appium/settings", Device.configure),
    ("GET", "/appium/settings", Device.configured),
    ("POST", "/appium/reset_ax_cache", Device.nothing),
    ("POST", "/keys", Device.keys),
    ("POST", "/back", Device.back),
    ("POST", "/appium/device/press_keycode", Device.key),
    ("POST", "/appium/device/long_press_keycode", Device.long_key),
    ("POST", "/appium/device/set_clipboard", Device.copy),
    ("POST", "/appium/device/get_clipboard", Device.copied),
    ("GET", "/alert/text", Device.alert),
)
