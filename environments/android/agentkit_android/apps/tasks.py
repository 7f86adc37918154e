"""Tasks: lists of things to do, with notes, a day they are due, and how much they matter."""

from __future__ import annotations

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Value, do, go, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.example.tasks"
SCHEMA = """
CREATE TABLE lists (_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE tasks (
    _id INTEGER PRIMARY KEY, title TEXT NOT NULL, notes TEXT NOT NULL DEFAULT '',
    due TEXT NOT NULL DEFAULT '', priority INTEGER NOT NULL DEFAULT 0,
    list INTEGER NOT NULL DEFAULT 1,
    done INTEGER NOT NULL DEFAULT 0, created INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0
);
"""
PRIORITIES = {0: "None", 1: "Low", 2: "Medium", 3: "High"}
SORTS = {"due": "Due date", "priority": "Priority", "title": "Title"}
ORDER = {
    "due": "due = '', due, title", "priority": "priority DESC, title",
    "title": "title COLLATE NOCASE",
}  # fmt: skip
APP = App(
    PACKAGE, "Tasks", "#006A60", icon="check-circle", strings=own("tasks"), schema=SCHEMA,
    filters=(Filter(intents.SEND, ".Edit", kinds=("text/",)),),
)  # fmt: skip
BEGUN = (
    ("Water the plants", "2023-10-16", 1, 1, 0), ("Renew library card", "2023-10-20", 2, 1, 0),
    ("Pay electricity bill", "2023-10-18", 3, 1, 0), ("Buy a present for Mei", "", 2, 1, 0),
    ("Send the minutes", "2023-10-17", 3, 2, 0), ("Update the budget sheet", "2023-10-27", 1, 2, 0),
    ("Book a room for Friday", "2023-10-19", 2, 2, 0), ("Return the drill", "2023-10-11", 0, 1, 1),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for name in ("Personal", "Work"):
        do.run("INSERT INTO lists (name) VALUES (?)", name)
    for title, due, priority, list_, done in BEGUN:
        do.run("INSERT INTO tasks (title, due, priority, list, done, created) VALUES"
               " (?, ?, ?, ?, ?, ?)", title, due, priority, list_, done, do.now)  # fmt: skip


def _list(see: See) -> int:
    """The list that is shown; 0 is all."""
    return int(see.preference("list", "0"))


@APP.screen(".Main")
def main(see: See) -> View:
    shown, sort = _list(see), see.preference("sort", "due")
    hidden = see.preference("hide_done") == "1"
    rows = see.rows(
        "SELECT * FROM tasks WHERE (?1 = 0 OR list = ?1) AND title LIKE '%' || ?2 || '%'"
        f" AND (done = 0 OR ?3 = 0) ORDER BY done, {ORDER[sort]}, _id",
        shown, see.text("query").strip(), int(hidden),
    )  # fmt: skip
    lists = see.rows("SELECT * FROM lists ORDER BY _id")
    chips = ui.chips(
        ui.chip(see.t("All"), do("list", id=0), selected=shown == 0),
        *(
            ui.chip(see.t(r["name"]), do("list", id=r["_id"]), selected=shown == r["_id"])
            for r in lists
        ),
        ui.chip(see.t("New list"), show("new_list"), icon="plus"),
    )
    items = [
        ui.check(row["title"], bool(row["done"]), do("done", id=row["_id"]), _told(see, dict(row)),
                 tap=go(".Edit", id=row["_id"]), hold=show("task", id=row["_id"]),
                 struck=bool(row["done"]))
        for row in rows
    ]  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search tasks")))
    return ui.page(
        see.t("Tasks"), *(items or [ui.empty(see.t("Nothing to do"), "check-all")]), up=False,
        under=(box, chips), actions=(ui.more(see.t("More options")),),
        floating=ui.fab("plus", see.t("New task"), go(".Edit", list=shown or 1)),
    )  # fmt: skip


def _told(see: See, row: dict[str, object]) -> str:
    parts = []
    if row["due"]:
        parts.append(see.day(see.at(str(row["due"]))))
    if row["priority"]:
        parts.append(see.t(PRIORITIES[int(str(row["priority"]))]))
    return " · ".join(parts) or see.t("No due date")


@APP.on("list")
def choose_list(do: Do) -> None:
    do.prefer("list", do.arg("id"))


@APP.overlay("new_list")
def new_list(see: See) -> Overlay:
    return ui.dialog(
        see.t("New list"), ui.form(ui.field("list_name", hint=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Create"), do("make_list"))),
    )  # fmt: skip


@APP.on("make_list")
def make_list(do: Do) -> None:
    name = do.text("list_name").strip()
    do.type("list_name", None)
    if name and do.one("SELECT 1 FROM lists WHERE name = ?", name) is None:
        do.prefer("list", do.run("INSERT INTO lists (name) VALUES (?)", name))


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    sort, hidden = see.preference("sort", "due"), see.preference("hide_done") == "1"
    items = [
        (see.t("Sort by {name}", name=see.t(name)), do("sort", by=key), key == sort)
        for key, name in SORTS.items()
    ]
    return ui.menu(
        *items, (see.t("Show completed" if hidden else "Hide completed"), do("hide")),
        (see.t("Clear completed"), do("clear")),
    )  # fmt: skip


@APP.on("sort")
def sort(do: Do) -> None:
    do.prefer("sort", str(do.args["by"]))


@APP.on("hide")
def hide(do: Do) -> None:
    do.prefer("hide_done", int(do.preference("hide_done") != "1"))


@APP.on("clear")
def clear(do: Do) -> None:
    do.toast(do.t("{count} deleted", count=do.run("DELETE FROM tasks WHERE done = 1")))


@APP.on("done")
def done(do: Do) -> None:
    do.run("UPDATE tasks SET done = 1 - done, completed = ? WHERE _id = ?", do.now, do.arg("id"))


@APP.overlay("task")
def task(see: See) -> Overlay:
    return ui.menu((see.t("Copy"), do("duplicate")), (see.t("Delete"), show("delete")))


@APP.on("duplicate")
def duplicate(do: Do) -> None:
    do.run(
        "INSERT INTO tasks (title, notes, due, priority, list, created)"
        " SELECT title, notes, due, priority, list, ? FROM tasks WHERE _id = ?",
        do.now, do.arg("id"),
    )  # fmt: skip


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    title = see.one("SELECT title FROM tasks WHERE _id = ?", see.arg("id"))
    return ui.confirm(
        see.t("Delete task?"), str(title), see.t("Delete"), do("delete"), see.t("Cancel")
    )


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM tasks WHERE _id = ?", do.arg("id"))
    do.toast(do.t("Deleted"))
    if do.args.get("inside"):
        do.finish()


def _draft(see: See) -> dict[str, str]:
    row = see.row("SELECT * FROM tasks WHERE _id = ?", see.arg("id"))
    return {
        "title": see.text("title", row["title"] if row else str(see.args.get("text", ""))),
        "notes": see.text("notes", row["notes"] if row else ""),
        "due": see.get("due", row["due"] if row else ""),
        "priority": see.get("priority", str(row["priority"] if row else 0)),
        "list": see.get("list", str(row["list"] if row else see.arg("list", 1))),
    }


@APP.screen(".Edit")
def edit(see: See) -> View:
    draft, ident = _draft(see), see.arg("id")
    due = see.day(see.at(draft["due"]), year=True) if draft["due"] else see.t("No due date")
    name = see.one("SELECT name FROM lists WHERE _id = ?", draft["list"])
    gone = ui.icon("delete-outline", see.t("Delete"), show("delete", id=ident, inside=True))
    save = ui.button(see.t("Save"), do("save"), kind="text", resource="save")
    clear = [ui.row(see.t("Remove due date"), tap=do("set", key="due", value=""),
                    lead=ui.icon("close"))] if draft["due"] else []  # fmt: skip
    return ui.page(
        see.t("Edit task" if ident else "New task"),
        ui.form(ui.field("title", draft["title"], label=see.t("Title")),
                ui.field("notes", draft["notes"], label=see.t("Notes"), multiline=True)),
        ui.pick(see.t("Due date"), due, show("pick_date", key="due", value=draft["due"]),
                icon="calendar"),
        *clear,
        ui.pick(see.t("Priority"), see.t(PRIORITIES[int(draft["priority"])]), show("priority"),
                icon="flag"),
        ui.pick(see.t("List"), see.t(str(name)), show("lists"), icon="list-status"),
        actions=(gone, save) if ident else (save,),
    )  # fmt: skip


@APP.overlay("priority")
def priority(see: See) -> Overlay:
    choices = [(str(value), see.t(name)) for value, name in PRIORITIES.items()]
    return ui.options(
        see.t("Priority"),
        do("set", key="priority"),
        choices,
        _draft(see)["priority"],
        see.t("Cancel"),
    )


@APP.overlay("lists")
def lists(see: See) -> Overlay:
    rows = see.rows("SELECT * FROM lists ORDER BY _id")
    choices = [(str(r["_id"]), see.t(r["name"])) for r in rows]
    return ui.options(
        see.t("List"), do("set", key="list"), choices, _draft(see)["list"], see.t("Cancel")
    )


@APP.on("set")
def set_(do: Do) -> None:
    do.put(str(do.args["key"]), do.args["value"])


@APP.on("save")
def save(do: Do) -> None:
    draft, ident = _draft(do), do.arg("id")
    title = draft["title"].strip()
    if not title:
        return do.toast(do.t("Enter a title"))
    values: dict[str, Value] = {
        "title": title, "notes": draft["notes"].strip(), "due": draft["due"],
        "priority": int(draft["priority"]), "list": int(draft["list"]),
    }  # fmt: skip
    if ident:
        do.change("tasks", ident, **values)
    else:
        do.add("tasks", **values, created=do.now)
    do.toast(do.t("Saved"))
    return do.finish()
