"""Recipes: what is needed, how it is made, and what goes with how much time one has."""

from __future__ import annotations

from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, Value, do, go, put, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.example.recipes"
SCHEMA = """
CREATE TABLE recipes (
    _id INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL DEFAULT '',
    servings TEXT NOT NULL DEFAULT '', minutes INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL DEFAULT '', ingredients TEXT NOT NULL DEFAULT '',
    directions TEXT NOT NULL DEFAULT '', category TEXT NOT NULL DEFAULT 'Main',
    favorite INTEGER NOT NULL DEFAULT 0
);
"""
CATEGORIES = ("Main", "Soup", "Salad", "Dessert", "Breakfast")
APP = App(
    PACKAGE,
    "Recipes",
    "#B3261E",
    icon="silverware-fork-knife",
    strings=own("recipes"),
    schema=SCHEMA,
)
BEGUN = (
    ("Lentil soup", "Warm and thick", "4", 35, "Grandmother",
    "200 g red lentils\n1 onion\n2 carrots\n1 l stock",
     "Soften the onion.\nAdd the rest and simmer for 25 minutes.\nBlend half of it.", "Soup"),
    ("Bean chili", "Better on the second day", "6", 60, "",
    "400 g beans\n400 g tomatoes\n1 pepper\n1 tsp cumin",
     "Fry the pepper with cumin.\nAdd beans and tomatoes.\nCook slowly for 45 minutes.", "Main"),
    ("Green salad", "With a mustard dressing", "2", 10, "", "1 lettuce\n1 tbsp oil\n1 tsp mustard",
     "Wash the leaves.\nMix the dressing.\nToss.", "Salad"),
    ("Pancakes", "Thin ones", "3", 25, "Hugo", "250 g flour\n3 eggs\n500 ml milk",
     "Mix all and rest for 10 minutes.\nBake thinly in butter.", "Breakfast"),
    ("Apple crumble", "", "4", 50, "Olga", "6 apples\n150 g flour\n100 g butter\n80 g sugar",
     "Cut the apples.\nRub flour, butter and sugar to crumbs.\nBake at 190 °C for 35 minutes.",
     "Dessert"),
    ("비빔밥", "나물과 고추장", "2", 40, "", "밥 2공기\n시금치 100 g\n당근 1개\n고추장 2 큰술",
     "나물을 무친다.\n밥 위에 올린다.\n고추장과 비빈다.", "Main"),
)  # fmt: skip
TEXTS = ("title", "description", "servings", "minutes", "source", "ingredients", "directions")


@APP.begins
def begin(do: Do) -> None:
    for values in BEGUN:
        do.run("INSERT INTO recipes (title, description, servings, minutes, source, ingredients,"
               " directions, category) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *values)  # fmt: skip


@APP.screen(".Main")
def main(see: See) -> View:
    shown, sort = see.get("category"), see.preference("sort", "title")
    liked = int(see.get("liked") == "1")
    rows = see.rows(
        "SELECT * FROM recipes WHERE (title LIKE '%' || ?1 || '%' OR ingredients LIKE '%' || ?1 ||"
        " '%') AND (?2 = '' OR category = ?2) AND (?3 = 0 OR favorite = 1) ORDER BY "
        + ("minutes, title" if sort == "minutes" else "title COLLATE NOCASE"),
        see.text("query").strip(), shown, liked,
    )  # fmt: skip
    chips = ui.chips(
        ui.chip(see.t("Favourites"), put("liked", str(1 - liked)), selected=bool(liked),
        icon="heart"),
        *(ui.chip(see.t(name), put("category", "" if shown == name else name),
        selected=shown == name)
          for name in CATEGORIES),
    )  # fmt: skip
    listed = [
        ui.row(row["title"], _told(see, row["minutes"], row["servings"]), tap=go(".Recipe",
        id=row["_id"]),
               hold=show("delete", id=row["_id"]), lead=ui.badge("silverware-fork-knife",
               "#B3261E"),
               trail=ui.icon("heart") if row["favorite"] else None)
        for row in rows
    ]  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search recipes")))
    by = "title" if sort == "minutes" else "minutes"
    order = ui.icon(
        "sort", see.t("Sort by name" if by == "title" else "Sort by time"), do("sort", by=by)
    )
    return ui.page(
        see.t("Recipes"), *(listed or [ui.empty(see.t("No recipes"), "silverware-fork-knife")]),
        up=False, under=(box, chips), actions=(order,),
        floating=ui.fab("plus", see.t("New recipe"), go(".Edit")),
    )  # fmt: skip


def _told(see: See, minutes: int, servings: str) -> str:
    parts = [see.t("{count} min", count=minutes)] if minutes else []
    parts += [see.t("serves {count}", count=servings)] if servings else []
    return " · ".join(parts)


@APP.on("sort")
def sort(do: Do) -> None:
    do.prefer("sort", str(do.args["by"]))


@APP.screen(".Recipe")
def recipe(see: See) -> View:
    ident = see.arg("id")
    row = see.row("SELECT * FROM recipes WHERE _id = ?", ident)
    if row is None:
        return ui.page(see.t("Recipe"), ui.empty(see.t("This recipe does not exist")))
    factor = int(see.get("factor", "1"))
    actions = (
        ui.icon("heart" if row["favorite"] else "heart-outline",
                see.t("Remove from favourites" if row["favorite"] else "Add to favourites"),
                do("like", id=ident)),
        ui.icon("pencil", see.t("Edit recipe"), go(".Edit", id=ident)),
        ui.more(see.t("More options")),
    )  # fmt: skip
    parts = [ui.paragraph(row["description"], style="row")] if row["description"] else []
    told = _told(see, row["minutes"], row["servings"])
    parts.append(ui.row(see.t(row["category"]), told, lead=ui.icon("timer-outline")))
    if row["source"]:
        parts.append(ui.row(row["source"], see.t("Source"), lead=ui.icon("bookmark-outline")))
    parts.append(ui.header(see.t("Ingredients")))
    parts.append(ui.chips(*(
        ui.chip(f"× {n}", put("factor", str(n)), selected=factor == n) for n in (1, 2, 3)
    )))  # fmt: skip
    parts += [ui.row(_times(line, factor), height=40) for line in row["ingredients"].splitlines()]
    parts.append(ui.header(see.t("Directions")))
    for number, line in enumerate(row["directions"].splitlines(), 1):
        parts.append(ui.paragraph(f"{number}.  {line}", style="row"))
    return ui.page(row["title"], *parts, actions=actions)


def _times(line: str, factor: int) -> str:
    """A line with its first number multiplied."""
    head, _, rest = line.partition(" ")
    return f"{int(head) * factor} {rest}" if head.isdecimal() and len(head) < 7 else line


@APP.on("like")
def like(do: Do) -> None:
    do.run("UPDATE recipes SET favorite = 1 - favorite WHERE _id = ?", do.arg("id"))


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu((see.t("Share"), do("share")), (see.t("Delete"), show("delete", inside=True)))


@APP.on("share")
def share(do: Do) -> None:
    row = do.row("SELECT * FROM recipes WHERE _id = ?", do.arg("id"))
    if row:
        text = f"{row['title']}\n\n{row['ingredients']}\n\n{row['directions']}"
        do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    title = see.one("SELECT title FROM recipes WHERE _id = ?", see.arg("id"))
    return ui.confirm(
        see.t("Delete recipe?"), str(title), see.t("Delete"), do("delete"), see.t("Cancel")
    )


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM recipes WHERE _id = ?", do.arg("id"))
    do.toast(do.t("Deleted"))
    if do.args.get("inside"):
        do.finish()


@APP.screen(".Edit")
def edit(see: See) -> View:
    ident = see.arg("id")
    row = see.row("SELECT * FROM recipes WHERE _id = ?", ident)
    now = {key: str(row[key]) if row else "" for key in TEXTS}
    chosen = see.get("category", row["category"] if row else CATEGORIES[0])
    chips = ui.chips(
        *(
            ui.chip(see.t(name), put("category", name), selected=chosen == name)
            for name in CATEGORIES
        )
    )
    save = ui.button(see.t("Save"), do("save"), kind="text", resource="save")
    return ui.page(
        see.t("Edit recipe" if ident else "New recipe"),
        ui.form(ui.field("title", now["title"], label=see.t("Title")),
                ui.field("description", now["description"], label=see.t("Description"))),
        ui.header(see.t("Category")), chips,
        ui.form(ui.field("servings", now["servings"], label=see.t("Servings")),
                ui.field("minutes", now["minutes"], label=see.t("Minutes")),
                ui.field("source", now["source"], label=see.t("Source")),
                ui.field("ingredients", now["ingredients"], label=see.t("Ingredients"),
                multiline=True),
                ui.field("directions", now["directions"], label=see.t("Directions"),
                multiline=True)),
        actions=(save,),
    )  # fmt: skip


@APP.on("save")
def save(do: Do) -> None:
    ident = do.arg("id")
    row = do.row("SELECT * FROM recipes WHERE _id = ?", ident)
    now = {key: do.text(key, str(row[key]) if row else "").strip() for key in TEXTS}
    if not now["title"]:
        return do.toast(do.t("Enter a title"))
    minutes = now["minutes"] or "0"
    if not (minutes.isdecimal() and len(minutes) < 6):
        return do.toast(do.t("Enter the minutes as a number"))
    values: dict[str, Value] = {**now, "minutes": int(minutes)}
    values["category"] = do.get("category", row["category"] if row else CATEGORIES[0])
    if row:
        do.change("recipes", ident, **values)
    else:
        do.add("recipes", **values)
    do.toast(do.t("Saved"))
    return do.finish()
