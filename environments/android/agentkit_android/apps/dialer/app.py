"""What the parts of the dialer share: its database, and who is behind a number."""

from __future__ import annotations

import sqlite3
from urllib.parse import unquote

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents

PACKAGE = "com.android.dialer"
SCHEMA = """
CREATE TABLE calls (
    _id INTEGER PRIMARY KEY, number TEXT NOT NULL, date INTEGER NOT NULL DEFAULT 0,
    duration INTEGER NOT NULL DEFAULT 0, type INTEGER NOT NULL DEFAULT 2,
    new INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE blocked (_id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE);
CREATE TABLE ongoing (
    number TEXT NOT NULL, state TEXT NOT NULL, started INTEGER NOT NULL,
    muted INTEGER NOT NULL DEFAULT 0, speaker INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0, tones TEXT NOT NULL DEFAULT ''
);
"""
INCOMING, OUTGOING, MISSED, REJECTED, BLOCKED = 1, 2, 3, 5, 6
KINDS = {
    INCOMING: ("call-received", "Incoming call"), OUTGOING: ("call-made", "Outgoing call"),
    MISSED: ("call-missed", "Missed call"), REJECTED: ("phone-hangup", "Declined call"),
    BLOCKED: ("close-circle", "Blocked call"),
}  # fmt: skip
BEGUN = (  # the last digits of a contact's number, type, minutes ago, seconds
    (102, OUTGOING, 4310, 312), (108, INCOMING, 2890, 95), (111, MISSED, 1500, 0),
    (111, OUTGOING, 1470, 48), (105, REJECTED, 610, 0), (114, INCOMING, 230, 731),
    (114, MISSED, 95, 0),
)  # fmt: skip
SAME = "replace(replace(number, ' ', ''), '-', '') = replace(replace(?, ' ', ''), '-', '')"
CONTACTS = "content://com.android.contacts/people"
APP = App(
    PACKAGE, "Phone", "#0B57D0", icon="phone", schema=SCHEMA, strings=own("dialer"),
    filters=(
        Filter(intents.DIAL, ".Main", schemes=("tel",)), Filter(intents.DIAL, ".Main"),
        Filter(intents.VIEW, ".Main", schemes=("tel",)),
        Filter(intents.CALL, ".Place", schemes=("tel",)),
    ),
    providers={"call_log/calls": "calls"},
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for digits, kind, minutes, seconds in BEGUN:
        when = (do.now - minutes * 60) * 1000
        do.run("INSERT INTO calls (number, date, duration, type, new) VALUES (?, ?, ?, ?, ?)",
               f"+1 555 010 0{digits}", when, seconds, kind, int(minutes == 95))  # fmt: skip


def person_of(see: See, number: str) -> sqlite3.Row | None:
    return next(iter(see.query(CONTACTS, SAME, number)), None)


def length(see: See, seconds: int) -> str:
    if seconds < 60:
        return see.t("{n} s", n=seconds)
    return see.t("{m} min {s} s", m=seconds // 60, s=seconds % 60)


def given(see: See) -> str:
    """The number of a tel: address that it was started with."""
    return unquote(str(see.args.get("data", "")).partition(":")[2])


def is_blocked(see: See, number: str) -> bool:
    return see.row(f"SELECT * FROM blocked WHERE {SAME}", number) is not None
