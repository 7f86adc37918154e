"""The form of a recipe, the categories, the shopping list."""

from __future__ import annotations

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.recipes.app import APP, filed, recipe
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, do, show
from agentkit_android.screen.views import Overlay, View

FIELDS = ("title", "description", "servings", "minutes", "source", "ingredients", "directions")


def _now(see: See) -> dict[str, str]:
    """What stands in the form before anything is typed."""
    one = recipe(see)
    if one:
        return {name: str(one[name]) for name in FIELDS}
    title, _, rest = str(see.args.get("text", "")).partition("\n")
    given = dict.fromkeys(FIELDS, "") | {"title": title.strip(), "directions": rest.strip()}
    return given | {"servings": "2", "minutes": "30"}


def _kinds(see: See) -> list[str]:
    one = recipe(see)
    begun = "\n".join(filed(see, one["_id"])) if one else ""
    return [k for k in see.get("kinds", begun).split("\n") if k]


@APP.screen(".Edit")
def edit(see: See) -> View:
    now = _now(see)
    save = ui.button(see.t("Save"), do("save"), kind="text", resource="save")
    kinds = ", ".join(see.t(k) for k in _kinds(see)) or see.t("None")

    def box(name: str, label: str, *, long: bool = False) -> View:
        return ui.field(name, now[name], label=see.t(label), multiline=long)

    return ui.page(
        see.t("Edit recipe" if recipe(see) else "New recipe"),
        ui.form(box("title", "Title"), box("description", "Description", long=True)),
        ui.pick(see.t("Categories"), kinds, show("kinds"), icon="tag"),
        ui.form(
            box("servings", "Servings"), box("minutes", "Minutes"),
            box("source", "Source"), box("ingredients", "Ingredients", long=True),
            box("directions", "Directions", long=True),
        ),
        actions=(save,),
    )  # fmt: skip


@APP.overlay("kinds")
def kinds(see: See) -> Overlay:
    chosen = _kinds(see)
    rows = (
        ui.check(see.t(one["name"]), one["name"] in chosen, do("file", name=one["name"]))
        for one in see.rows("SELECT * FROM categories ORDER BY _id")
    )
    return ui.dialog(see.t("Categories"), *rows, actions=(ui.cancel(see.t("Done")),))


@APP.on("file")
def file(do: Do) -> None:
    name, chosen = str(do.args["name"]), _kinds(do)
    chosen = [k for k in chosen if k != name] if name in chosen else [*chosen, name]
    do.put("kinds", "\n".join(chosen))
    do.show("kinds")


@APP.on("save")
def save(do: Do) -> None:
    now = _now(do)
    values = {name: do.text(name, now[name]).strip() for name in FIELDS}
    if not values["title"]:
        return do.toast(do.t("A recipe needs a title"))
    if not (values["servings"].isdecimal() and 0 < int(values["servings"]) < 100):
        return do.toast(do.t("Servings must be a number from 1 to 99"))
    if not (values["minutes"].isdecimal() and len(values["minutes"]) < 5):
        return do.toast(do.t("The time must be a number of minutes"))
    chosen = _kinds(do)
    one = recipe(do)
    row = [int(v) if k in ("servings", "minutes") else v for k, v in values.items()]
    if one:
        number = int(one["_id"])
        told = ", ".join(f"{name} = ?" for name in FIELDS)
        do.run(f"UPDATE recipes SET {told} WHERE _id = ?", *row, number)
    else:
        marks = ", ".join("?" for _ in (*FIELDS, 0))
        number = do.run(f"INSERT INTO recipes ({', '.join(FIELDS)}, created) VALUES ({marks})",
                        *row, do.now)  # fmt: skip
    do.run("DELETE FROM filed WHERE recipe = ?", number)
    for name in chosen:
        do.run("INSERT INTO filed SELECT ?, _id FROM categories WHERE name = ?", number, name)
    do.toast(do.t("Saved"))
    return do.finish()


@APP.back(".Edit")
def leave(do: Do) -> None:
    if do.typed:
        do.show("discard")
    else:
        do.finish()


@APP.overlay("discard")
def discard(see: See) -> Overlay:
    return ui.confirm(see.t("Discard your changes?"), "", see.t("Discard"), do("discarded"),
                      see.t("Keep editing"))  # fmt: skip


@APP.on("discarded")
def discarded(do: Do) -> None:
    do.finish()


# Categories.


@APP.screen(".Categories")
def categories(see: See) -> View:
    rows = []
    for one in see.rows("SELECT * FROM categories ORDER BY _id"):
        many = see.count("SELECT count(*) FROM filed WHERE category = ?", one["_id"])
        told = see.t("1 recipe") if many == 1 else see.t("{n} recipes", n=many)
        away = ui.icon("delete-outline", see.t("Delete {title}", title=see.t(one["name"])),
                       do("drop", category=one["_id"]))  # fmt: skip
        rows.append(ui.row(see.t(one["name"]), told, lead=ui.icon("tag"), trail=away,
                           tap=show("name", category=one["_id"])))  # fmt: skip
    none = ui.empty(see.t("No categories"), "tag")
    return ui.page(see.t("Categories"), *(rows or [none]),
                   floating=ui.fab("plus", see.t("New category"), show("name")))  # fmt: skip


@APP.overlay("name")
def ask_name(see: See) -> Overlay:
    number = see.arg("category")
    now = str(see.one("SELECT name FROM categories WHERE _id = ?", number) or "")
    return ui.dialog(
        see.t("Category"), ui.form(ui.field("name", now, label=see.t("Name"))),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Save"), do("name", category=number))),
    )  # fmt: skip


@APP.on("name")
def named(do: Do) -> None:
    number, name = do.arg("category"), do.text("name").strip()
    do.type("name", None)
    if not name:
        return
    if do.row("SELECT * FROM categories WHERE name = ? COLLATE NOCASE AND _id <> ?", name, number):
        return do.toast(do.t("This name is taken"))
    if not do.run("UPDATE categories SET name = ? WHERE _id = ?", name, number):
        do.run("INSERT INTO categories (name) VALUES (?)", name)
    return None


@APP.on("drop")
def drop(do: Do) -> None:
    do.run("DELETE FROM filed WHERE category = ?", do.arg("category"))
    do.run("DELETE FROM categories WHERE _id = ?", do.arg("category"))


# Shopping.


@APP.screen(".Shopping")
def shopping(see: See) -> View:
    rows: list[View] = []
    for one in see.rows("SELECT * FROM shopping ORDER BY done, _id"):
        title = see.one("SELECT title FROM recipes WHERE _id = ?", one["recipe"])
        rows.append(ui.check(one["text"], bool(one["done"]), do("bought", id=one["_id"]),
                             str(title or ""), struck=bool(one["done"])))  # fmt: skip
    box = ui.form(ui.field("item", hint=see.t("Add something"), enter=do("add")))
    actions = (
        ui.icon("share-variant", see.t("Share"), do("share_list")),
        ui.icon("delete-outline", see.t("Remove what is bought"), do("clean")),
    )
    none = ui.empty(see.t("The list is empty"), "cart")
    line = View("row", children=(box, ui.icon("plus", see.t("Add"), do("add"), colour="primary")),
                padding=(0, 0, 8, 0))  # fmt: skip
    return ui.page(see.t("Shopping list"), *(rows or [none]), under=(line,), actions=actions)


@APP.on("add")
def add(do: Do) -> None:
    text = do.text("item").strip()
    do.type("item", "")
    if text:
        do.run("INSERT INTO shopping (text) VALUES (?)", text)


@APP.on("bought")
def bought(do: Do) -> None:
    do.run("UPDATE shopping SET done = 1 - done WHERE _id = ?", do.arg("id"))


@APP.on("clean")
def clean(do: Do) -> None:
    do.run("DELETE FROM shopping WHERE done")


@APP.on("share_list")
def share_list(do: Do) -> None:
    found = do.rows("SELECT text FROM shopping WHERE NOT done ORDER BY _id")
    text = "\n".join(f"- {r['text']}" for r in found)
    do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))
