"""Messages: conversations, a thread for each number, and what could not be sent."""

from __future__ import annotations

import sqlite3
from urllib.parse import unquote

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, send, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.android.messages"
SCHEMA = """
CREATE TABLE sms (
    _id INTEGER PRIMARY KEY, address TEXT NOT NULL, body TEXT NOT NULL,
    date INTEGER NOT NULL DEFAULT 0, type INTEGER NOT NULL DEFAULT 1,
    read INTEGER NOT NULL DEFAULT 1
);
CREATE VIEW inbox AS SELECT * FROM sms WHERE type = 1;
CREATE VIEW sent AS SELECT * FROM sms WHERE type = 2;
CREATE TRIGGER inbox_insert INSTEAD OF INSERT ON inbox BEGIN
    INSERT INTO sms (address, body, date, type, read)
    VALUES (NEW.address, NEW.body, coalesce(NEW.date, 0), 1, coalesce(NEW.read, 0));
END;
CREATE TRIGGER inbox_delete INSTEAD OF DELETE ON inbox BEGIN
    DELETE FROM sms WHERE _id = OLD._id;
END;
CREATE TRIGGER sent_insert INSTEAD OF INSERT ON sent BEGIN
    INSERT INTO sms (address, body, date, type) VALUES (NEW.address, NEW.body,
    coalesce(NEW.date, 0), 2);
END;
CREATE TRIGGER sent_delete INSTEAD OF DELETE ON sent BEGIN
    DELETE FROM sms WHERE _id = OLD._id;
END;
"""
RECEIVED, SENT, FAILED = 1, 2, 5
BEGUN = (
    ("+1 555 010 0102", RECEIVED, "Are we still on for Thursday?", 5200),
    ("+1 555 010 0102", SENT, "Yes, 7 pm at the usual place.", 5100),
    ("+1 555 010 0102", RECEIVED, "Great, see you there 🙂", 5000),
    ("+1 555 010 0108", RECEIVED, "The meeting moved to room 204.", 3000),
    ("+1 555 010 0108", SENT, "Thanks, I will bring the slides.", 2950),
    ("+1 555 010 0111", RECEIVED, "내일 점심 같이 먹을래?", 1400),
    ("+1 555 010 0114", FAILED, "Happy birthday, Mei!", 900),
    ("+1 555 019 9000", RECEIVED, "Your parcel is ready for pick-up. Code 4821.", 240),
)  # fmt: skip
APP = App(
    PACKAGE, "Messages", "#1967D2", icon="message-text", strings=own("messages"), schema=SCHEMA,
    filters=(
        Filter(intents.SENDTO, ".Thread", schemes=("sms", "smsto")),
        Filter(intents.VIEW, ".Thread", schemes=("sms", "smsto")),
        Filter(intents.SEND, ".New", kinds=("text/",)),
    ),
    providers={"sms": "sms", "sms/inbox": "inbox", "sms/sent": "sent"},
)  # fmt: skip
SAME = "replace(replace(address, ' ', ''), '-', '') = replace(replace(?, ' ', ''), '-', '')"


@APP.begins
def begin(do: Do) -> None:
    for address, kind, body, minutes in BEGUN:
        when = (do.now - minutes * 60) * 1000
        read = int(minutes != 240)
        do.run("INSERT INTO sms (address, body, date, type, read) VALUES (?, ?, ?, ?, ?)",
               address, body, when, kind, read)  # fmt: skip


@APP.screen(".Main")
def conversations(see: See) -> View:
    wanted = see.text("query").strip()
    found = see.rows(
        "SELECT *, max(date) FROM sms WHERE body LIKE '%' || ?1 || '%' OR address LIKE '%' || ?1"
        " || '%' GROUP BY replace(address, ' ', '') ORDER BY max(date) DESC, _id DESC",
        wanted,
    )
    rows = []
    for one in found:
        name = see.name_of(one["address"])
        text = one["body"]
        if one["type"] == FAILED:
            text = f"{see.t('Not sent')}: {text}"
        elif one["type"] == SENT:
            text = f"{see.t('You')}: {text}"
        mark = [ui.aside(see.day(one["date"] / 1000, weekday=False))]
        if not one["read"]:
            mark.append(View("icon", icon="record", width=16, height=16, colour="primary",
                             description=see.t("Unread")))  # fmt: skip
        rows.append(
            ui.row(name, text, tap=do("opened", number=one["address"]), lead=ui.avatar(name),
                   hold=show("thread", number=one["address"]), trail=mark)
        )  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search conversations")))
    return ui.page(
        see.t("Messages"), *(rows or [ui.empty(see.t("No conversations"), "message-text")]),
        under=(box,), up=False, actions=(ui.more(see.t("More options")),),
        floating=ui.fab("message-plus", see.t("Start chat"), go(".New")),
    )  # fmt: skip


@APP.overlay("menu")
def main_menu(see: See) -> Overlay:
    return ui.menu(
        (see.t("Mark all as read"), do("read_all")), (see.t("Settings"), go(".Settings"))
    )


@APP.on("read_all")
def read_all(do: Do) -> None:
    do.run("UPDATE sms SET read = 1")


@APP.overlay("thread")
def thread_menu(see: See) -> Overlay:
    title = see.t("Delete conversation?")
    told = see.name_of(str(see.args["number"]))
    return ui.confirm(title, told, see.t("Delete"), do("delete_thread"), see.t("Cancel"))


@APP.on("delete_thread")
def delete_thread(do: Do) -> None:
    do.run(f"DELETE FROM sms WHERE {SAME}", str(do.args["number"]))
    if do.args.get("inside"):
        do.finish()


def _number(see: See) -> str:
    data = unquote(str(see.args.get("data", "")).partition(":")[2].partition("?")[0])
    return data or str(see.args.get("number", ""))


@APP.screen(".Thread")
def thread(see: See) -> View:
    number = _number(see)
    rows = [
        _bubble(see, one)
        for one in see.rows(f"SELECT * FROM sms WHERE {SAME} ORDER BY date, _id", number)
    ]
    given = str(see.args.get("sms_body") or see.args.get("text") or "")
    box = ui.field("body", given, hint=see.t("Text message"), multiline=True)
    line = View(
        "row", padding=(16, 8, 4, 8), fill="surface",
        children=(box, ui.icon("send", see.t("Send SMS"), do("send", number=number),
                               colour="primary")),
    )  # fmt: skip
    name = see.name_of(number)
    call = ui.icon("phone", see.t("Call"), send(intents.DIAL, f"tel:{number}"))
    clear = ui.icon("delete-outline", see.t("Delete conversation"),
                    show("thread", number=number, inside=True))  # fmt: skip
    return ui.page(
        name, *rows, actions=(call, clear), bottom=(line,), resource="messages", from_end=True
    )


def _bubble(see: See, row: sqlite3.Row) -> View:
    ident, body, kind, when = row["_id"], row["body"], row["type"], row["date"] / 1000
    mine = kind != RECEIVED
    told = f"{see.day(when, weekday=False)}, {see.clock(when)}"
    fill, ink = ("primary", "on-primary") if mine else ("surface-container-high", "on-surface")
    text = View("text", text=body, style="row", colour=ink, lines=0, resource="message_text")
    card = View(
        "column", children=(text,), fill=fill, corner=20, padding=(16, 10, 16, 10),
        hold=show("message", id=ident), description="",
        tap=do("resend", id=ident) if kind == FAILED else None,
    )  # fmt: skip
    if kind == FAILED:
        under = ui.text(see.t("Not sent. Tap to try again."), "label", "error")
    else:
        under = ui.text(told, "label", "on-surface-variant", resource="message_status")
    side = (64, 4, 16, 4) if mine else (16, 4, 64, 4)
    return View("column", children=(card, under), padding=side, gap=2)


@APP.overlay("message")
def message(see: See) -> Overlay:
    ident = see.arg("id")
    failed = see.one("SELECT type FROM sms WHERE _id = ?", ident) == FAILED
    again = [(see.t("Resend"), do("resend", id=ident))] if failed else []
    return ui.menu(
        (see.t("Copy text"), do("copy", id=ident)), *again,
        (see.t("Forward"), do("forward", id=ident)), (see.t("Delete"), do("delete", id=ident)),
    )  # fmt: skip


@APP.on("copy")
def copy(do: Do) -> None:
    do.copy(str(do.one("SELECT body FROM sms WHERE _id = ?", do.arg("id"))))
    do.toast(do.t("Copied"))


@APP.on("forward")
def forward(do: Do) -> None:
    do.go(".New", text=str(do.one("SELECT body FROM sms WHERE _id = ?", do.arg("id"))))


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM sms WHERE _id = ?", do.arg("id"))


def _way(do: Do) -> int:
    """SENT, or FAILED while there is no network."""
    return FAILED if do.setting("global", "airplane_mode_on") == "1" else SENT


@APP.on("send")
def send_(do: Do) -> None:
    number, body = str(do.args["number"]).strip(), do.text("body", str(do.args.get("text") or ""))
    if not body.strip() or not number:
        return
    do.run("INSERT INTO sms (address, body, date, type) VALUES (?, ?, ?, ?)",
           number, body.strip(), do.now * 1000, _way(do))  # fmt: skip
    do.type("body", "")
    do.unscroll("messages")


@APP.on("resend")
def resend(do: Do) -> None:
    do.run("UPDATE sms SET type = ?, date = ? WHERE _id = ?", _way(do), do.now * 1000, do.arg("id"))


@APP.on("opened")
def opened(do: Do) -> None:
    number = str(do.args["number"])
    do.run(f"UPDATE sms SET read = 1 WHERE {SAME}", number)
    do.go(".Thread", number=number)


@APP.on("receive")
def receive(do: Do) -> None:
    """A message arrives. args: number, text."""
    number, text = str(do.args["number"]), str(do.args["text"])
    do.run("INSERT INTO sms (address, body, date, type, read) VALUES (?, ?, ?, ?, 0)",
           number, text, do.now * 1000, RECEIVED)  # fmt: skip
    if do.preference("notify", "1") == "1":
        act = Act("do", "opened", (("number", number),))
        do.notify(number, do.name_of(number), text, act)


@APP.screen(".New")
def new(see: See) -> View:
    to = see.text("to", str(see.args.get("number", "")))
    text = str(see.args.get("text", ""))
    people = see.query(
        "content://com.android.contacts/people",
        "number <> '' AND (name LIKE '%' || ?1 || '%' OR number LIKE '%' || ?1 || '%')", to.strip(),
    )  # fmt: skip
    rows = [
        ui.row(one["name"], one["number"], lead=ui.avatar(one["name"]),
               tap=go(".Thread", number=one["number"], text=text))
        for one in sorted(people, key=lambda r: str(r["name"]).casefold())
    ]  # fmt: skip
    if any(c.isdigit() for c in to):
        rows.insert(0, ui.row(see.t("Send to {number}", number=to.strip()), lead=ui.icon("dialpad"),
                              tap=go(".Thread", number=to.strip(), text=text)))  # fmt: skip
    box = ui.form(ui.field("to", to, label=see.t("To"), hint=see.t("Name or phone number")))
    return ui.page(see.t("New conversation"), *rows, under=(box,))


@APP.screen(".Settings")
def settings(see: See) -> View:
    on = see.preference("notify", "1") == "1"
    return ui.page(see.t("Settings"), ui.toggle(see.t("Notifications"), on, do("notify")))


@APP.on("notify")
def notify(do: Do) -> None:
    do.prefer("notify", "0" if do.preference("notify", "1") == "1" else "1")
