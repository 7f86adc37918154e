"""Lists of places, labels, and settings."""

from __future__ import annotations

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.maps import town
from agentkit_android.apps.maps.app import APP, place, save
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, go, show
from agentkit_android.screen.views import Overlay, View

MARKS = {"Favourites": "heart", "Want to go": "flag", "Starred places": "star"}
LABELS = ("Home", "Work")


def is_saved(see: See, name: str) -> bool:
    return see.row("SELECT * FROM saved WHERE name = ?", name) is not None


@APP.overlay("save")
def save_to(see: See) -> Overlay:
    name = str(see.args["name"])
    held = {r["list"] for r in see.rows("SELECT list FROM saved WHERE name = ?", name)}
    rows = [
        ui.check(see.t(one["name"]), one["_id"] in held, do("save", name=name, list=one["_id"]))
        for one in see.rows("SELECT * FROM lists ORDER BY _id")
    ]
    rows.append(ui.row(see.t("New list"), tap=show("new_list", name=name), lead=ui.icon("plus")))
    return ui.sheet(see.t("Save to list"), *rows)


@APP.on("save")
def saved(do: Do) -> None:
    name, number = str(do.args["name"]), do.arg("list")
    where = do.one("SELECT name FROM lists WHERE _id = ?", number)
    told = do.t(str(where))
    if do.run("DELETE FROM saved WHERE list = ? AND name = ?", number, name):
        return do.toast(do.t("Removed from {list}", list=told))
    save(do, number, name)
    return do.toast(do.t("Saved in {list}", list=told))


@APP.overlay("new_list")
def ask_list(see: See) -> Overlay:
    act = do("new_list", name=see.args.get("name"))
    return ui.dialog(
        see.t("New list"), ui.form(ui.field("list_name", label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Create"), act)),
    )  # fmt: skip


@APP.on("new_list")
def new_list(do: Do) -> None:
    name = do.text("list_name").strip()
    do.type("list_name", None)
    if not name:
        return
    if do.row("SELECT * FROM lists WHERE name = ? COLLATE NOCASE", name):
        return do.toast(do.t("This name is taken"))
    number = do.run("INSERT INTO lists (name) VALUES (?)", name)
    if do.args.get("name"):
        save(do, number, str(do.args["name"]))
    return do.toast(do.t("Saved in {list}", list=name))


@APP.screen(".Saved")
def lists(see: See) -> View:
    rows = []
    for one in see.rows("SELECT * FROM lists ORDER BY _id"):
        many = see.count("SELECT count(*) FROM saved WHERE list = ?", one["_id"])
        told = see.t("1 place") if many == 1 else see.t("{n} places", n=many)
        rows.append(ui.row(see.t(one["name"]), told, tap=go(".List", id=one["_id"]),
                           lead=ui.icon(MARKS.get(one["name"], "map-marker"))))  # fmt: skip
    rows.append(ui.header(see.t("Labelled")))
    for label in LABELS:
        name = see.one("SELECT name FROM labels WHERE label = ?", label)
        act = go(".Place", name=str(name)) if name else go(".Search")
        rows.append(ui.row(see.t(label), str(name) if name else see.t("Not set"), tap=act,
                           lead=ui.icon("home" if label == "Home" else "store")))  # fmt: skip
    past = see.rows("SELECT * FROM trips WHERE ended IS NOT NULL ORDER BY _id DESC LIMIT 5")
    rows += [ui.header(see.t("Recent trips"))] if past else []
    rows += [
        ui.row(one["goal"], f"{see.day(one['began'])}, {see.clock(one['began'])}",
               tap=go(".Place", name=one["goal"]), lead=ui.icon("history"))
        for one in past
    ]  # fmt: skip
    actions = (ui.icon("cog", see.t("Settings"), go(".Settings")),)
    return ui.page(see.t("Saved"), *rows, actions=actions,
                   floating=ui.fab("plus", see.t("New list"), show("new_list")))  # fmt: skip


@APP.screen(".List")
def list_(see: See) -> View:
    number = see.arg("id")
    title = see.one("SELECT name FROM lists WHERE _id = ?", number)
    if title is None:
        return ui.page(see.t("Saved"), ui.empty(see.t("This list does not exist"), "bookmark"))
    rows = []
    for one in see.rows("SELECT * FROM saved WHERE list = ? ORDER BY _id", number):
        here = place(see, one["name"])
        lead = ui.badge(*town.KINDS.get(here.kind if here else "", ("pin", "#C5221F")))
        away = ui.icon("close", see.t("Remove {title}", title=one["name"]),
                       do("unsave", id=one["_id"]))  # fmt: skip
        note = ui.icon("pencil", see.t("Note about {title}", title=one["name"]),
                       show("note", row=one["_id"]))  # fmt: skip
        told = one["note"] or (here.address if here else "")
        rows.append(ui.row(one["name"], told, tap=go(".Place", name=one["name"]), lead=lead,
                           trail=(note, away)))  # fmt: skip
    drop = ui.icon("delete-outline", see.t("Delete list"), show("drop_list", id=number))
    none = ui.empty(see.t("This list is empty"), "bookmark")
    return ui.page(see.t(str(title)), *(rows or [none]), actions=(drop,))


@APP.on("unsave")
def unsave(do: Do) -> None:
    do.run("DELETE FROM saved WHERE _id = ?", do.arg("id"))


@APP.overlay("note")
def note(see: See) -> Overlay:
    number = see.arg("row")
    now = str(see.one("SELECT note FROM saved WHERE _id = ?", number) or "")
    return ui.dialog(
        see.t("Note"), ui.form(ui.field("note", now, label=see.t("Note"), multiline=True)),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), do("note", row=number))),
    )  # fmt: skip


@APP.on("note")
def noted(do: Do) -> None:
    number = do.arg("row")
    now = str(do.one("SELECT note FROM saved WHERE _id = ?", number) or "")
    do.run("UPDATE saved SET note = ? WHERE _id = ?", do.text("note", now).strip(), number)
    do.type("note", None)


@APP.overlay("drop_list")
def ask_drop(see: See) -> Overlay:
    name = str(see.one("SELECT name FROM lists WHERE _id = ?", see.arg("id")) or "")
    return ui.confirm(see.t("Delete list?"), see.t(name), see.t("Delete"), do("drop_list"),
                      see.t("Cancel"))  # fmt: skip


@APP.on("drop_list")
def drop_list(do: Do) -> None:
    do.run("DELETE FROM saved WHERE list = ?", do.arg("id"))
    do.run("DELETE FROM lists WHERE _id = ?", do.arg("id"))
    do.finish()


@APP.overlay("label")
def label(see: See) -> Overlay:
    name = str(see.args["name"])
    rows = [
        ui.row(see.t(one), tap=do("label", name=name, label=one),
               lead=ui.icon("home" if one == "Home" else "store"))
        for one in LABELS
    ]  # fmt: skip
    return ui.sheet(see.t("Label"), *rows)


@APP.on("label")
def labelled(do: Do) -> None:
    if (name := str(do.args["label"])) in LABELS:
        do.run("INSERT OR REPLACE INTO labels VALUES (?, ?)", name, str(do.args["name"]))
        do.toast(do.t("Saved"))


@APP.screen(".Settings")
def settings(see: See) -> View:
    units = see.preference("units", "km")
    told = see.t("Miles" if units == "miles" else "Kilometres")
    clear = ui.row(see.t("Clear search history"), tap=show("clear"))
    return ui.page(
        see.t("Settings"), ui.row(see.t("Distance units"), told, tap=show("units")), clear
    )


@APP.overlay("units")
def units(see: See) -> Overlay:
    names = [("km", see.t("Kilometres")), ("miles", see.t("Miles"))]
    return ui.options(
        see.t("Distance units"), do("units"), names, see.preference("units", "km"), see.t("Cancel")
    )


@APP.on("units")
def set_units(do: Do) -> None:
    do.prefer("units", "miles" if do.args["value"] == "miles" else "km")


@APP.overlay("clear")
def ask_clear(see: See) -> Overlay:
    return ui.confirm(see.t("Clear search history?"), "", see.t("Clear"), do("clear"),
                      see.t("Cancel"))  # fmt: skip


@APP.on("clear")
def clear(do: Do) -> None:
    do.run("DELETE FROM searches")
