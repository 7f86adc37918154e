"""What an app is given: See to look, and Do to change. Neither leads out of the phone."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from agentkit_android.apps.app import App
from agentkit_android.apps.strings import translated
from agentkit_android.phone.activities import Activity, Shown
from agentkit_android.phone.database import Database
from agentkit_android.phone.plain import Alarm, Dialog, Notice
from agentkit_android.screen.acts import Act, Intent, Value
from agentkit_android.screen.theme import GESTURE_BAR, STATUS_BAR

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

STORAGE = "/storage/emulated/0"


class See:
    """What a screen is made from: the app's rows, files, settings and the activity's own state.

    Attributes:
        args: what the activity (and an overlay over it) was started with.
        now: seconds since 1970, UTC.
    """

    def __init__(
        self, phone: Phone, app: App, activity: Activity | None = None, shown: Shown | None = None
    ) -> None:
        self._phone, self._app, self._activity = phone, app, activity
        self.args: dict[str, Value] = {
            **(activity.args if activity else {}),
            **(shown.args if shown else {}),
        }
        self.now = phone.now()

    @property
    def phone(self) -> Phone:
        if not self._app.system:
            raise PermissionError(f"{self._app.package} is no part of the phone")
        return self._phone

    @property
    def _database(self) -> Database:
        return self._phone.databases[self._app.package]

    # The app's rows.

    def rows(self, sql: str, *params: Value) -> list[sqlite3.Row]:
        return self._database.rows(sql, params)

    def row(self, sql: str, *params: Value) -> sqlite3.Row | None:
        return next(iter(self.rows(sql, *params)), None)

    def one(self, sql: str, *params: Value) -> Value:
        """The first value of the first row; None where there is none."""
        found = self.row(sql, *params)
        return None if found is None else found[0]

    def count(self, sql: str, *params: Value) -> int:
        return int(self.one(sql, *params) or 0)

    def preference(self, key: str, default: str = "") -> str:
        found = self.one("SELECT value FROM preferences WHERE key = ?", key)
        return default if found is None else str(found)

    def query(self, uri: str, where: str = "", *params: Value) -> list[sqlite3.Row]:
        """Rows of another app's content provider: `content://com.android.contacts/people`."""
        database, table = self._phone.provider(uri)
        condition = f" WHERE {where}" if where else ""
        return database.rows(f"SELECT * FROM {table}{condition}", params)

    # The activity.

    def arg(self, name: str, default: int = 0) -> int:
        """A number that it was started with."""
        try:
            return int(str(self.args.get(name, default)))
        except ValueError:
            return default

    def get(self, key: str, default: str = "") -> str:
        """From the activity's state."""
        value = self._activity.state.get(key) if self._activity else None
        return default if value is None else str(value)

    def text(self, field: str, default: str = "") -> str:
        """What was typed into a field, or what stands there until then."""
        return self._activity.texts.get(field, default) if self._activity else default

    def fields(self) -> list[str]:
        """Those that something was typed into."""
        return list(self._activity.texts) if self._activity else []

    @property
    def typed(self) -> bool:
        """Whether anything stands in a field that was typed there."""
        return bool(self._activity and any(t.strip() for t in self._activity.texts.values()))

    # The phone.

    @property
    def language(self) -> str:
        return self._phone.locale.partition("-")[0]

    def t(self, text: str, /, **values: Value) -> str:
        """A text of the app in the phone's language; {name} stands for a value."""
        found = translated(self._app, text, self.language)
        return found.format(**values) if values else found

    def label(self, app: App) -> str:
        """The name of an app in the phone's language."""
        return translated(app, app.label, self.language)

    def setting(self, table: str, key: str) -> str:
        return self._phone.settings.get(table, key) or ""

    def allowed(self, permission: str) -> bool:
        return self._phone.is_granted(self._app.package, permission)

    @property
    def room(self) -> tuple[float, float]:
        """Width and height in dp between the status bar and the navigation bar."""
        display = self._phone.display
        return display.dp(display.width), display.dp(display.height) - STATUS_BAR - GESTURE_BAR

    @property
    def clipboard(self) -> str:
        return self._phone.plain.clipboard

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.now, UTC).date()

    def clock(self, seconds: float) -> str:
        """Hours and minutes, as the owner likes them."""
        when = datetime.fromtimestamp(seconds, UTC)
        if self.setting("system", "time_12_24") == "12":
            return when.strftime("%I:%M %p").lstrip("0")
        return when.strftime("%H:%M")

    def day(self, seconds: float, *, year: bool = False, weekday: bool = True) -> str:
        """As Mon, Oct 16, or 10월 16일 (월)."""
        when = datetime.fromtimestamp(seconds, UTC)
        if self.language == "ko":
            name = "월화수목금토일"[when.weekday()]
            head = f"{when.year}년 " if year else ""
            return f"{head}{when.month}월 {when.day}일" + (f" ({name})" if weekday else "")
        head = f"{when:%a}, " if weekday else ""
        return f"{head}{when:%b} {when.day}" + (f", {when.year}" if year else "")

    def at(self, day: str, time: str = "00:00") -> int:
        """Seconds since 1970 of a picked date and time."""
        return int(datetime.fromisoformat(f"{day}T{time}:00+00:00").timestamp())

    def iso(self, seconds: float) -> tuple[str, str]:
        """(date, time) as the pickers give them."""
        when = datetime.fromtimestamp(seconds, UTC)
        return when.strftime("%Y-%m-%d"), when.strftime("%H:%M")

    def name_of(self, number: str) -> str:
        """Of whom a telephone number is; the number where nobody knows."""
        wanted = "".join(c for c in number if c.isdigit())[-9:]
        for one in self.query("content://com.android.contacts/people") if wanted else ():
            if "".join(c for c in one["number"] if c.isdigit())[-9:] == wanted:
                return str(one["name"])
        return number

    def month(self, when: date) -> str:
        return f"{when.year}년 {when.month}월" if self.language == "ko" else f"{when:%B %Y}"

    # Files of the shared storage; paths are below /sdcard.

    def files(self, folder: str) -> list[tuple[str, bool, int, int]]:
        """(name, whether it is a folder, bytes, changed when) of what a folder holds."""
        path = _inside(folder)
        if not self._phone.files.is_folder(path):
            return []
        listed = self._phone.files.list(path)
        return [(name, s.is_folder, s.size, s.mtime) for name, s in listed]

    def walk(self, folder: str = "") -> Iterator[tuple[str, int, int]]:
        """(path, bytes, changed when) of every file below a folder."""
        for name, is_folder, size, when in self.files(folder):
            path = f"{folder}/{name}".lstrip("/")
            if is_folder:
                yield from self.walk(path)
            else:
                yield path, size, when

    def exists(self, path: str) -> bool:
        return self._phone.files.exists(_inside(path))

    def read(self, path: str) -> bytes:
        """b"" where there is no such file."""
        try:
            return self._phone.files.read(_inside(path))
        except OSError:
            return b""


class Do(See):
    """What a reducer changes. Rows, files and the activity's state change at once; what concerns
    the phone (other activities, notifications, toasts) happens after the reducer has ended."""

    def __init__(
        self, phone: Phone, app: App, activity: Activity | None = None, shown: Shown | None = None
    ) -> None:
        super().__init__(phone, app, activity, shown)
        self.effects: list[tuple[str, object]] = []

    @property
    def random(self) -> random.Random:
        """From the phone's seed and clock alone."""
        return random.Random(f"{self._phone.plain.seed}/{self._app.package}/{self.now}")

    def run(self, sql: str, *params: Value) -> int:
        """Changes rows; the number of the row that an INSERT made, or how many were touched."""
        return self._database.execute(sql, params)

    def add(self, table: str, /, **values: Value) -> int:
        """A row; its number."""
        marks = ", ".join("?" for _ in values)
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        return self.run(sql, *values.values())

    def change(self, table: str, number: int, /, **values: Value) -> None:
        """Values of the row whose `_id` is `number`."""
        told = ", ".join(f"{name} = ?" for name in values)
        self.run(f"UPDATE {table} SET {told} WHERE _id = ?", *values.values(), number)

    def prefer(self, key: str, value: Value) -> None:
        self.run("INSERT OR REPLACE INTO preferences VALUES (?, ?)", key, str(value))

    def put(self, key: str, value: Value) -> None:
        """Into the activity's state."""
        if self._activity:
            self._activity.state[key] = value

    def kept(self, prefix: str) -> list[str]:
        """The names in the activity's state, and of fields that were typed into, that begin so."""
        if self._activity is None:
            return []
        return [k for k in {**self._activity.state, **self._activity.texts} if k.startswith(prefix)]

    def scroll(self, resource: str) -> None:
        """A list of the activity goes back to its top."""
        if self._activity:
            self._activity.scrolls.pop(resource, None)

    def type(self, field: str, text: str | None) -> None:
        """What stands in a field; None: as if nothing was typed."""
        if self._activity and text is None:
            self._activity.texts.pop(field, None)
        elif self._activity and text is not None:
            self._activity.texts[field] = text

    def unscroll(self, list_: str) -> None:
        """A list is seen from where it begins again."""
        if self._activity:
            self._activity.scrolls.pop(list_, None)

    # Files.

    def write(self, path: str, content: bytes | str) -> None:
        data = content.encode() if isinstance(content, str) else content
        full = _inside(path)
        self._phone.files.make_folder(full.rpartition("/")[0], parents=True)
        self._phone.files.write(full, data)

    def date(self, path: str, when: float) -> None:
        """Makes a file as old as that."""
        self._phone.files.change(_inside(path), mtime=int(when))

    def make_folder(self, path: str) -> None:
        self._phone.files.make_folder(_inside(path), parents=True)

    def remove(self, path: str) -> None:
        self._phone.files.remove(_inside(path), recursive=True)

    def rename(self, old: str, new: str) -> None:
        self._phone.files.rename(_inside(old), _inside(new))

    # Other apps and the phone.

    def insert(self, uri: str, /, **values: Value) -> int:
        """A row into another app's content provider."""
        database, table = self._phone.provider(uri)
        marks = ", ".join("?" for _ in values)
        names = ", ".join(values)
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        return database.execute(sql, tuple(values.values()))

    def go(self, activity: str, /, **args: Value) -> None:
        self.effects.append(("act", Act("go", activity, tuple(args.items()))))

    def send(self, intent: Intent) -> None:
        self.effects.append(("act", Act("intent", intent=intent)))

    def show(self, overlay: str, /, **args: Value) -> None:
        self.effects.append(("act", Act("show", overlay, tuple(args.items()))))

    def finish(self, **answer: Value) -> None:
        """Ends the activity; the answer goes to who started it for one."""
        self.effects.append(("finish", answer))

    def toast(self, text: str) -> None:
        self.effects.append(("toast", text))

    def copy(self, text: str) -> None:
        """To the clipboard."""
        self.effects.append(("copy", text))

    def notify(
        self, key: str, title: str, text: str, act: Act | None = None, *,
        buttons: tuple[tuple[str, Act], ...] = (), fixed: bool = False,
    ) -> None:  # fmt: skip
        notice = Notice(self._app.package, key, title, text, self.now, act, list(buttons), fixed)
        self.effects.append(("notify", notice))

    def unnotify(self, key: str) -> None:
        self.effects.append(("unnotify", key))

    def wake(self, key: str, when: float, act: Act) -> None:
        """Runs a reducer by itself at a time; an earlier alarm of the same key is forgotten."""
        self.effects.append(("wake", Alarm(self._app.package, key, when, act)))

    def unwake(self, key: str) -> None:
        self.effects.append(("unwake", key))

    def ask(self, permission: str, allowed: Act, denied: Act | None = None) -> None:
        """Does `allowed` at once where the permission is granted, or asks the person."""
        if self.allowed(permission):
            self.effects.append(("act", allowed))
        else:
            dialog = Dialog("permission", self._app.package, permission, allowed, denied)
            self.effects.append(("ask", dialog))


def _inside(path: str) -> str:
    """A path of the shared storage; `..` leads nowhere."""
    parts = [p for p in path.removeprefix("/sdcard").split("/") if p not in ("", ".", "..")]
    return "/".join([STORAGE, *parts])
