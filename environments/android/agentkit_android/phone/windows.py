"""Which windows are on the screen, from the lowest to the top-most, and where."""

from __future__ import annotations

import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from agentkit_android.apps import pickers
from agentkit_android.apps.context import See
from agentkit_android.phone import actions, keyboard, levers, previews, system_ui
from agentkit_android.phone.activities import Activity
from agentkit_android.phone.plain import Dialog
from agentkit_android.screen.layout import Bounds, Box, Kept, Layout, reveal
from agentkit_android.screen.scene import Scene, Window
from agentkit_android.screen.theme import GESTURE_BAR, STATUS_BAR
from agentkit_android.screen.views import Overlay, View

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

MARGIN = 28
"""dp at the least on both sides of a dialog."""
DARK_FILLS = ("black",)
PERMISSIONS = "com.google.android.permissioncontroller"


def scene(phone: Phone) -> Scene:
    display = phone.display
    if not phone.plain.awake:
        return Scene(display, (), phone.dark)
    silent = phone.plain.levers.silent
    return Scene(display, tuple(_Windows(phone).all()), phone.dark, silent)


def kept(activity: Activity) -> Kept:
    scrolls, texts = dict(activity.scrolls), dict(activity.texts)
    return Kept(scrolls, texts, activity.focus, activity.everything, activity.cursor)


class _Windows:
    def __init__(self, phone: Phone) -> None:
        self.phone, self.display = phone, phone.display
        px, display = self.display.px, self.display
        self.top = px(STATUS_BAR)
        self.bottom = max(self.top, display.height - px(GESTURE_BAR))
        self.width = display.width

    def all(self) -> list[Window]:
        phone, plain = self.phone, self.phone.plain
        view, overlays = self._views()
        front = phone.activities.front  # after the views: an app that crashed is not in front
        app = phone.apps[front.package]
        keys = self._keyboard()
        room = keys.root.bounds[1] if keys else self.bottom
        fill = view.fill or "surface"
        dark = (app.edge and not view.fill) or fill in DARK_FILLS
        ink = "white" if dark else "on-surface"
        found: list[Window] = []
        bounds = (0, self.top, self.width, room)
        if app.edge:
            bounds = (0, 0, self.width, self.display.height)
        found.append(self._window("screen", front.package, view, bounds, front))
        ground = "" if app.edge else fill
        if plain.recents:
            whole = (0, self.top, self.width, self.bottom)
            cards, launcher = (
                system_ui.recents(phone, self._previews()),
                phone.activities.launcher.package,
            )
            found.append(self._window("recents", launcher, cards, whole))
            ground, ink = "surface-container-high", "on-surface"
        bar = system_ui.status_bar(phone, ink, ground)
        found.append(self._window("status", system_ui.PACKAGE, bar, (0, 0, self.width, self.top)))
        last = view.children[-1].fill if view.kind == "column" and view.children else ""
        under = "surface-container" if keys else ground if plain.recents else last or ground
        foot = system_ui.navigation_bar("on-surface" if keys else ink, under)
        low = (0, self.bottom, self.width, self.display.height)
        found.append(self._window("navigation", system_ui.PACKAGE, foot, low))
        if not plain.recents:
            found += [self._overlay(overlay, front, room) for overlay in overlays]
        if keys:
            found.append(keys)
        if front.toolbar and front.focus and not plain.recents:
            found += self._toolbar(found, front)
        if plain.toasts:
            found.append(self._toast(room))
        if plain.shade:
            whole = (0, 0, self.width, self.bottom)
            found.append(self._window("shade", system_ui.PACKAGE, system_ui.shade(phone), whole))
        if phone.asked is not None:
            found.append(self._system_dialog(phone.asked))
        return self._activated(found)

    def _activated(self, windows: list[Window]) -> list[Window]:
        """The top-most that takes the focus is the active one."""
        takes = ("screen", "dialog", "menu", "sheet", "recents", "shade")
        number = max(n for n, w in enumerate(windows) if w.name in takes)
        one = windows[number]
        windows[number] = replace(one, active=True)
        return windows

    # The app in front.

    def _views(self) -> tuple[View, list[Overlay]]:
        """Its screen and its overlays; where making them fails the app has crashed, and the one
        behind it is in front."""
        for _ in range(8):
            front = self.phone.activities.front
            app = self.phone.apps[front.package]
            try:
                if levers.waiting(self.phone, front):
                    return levers.spinner(system_ui.t(self.phone, "Loading…")), []
                view = app.activities[front.name](See(self.phone, app, front))
                overlays = [
                    pickers.overlay(app, shown.name)(See(self.phone, app, front, shown))
                    for shown in front.overlays
                ]
                return view, overlays
            except Exception:
                actions.crash(self.phone, front.package, traceback.format_exc(limit=-3))
        return View("column", fill="surface"), []

    def _window(
        self, name: str, package: str, view: View, bounds: Bounds, activity: Activity | None = None
    ) -> Window:
        mine = kept(activity) if activity else Kept()
        root = Layout(self.display, mine).place(view, bounds, bounds)
        secure = activity is not None and package in self.phone.plain.levers.secure
        if activity and activity.focus and self.phone.plain.keyboard:
            root = self._revealed(root, view, bounds, activity)
        return Window(name, package, root, secure=secure)

    def _revealed(self, root: Box, view: View, bounds: Bounds, activity: Activity) -> Box:
        """Scrolled so that the field which is typed into is seen above the keyboard."""
        box = reveal(root, activity.focus)
        lists = [b for b in root.walk() if b.view.kind == "list"]
        if box is not None and box.seen[3] - box.seen[1] >= box.bounds[3] - box.bounds[1]:
            return root
        for one in lists:
            whole = Layout(self.display, kept(activity))
            free = (one.bounds[0], one.bounds[1], one.bounds[2], one.bounds[1] + 10**6)
            every = whole.place(one.view, free, free)
            target = reveal(every, activity.focus)
            if target is None:
                continue
            gap, high = self.display.px(8), one.bounds[3] - one.bounds[1]
            over = target.bounds[3] - one.bounds[1] - high
            above = target.bounds[1] - one.bounds[1]
            now = max(one.scroll, over + gap)
            if target.bounds[3] - target.bounds[1] < high:
                now = min(now, max(0, above - gap))  # of a taller one its end is seen
            scrolls = {**activity.scrolls, one.view.resource: max(0, now)}
            mine = replace(kept(activity), scrolls=scrolls)
            return Layout(self.display, mine).place(view, bounds, bounds)
        return root

    def _overlay(self, overlay: Overlay, front: Activity, room: int) -> Window:
        px = self.display.px
        view, layout = overlay.view, Layout(self.display, kept(front))
        if overlay.kind == "menu":
            width = px(232)
            height = min(layout.height(view, width), room - self.top - px(16))
            left = self.width - width - px(8)
            bounds = (left, self.top + px(8), left + width, self.top + px(8) + height)
        elif overlay.kind == "sheet":
            width = min(self.width, px(640))
            height = min(layout.height(view, width), (room - self.top) * 9 // 10)
            left = (self.width - width) // 2
            bounds = (left, room - height, left + width, room)
        else:
            bounds = self._centred(view, layout, room)
        made = self._window(overlay.kind, front.package, view, bounds, front)
        return replace(made, modal=overlay.modal, dim=overlay.kind != "menu")

    def _centred(self, view: View, layout: Layout, room: int) -> Bounds:
        px = self.display.px
        width = min(self.width - 2 * px(MARGIN), px(400))
        height = min(layout.height(view, width), room - self.top - px(16))
        left, top = (self.width - width) // 2, self.top + (room - self.top - height) // 2
        return (left, top, left + width, top + height)

    # The phone's own.

    def _system_dialog(self, asked: Dialog) -> Window:
        view = system_ui.dialog(self.phone, asked)
        layout = Layout(self.display, Kept())
        bounds = self._centred(view, layout, self.bottom)
        package = PERMISSIONS if asked.kind == "permission" else "android"
        made = self._window("dialog", package, view, bounds)
        return replace(made, modal=True, dim=True)

    def _previews(self) -> list[bytes]:
        tasks = reversed(self.phone.activities.tasks)
        return [previews.preview(self.phone, task[-1]) for task in tasks]

    def _toolbar(self, windows: list[Window], front: Activity) -> list[Window]:
        """Above the field that it is for, or below where there is no room."""
        boxes = (reveal(w.root, front.focus) for w in windows if w.package == front.package)
        box = next((b for b in boxes if b is not None and b.is_seen), None)
        if box is None:
            return []
        selected, filled = front.everything, bool(box.view.text)
        view = system_ui.toolbar(self.phone, selected=selected, filled=filled)
        if not view.children:
            return []
        layout, px = Layout(self.display, Kept()), self.display.px
        width = min(layout.natural(view), self.width - px(16))
        height = layout.height(view, width)
        left = min(max(px(8), box.bounds[0]), self.width - width - px(8))
        above = box.bounds[1] - height - px(8)
        top = above if above > self.top else box.bounds[3] + px(8)
        bounds = (left, top, left + width, top + height)
        return [self._window("toolbar", front.package, view, bounds)]

    def _toast(self, room: int) -> Window:
        view = system_ui.toast(self.phone.plain.toasts[-1].text)
        layout, px = Layout(self.display, Kept()), self.display.px
        width = min(layout.natural(view), self.width - px(48))
        height = layout.height(view, width)
        left, low = (self.width - width) // 2, room - px(40)
        bounds = (left, low - height, left + width, low)
        return self._window("toast", self.phone.activities.front.package, view, bounds)

    def _keyboard(self) -> Window | None:
        phone, plain = self.phone, self.phone.plain
        front = phone.activities.front
        if not (plain.keyboard and front.focus) or plain.recents or plain.shade or phone.asked:
            return None
        package = (phone.settings.get("secure", "default_input_method") or "").partition("/")[0]
        if package == keyboard.ADB_PACKAGE:
            view = keyboard.adb_bar()
        else:
            package = keyboard.PACKAGE
            view = keyboard.keys(
                plain.layer, korean=phone.locale.startswith("ko"), multiline=front.multiline,
                landscape=self.width > self.display.height,
            )  # fmt: skip
        height = Layout(self.display, Kept()).height(view, self.width)
        top = max(self.top, self.bottom - height)
        return self._window("keyboard", package, view, (0, top, self.width, self.bottom))
