"""The phone: one object that everything shown, asked or changed goes to."""

from __future__ import annotations

import functools
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from agentkit_android import apps
from agentkit_android.apps.context import Do
from agentkit_android.phone import (
    actions,
    intents,
    keys,
    levers,
    snapshots,
    system_acts,
    touch,
    windows,
)
from agentkit_android.phone.activities import Activity, Stack
from agentkit_android.phone.database import Database
from agentkit_android.phone.files import ROOT_UID, Files
from agentkit_android.phone.plain import Dialog, Plain, Toast
from agentkit_android.phone.settings import DEFAULTS, Settings
from agentkit_android.phone.system_image import BEGIN, FOLDERS, LINKS, PROPERTIES
from agentkit_android.screen.acts import Intent, Value, do
from agentkit_android.screen.scene import Scene
from agentkit_android.screen.theme import Display

if TYPE_CHECKING:
    from agentkit_android.device.streams import Stream

__all__ = ["BEGIN", "Phone", "PortService"]
log = logging.getLogger("agentkit.android.phone")

LOG_LINES = 2000
PortService = Callable[["Stream"], Awaitable[None]]
P = ParamSpec("P")
R = TypeVar("R")


def _whole(method: Callable[Concatenate[Phone, P], R]) -> Callable[Concatenate[Phone, P], R]:
    """One at a time: what a method changes is seen all or not at all."""

    @functools.wraps(method)
    def held(self: Phone, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return held


class Phone:
    """A simulated phone.

    Args:
        seed: what the apps begin with.
        folder: where its state is kept, to go on from there; nowhere, if it is None.
        state: of a snapshot, what it begins as in place of a new one.

    Attributes:
        files: its file system. databases: of the apps, by package. settings: the settings provider.
        plain: the rest of its state.
        apps: what is installed, by package.
        ports: who listens on its TCP ports (`adb forward … tcp:PORT`); none is a port of the host.
        unknown: names of programs that were called and do not exist, with how often.
        log: (time, tag, message) of the last LOG_LINES lines of logcat; logged: how many ever were.
        finger: where one that is down now has been (`input motionevent`).
        lock: held while something changes.
    """

    def __init__(
        self, seed: int = 0, folder: Path | None = None, *, state: snapshots.State | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.ports: dict[int, PortService] = {}
        self.unknown: dict[str, int] = {}
        self.log: deque[tuple[float, str, str]] = deque(maxlen=LOG_LINES)
        self.logged = 0
        self.finger: list[tuple[int, int]] = []
        self.apps = apps.load()
        self.store: snapshots.Store | None = None
        launcher = Activity(apps.HOME, self.apps[apps.HOME].main)
        self.use(Plain(float(BEGIN), seed, Stack(launcher), Display()))
        for name, values in DEFAULTS.items():
            self.plain.settings[name] = dict(values)
        self.files = Files(self.now)
        self.databases: dict[str, Database] = {}
        kept = state or snapshots.beginning(seed, self.apps)
        if kept is None:
            self._make()
            snapshots.remember(seed, self)
        else:
            snapshots.restore(self, kept)
        if folder is not None:
            self.store = snapshots.Store(folder)
            self.store.load(self)

    def _make(self) -> None:
        """Folders and apps, as they are when a phone is new."""
        for folder in FOLDERS:
            own = folder.startswith(("/storage", "/data/local"))
            self.files.make_folder(folder, parents=True, uid=2000 if own else ROOT_UID)
        for path, target in LINKS.items():
            self.files.link(path, target)
        self.files.device("/dev/null")
        for package in self.apps:
            self.files.make_folder(f"/data/app/{package}", uid=ROOT_UID)
            self.add_database(package)
        for package in self.apps:
            self._begin(package)

    def add_database(self, package: str, content: bytes | None = None) -> None:
        """Of an app, and the file that it is seen as."""
        folder = f"/data/data/{package}/databases"
        if not self.files.is_folder(folder):
            self.files.make_folder(folder, parents=True, uid=ROOT_UID)
        self.databases[package] = Database(self.apps[package].schema, content)
        name = package.rpartition(".")[2]
        self.files.mount(f"{folder}/{name}.db", self.databases[package])

    def _begin(self, package: str) -> None:
        app = self.apps[package]
        if app.began:
            turn = Do(self, app)
            app.began(turn)
            actions.settle(self, turn)

    def use(self, plain: Plain) -> None:
        """Makes this the phone's plain state."""
        self.plain: Plain = plain
        self.settings = Settings(plain.settings, plain.radios)

    # Time, log, properties.

    def now(self) -> int:
        """The phone's clock, in seconds since 1970; it goes on by what is done, not by itself."""
        return int(self.plain.time)

    @_whole
    def pass_time(self, seconds: float) -> None:
        """The clock goes on, and what is due happens."""
        end = self.plain.time + seconds
        while due := [a for a in self.plain.alarms if a.when <= end]:
            first = min(due, key=lambda a: (a.when, a.package, a.key))
            self.plain.alarms.remove(first)
            self.plain.time = max(self.plain.time, first.when)
            actions.perform(self, first.act, first.package)
        self.plain.time = end
        self.plain.toasts = [t for t in self.plain.toasts if t.until > end]

    def note(self, tag: str, message: str) -> None:
        """A line for logcat."""
        self.log.append((self.plain.time, tag, message))
        self.logged += 1

    def unknown_command(self, name: str) -> None:
        """Keeps and, the first time, logs the name of a program that is not there."""
        if name not in self.unknown:
            if len(self.unknown) >= 1000:
                return
            log.warning("unknown command: %.80r", name)
            self.note("sh", f"{name[:80]}: inaccessible or not found")
        self.unknown[name] = self.unknown.get(name, 0) + 1

    @property
    def properties(self) -> Mapping[str, str]:
        """What getprop shows."""
        own = {"persist.sys.locale": self.locale}
        return {**PROPERTIES, **own, **self.plain.properties}

    @property
    def locale(self) -> str:
        """As en-US."""
        return (self.settings.get("system", "system_locales") or "en-US").partition(",")[0]

    # The state as a whole.

    @_whole
    def snapshot(self) -> snapshots.State:
        """All of it, for restore and fork; nothing that happens later changes it."""
        return snapshots.take(self)

    @_whole
    def restore(self, state: snapshots.State) -> None:
        snapshots.restore(self, state)
        self.save()

    def fork(self, state: snapshots.State | None = None) -> Phone:
        """Another phone that begins as this one is, or was at a snapshot; kept nowhere."""
        return Phone(state=state or self.snapshot())

    @_whole
    def state_hash(self) -> str:
        """The same for two phones that nothing can tell apart."""
        return snapshots.digest(self)

    @_whole
    def save(self) -> None:
        """Writes what has changed to its folder, where it has one."""
        if self.store is not None:
            self.store.save(self)

    # Apps and activities.

    @property
    def activities(self) -> Stack:
        return self.plain.stack

    @_whole
    def start(self, package: str, activity: str, given: Mapping[str, Any] | None = None) -> bool:
        """Brings an activity to the front: the main one as the launcher does, another on top of
        what is there. False where there is no such activity."""
        return intents.start(self, package, activity, dict(given or {}))

    @_whole
    def send(self, intent: Intent) -> bool:
        """Brings an activity that answers to the front; False where none does."""
        return intents.send(self, intent)

    @_whole
    def deliver(self, package: str, reducer: str, /, **args: Value) -> None:
        """Lets an app do something that nobody touched: a message or a call arrives."""
        actions.reduce(self, do(reducer, **args), package, None, None)
        self.save()

    def provider(self, uri: str) -> tuple[Database, str]:
        """The database and table behind a content URI.

        Raises:
            LookupError: there is none.
        """
        return intents.provider(self, uri)

    @_whole
    def back(self) -> None:
        keys.back(self)

    @_whole
    def stop(self, package: str) -> None:
        """Ends an app, as `am force-stop` does."""
        self.activities.stop(package)
        self.plain.alarms = [a for a in self.plain.alarms if a.package != package]
        self.plain.notices = [n for n in self.plain.notices if n.package != package]
        self.plain.dialogs = [d for d in self.plain.dialogs if d.package != package]
        self.plain.keyboard = False

    @_whole
    def clear(self, package: str) -> None:
        """Stops an app and lets it begin anew and empty, as `pm clear` does."""
        self.stop(package)
        self.databases[package].load(Database(self.apps[package].schema).content())
        self.plain.granted.pop(package, None)

    def is_granted(self, package: str, permission: str) -> bool:
        return permission in self.plain.granted.get(package, ())

    @_whole
    def grant(self, package: str, permission: str, *, on: bool = True) -> None:
        held = [p for p in self.plain.granted.get(package, []) if p != permission]
        self.plain.granted[package] = sorted([*held, permission] if on else held)

    @_whole
    def crash(self, package: str, reason: str = "killed by the shell") -> None:
        """The app is gone, and the phone says so."""
        actions.crash(self, package, reason)

    @_whole
    def hang(self, package: str) -> None:
        """The app does not answer, and the phone says so."""
        self.plain.dialogs.append(Dialog("hang", package))

    def toast(self, text: str) -> None:
        self.plain.toasts = [*self.plain.toasts[-2:], Toast(text, self.plain.time + 3)]

    # The screen.

    @property
    def asked(self) -> Dialog | None:
        """The phone's own dialog that is shown; one for a permission waits behind other apps."""
        front = self.activities.front.package
        shown = [d for d in self.plain.dialogs if d.kind != "permission" or d.package == front]
        return shown[-1] if shown else None

    @property
    def awake(self) -> bool:
        return self.plain.awake

    @awake.setter
    def awake(self, on: bool) -> None:
        self.plain.awake = on

    @property
    def dark(self) -> bool:
        return self.settings.get("secure", "ui_night_mode") == "2"

    @property
    def rotation(self) -> int:
        """Quarter turns; while it turns by itself it lies upright."""
        if self.settings.is_on("system", "accelerometer_rotation"):
            return 0
        value = self.settings.get("system", "user_rotation") or "0"
        return int(value) % 4 if value.isdecimal() and len(value) < 3 else 0

    @property
    def display(self) -> Display:
        """As it is held now."""
        try:
            scale = float(self.settings.get("system", "font_scale") or 1)
        except ValueError:
            scale = 1.0
        now = replace(
            self.plain.natural,
            font_scale=min(2.0, max(0.5, scale)) if scale == scale else 1.0,
            rotation=self.rotation,
        )
        if self.rotation % 2:
            now = replace(now, width=now.height, height=now.width)
        return now

    physical = Display()
    """As it was made."""

    @_whole
    def resize(
        self, width: int | None = None, height: int | None = None, density: int | None = None
    ) -> None:
        """Another size or density, as `wm size` and `wm density` give it."""
        old = self.plain.natural
        self.plain.natural = replace(
            old, width=width or old.width, height=height or old.height,
            density=density or old.density,
        )  # fmt: skip

    @_whole
    def scene(self) -> Scene:
        """What is on the screen now, made from the state alone."""
        return windows.scene(self)

    # What a finger does. Points are in pixels; what is outside the screen hits nothing.

    @_whole
    def tap(self, x: int, y: int) -> bool:
        """True where something took it."""
        return self._touched(touch.tap(self, x, y))

    @_whole
    def hold(self, x: int, y: int) -> bool:
        """A long press."""
        return self._touched(touch.hold(self, x, y))

    @_whole
    def swipe(self, start: tuple[int, int], end: tuple[int, int], milliseconds: int = 300) -> None:
        """What is under the start moves with the finger, and on where it was quick (a fling); a
        finger that hardly moves taps, or presses long."""
        touch.swipe(self, start, end, milliseconds)
        self._touched(None)

    @_whole
    def press(self, key: str) -> None:
        """A key by its name without KEYCODE_."""
        keys.press(self, key)
        self.save()

    @_whole
    def type(self, text: str) -> bool:
        """What a keyboard enters: any text; False where no field has the focus."""
        return self._done(keys.type_text(self, text))

    @_whole
    def erase(self) -> bool:
        """Empties the field that has the focus."""
        return self._done(keys.erase(self))

    def _done(self, result: R) -> R:
        self.save()
        return result

    def _touched(self, result: R) -> R:
        levers.touched(self)
        return self._done(result)

    def act(self, name: str, /, **args: Value) -> None:
        """One of the phone's own: see system_acts.SYSTEM."""
        with self.lock:
            system_acts.do(self, name, args)
            self.save()
