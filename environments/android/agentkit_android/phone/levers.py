"""What makes a phone harder: pop-ups, apps that stop, screens that take their time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentkit_android.phone.plain import Dialog
from agentkit_android.screen.acts import Act, send
from agentkit_android.screen.views import View

if TYPE_CHECKING:
    from agentkit_android.phone.activities import Activity
    from agentkit_android.phone.phone import Phone


@dataclass(frozen=True, slots=True)
class Popup:
    """A window that nobody asked for. yes leads away from what one was doing; no closes it."""

    title: str
    text: str
    yes: str
    no: str
    act: Act


VIEW = "android.intent.action.VIEW"
SHOP = "http://shop.example/"
NOTIFICATIONS = "android.permission.POST_NOTIFICATIONS"
POPUPS = {
    "rate": Popup(
        "Enjoying {app}?", "Tell others what you think of it.", "Rate now", "Not now",
        send(VIEW, SHOP),
    ),
    "update": Popup(
        "Update available", "A newer version of {app} can be installed.", "Update", "Later",
        send("android.settings.APPLICATION_SETTINGS"),
    ),
    "advert": Popup(
        "You are today’s winner!", "Claim your prize within 60 seconds.", "Claim", "Close",
        send(VIEW, SHOP),
    ),
    "warning": Popup(
        "Your phone is slow", "3 problems were found. Clean it now?", "Clean now", "Ignore",
        send("android.settings.INTERNAL_STORAGE_SETTINGS"),
    ),
}  # fmt: skip


def touched(phone: Phone) -> None:
    """After each touch: what is due comes."""
    plain = phone.plain
    plain.touches += 1
    package = phone.activities.front.package
    if name := plain.levers.popups.get(plain.touches):
        plain.dialogs.append(Dialog("popup", package, name, allowed=POPUPS[name].act))
        plain.keyboard = False
    if plain.touches in plain.levers.asks and not phone.activities.at_home:
        plain.dialogs.append(Dialog("permission", package, NOTIFICATIONS))
        plain.keyboard = False
    if plain.touches in plain.levers.crashes and not phone.activities.at_home:
        phone.crash(package, "a test of those who work with it")


def waiting(phone: Phone, activity: Activity) -> bool:
    """Whether an activity still shows nothing but a spinner."""
    slow = phone.plain.levers.slow
    return slow > 0 and activity.package != phone.activities.launcher.package and (
        phone.plain.time < activity.began + slow
    )  # fmt: skip


def spinner(what: str) -> View:
    wheel = View("icon", icon="autorenew", width=48, height=48, colour="primary")
    told = View("text", text=what, style="row", centred=True, resource="loading")
    middle = View(
        "column", children=(wheel, told), centred=True, gap=16, anchor="center", width=240
    )
    return View("stack", children=(middle,), fill="surface")
