"""What Clock keeps, and what its parts share."""

from __future__ import annotations

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do
from agentkit_android.apps.strings import own

PACKAGE = "com.android.deskclock"
SCHEMA = """
CREATE TABLE alarms (
    _id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, minute INTEGER NOT NULL,
    days TEXT NOT NULL DEFAULT '', label TEXT NOT NULL DEFAULT '',
    enabled INTEGER NOT NULL DEFAULT 1,
    vibrate INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE cities (_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE timers (
    _id INTEGER PRIMARY KEY, seconds INTEGER NOT NULL, state TEXT NOT NULL,
    ends REAL NOT NULL DEFAULT 0, remaining REAL NOT NULL DEFAULT 0
);
CREATE TABLE stopwatch (
    _id INTEGER PRIMARY KEY, state TEXT NOT NULL, began REAL NOT NULL, elapsed REAL NOT NULL
);
CREATE TABLE laps (_id INTEGER PRIMARY KEY, at REAL NOT NULL);
"""
APP = App(
    PACKAGE, "Clock", "#3F51B5", icon="clock", strings=own("clock"), schema=SCHEMA,
    filters=(
        Filter("android.intent.action.SHOW_ALARMS", ".Main"),
        Filter("android.intent.action.SET_ALARM", ".Set"),
        Filter("android.intent.action.SHOW_TIMERS", ".Timers"),
    ),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    do.run("INSERT INTO alarms (hour, minute, days, label, enabled) VALUES (7, 0, '01234', '', 0)")
    do.run("INSERT INTO alarms (hour, minute, days, label, enabled) VALUES (9, 30, '56', '', 0)")
    do.run("INSERT INTO stopwatch VALUES (1, 'reset', 0, 0)")
    for name in ("London", "Seoul"):
        do.run("INSERT INTO cities (name) VALUES (?)", name)


def told(seconds: float) -> str:
    """As 01:02:03."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
