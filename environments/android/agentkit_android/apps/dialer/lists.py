"""The keypad, the call log, people, and the page of a number."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.dialer.app import (
    APP,
    CONTACTS,
    KINDS,
    MISSED,
    OUTGOING,
    SAME,
    given,
    is_blocked,
    length,
    person_of,
)
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, go, put, send, show
from agentkit_android.screen.views import Overlay, View

KEYS = (
    ("1", ""), ("2", "ABC"), ("3", "DEF"), ("4", "GHI"), ("5", "JKL"), ("6", "MNO"),
    ("7", "PQRS"), ("8", "TUV"), ("9", "WXYZ"), ("*", ""), ("0", "+"), ("#", ""),
)  # fmt: skip


@APP.screen(".Main")
def main(see: See) -> View:
    tab = see.get("tab", "keypad" if see.args.get("action") or see.args.get("data") else "recents")
    bar = ui.bottom_bar(
        "tab",
        (
            ("favourites", "star", see.t("Favourites")), ("recents", "history", see.t("Recents")),
            ("contacts", "account", see.t("Contacts")), ("keypad", "dialpad", see.t("Keypad")),
        ),
        tab,
    )  # fmt: skip
    bottom: list[View] = [bar]
    if call := see.row("SELECT * FROM ongoing"):
        name = see.name_of(call["number"])
        bottom.insert(0, ui.row(see.t("Return to call"), name, tap=go(".Call"),
                                lead=ui.icon("phone", colour="primary")))  # fmt: skip
    if tab == "keypad":
        return _keypad(see, bottom)
    wanted = see.text("query").strip()
    box = ui.form(ui.field("query", hint=see.t("Search contacts and calls")))
    under = [box]
    if tab == "recents":
        rows = _recents(see, wanted)
        kinds = ("", see.t("All")), ("missed", see.t("Missed"))
        under.append(ui.chips(*(
            ui.chip(name, put("only", value or None), selected=see.get("only") == value)
            for value, name in kinds
        )))  # fmt: skip
    else:
        rows = _people(see, wanted, starred=tab == "favourites")
    none = {"recents": "No recent calls", "favourites": "No favourites yet"}
    if not rows:
        rows = [ui.empty(see.t(none.get(tab, "No contacts yet")), "phone")]
    return ui.page(see.t("Phone"), *rows, up=False, actions=(ui.more(see.t("More options")),),
                   under=under, bottom=bottom)  # fmt: skip


def _people(see: See, wanted: str, *, starred: bool) -> list[View]:
    where = "number <> '' AND (name LIKE '%' || ?1 || '%' OR replace(number, ' ', '') LIKE"
    where += " '%' || replace(?1, ' ', '') || '%')" + (" AND starred" if starred else "")
    found = sorted(see.query(CONTACTS, where, wanted), key=lambda r: str(r["name"]).casefold())
    return [
        ui.row(one["name"], one["number"], tap=do("call", number=one["number"]),
               lead=ui.avatar(one["name"]), trail=_details(see, one["number"]))
        for one in found
    ]  # fmt: skip


def _details(see: See, number: str) -> View:
    return ui.icon("information-outline", see.t("Details"), go(".Details", number=number))


def _recents(see: See, wanted: str) -> list[View]:
    only = f"WHERE type = {MISSED}" if see.get("only") else ""
    rows: list[View] = []
    day = ""
    for one in see.rows(f"SELECT * FROM calls {only} ORDER BY date DESC, _id DESC"):
        name, when = see.name_of(one["number"]), one["date"] / 1000
        if wanted.casefold() not in name.casefold() and wanted not in one["number"]:
            continue
        if see.day(when) != day:
            day = see.day(when)
            rows.append(ui.header(day))
        mark, kind = KINDS.get(one["type"], KINDS[OUTGOING])
        missed = one["type"] == MISSED
        rows.append(
            ui.row(name, f"{see.t(kind)} · {see.clock(when)}",
                   tap=go(".Details", number=one["number"]), hold=show("entry", id=one["_id"]),
                   lead=ui.icon(mark, colour="error" if missed else "on-surface-variant"),
                   trail=ui.icon("phone", see.t("Call {name}", name=name),
                                 do("call", number=one["number"]), colour="primary"))
        )  # fmt: skip
    return rows


def _keypad(see: See, bottom: Sequence[View]) -> View:
    number = see.text("number", given(see))
    keys = tuple(
        View(
            "column", centred=True, padding=(0, 6, 0, 4), tap=do("digit", digit=digit),
            children=(
                View("text", text=digit, style="headline", centred=True),
                View("text", text=letters, style="label", centred=True, height=16,
                     colour="on-surface-variant"),
            ),
            description=digit, resource={"*": "star", "#": "pound"}.get(digit, f"key_{digit}"),
            hold=do("digit", digit="+") if digit == "0" else None,
        )
        for digit, letters in KEYS
    )  # fmt: skip
    box = View("row", padding=(16, 0, 4, 0), children=(
        ui.field("number", number, hint=see.t("Phone number")),
        ui.icon("backspace", see.t("Delete"), do("undigit")),
    ))  # fmt: skip
    rows: list[View] = []
    if number:
        found = _people(see, number, starred=False)[:3]
        insert = send(intents.INSERT, kind="vnd.android.cursor.dir/contact", phone=number)
        message = send(intents.SENDTO, f"smsto:{number}")
        rows = found or [
            ui.row(see.t("Create new contact"), tap=insert, lead=ui.icon("account-plus")),
            ui.row(see.t("Send a message"), tap=message, lead=ui.icon("message-text")),
        ]
    call = View(
        "button", text=see.t("Call"), icon="phone", width=160, height=56, corner=28, fill="#146C2E",
        colour="white", style="button", tap=do("call"), resource="dialpad_floating_action_button",
    )  # fmt: skip
    pad = View("grid", children=keys, columns=3, gap=4, padding=(32, 8, 32, 8), resource="dialpad")
    foot = View("column", children=(call,), centred=True, padding=(0, 0, 0, 12))
    return ui.page(see.t("Phone"), *rows, up=False, actions=(ui.more(see.t("More options")),),
                   bottom=(box, pad, foot, *bottom))  # fmt: skip


@APP.on("digit")
def digit(do: Do) -> None:
    do.type("number", do.text("number", given(do)) + str(do.args["digit"]))


@APP.on("undigit")
def undigit(do: Do) -> None:
    do.type("number", do.text("number", given(do))[:-1])


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu(
        (see.t("Clear call history"), show("clear")), (see.t("Blocked numbers"), go(".Blocked"))
    )


@APP.overlay("clear")
def ask_clear(see: See) -> Overlay:
    told = see.t("All calls will be deleted from your history.")
    return ui.confirm(see.t("Clear call history?"), told, see.t("Delete"), do("clear"),
                      see.t("Cancel"))  # fmt: skip


@APP.on("clear")
def clear(do: Do) -> None:
    do.run("DELETE FROM calls")


@APP.overlay("entry")
def entry(see: See) -> Overlay:
    number = see.arg("id")
    return ui.menu(
        (see.t("Copy number"), do("copy", id=number)),
        (see.t("Delete"), do("delete", id=number)),
    )


@APP.on("copy")
def copy(do: Do) -> None:
    do.copy(str(do.one("SELECT number FROM calls WHERE _id = ?", do.arg("id"))))
    do.toast(do.t("Copied"))


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM calls WHERE _id = ?", do.arg("id"))


@APP.screen(".Details")
def details(see: See) -> View:
    number = str(see.args.get("number", ""))
    person, blocked = person_of(see, number), is_blocked(see, number)
    calls = see.rows(f"SELECT * FROM calls WHERE {SAME} ORDER BY date DESC", number)
    block = do("unblock", number=number) if blocked else show("block", number=number)
    rows = [
        ui.row(see.t("Call"), number, tap=do("call", number=number), lead=ui.icon("phone")),
        ui.row(see.t("Send a message"), tap=send(intents.SENDTO, f"smsto:{number}"),
               lead=ui.icon("message-text")),
    ]  # fmt: skip
    if person:
        card = send(package="com.android.contacts", activity=".Person", id=person["_id"])
        rows.append(ui.row(see.t("Contact info"), tap=card, lead=ui.icon("account")))
    else:
        insert = send(intents.INSERT, kind="vnd.android.cursor.dir/contact", phone=number)
        rows.append(ui.row(see.t("Create new contact"), tap=insert, lead=ui.icon("account-plus")))
    rows.append(ui.row(see.t("Unblock" if blocked else "Block"), tap=block,
                       lead=ui.icon("close-circle")))  # fmt: skip
    rows.append(ui.header(see.t("Call history")))
    for one in calls:
        when, (mark, kind) = one["date"] / 1000, KINDS.get(one["type"], KINDS[OUTGOING])
        told = f"{see.day(when)}, {see.clock(when)}"
        if one["duration"]:
            told += f" · {length(see, one['duration'])}"
        rows.append(ui.row(see.t(kind), told, lead=ui.icon(mark),
                           hold=show("entry", id=one["_id"])))  # fmt: skip
    if not calls:
        rows.append(ui.row(see.t("No recent calls")))
    return ui.page(see.name_of(number), *rows)
