"""The list of recipes, the page of one, and cooking it step by step."""

from __future__ import annotations

from fractions import Fraction

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.recipes.app import (
    APP,
    SORTS,
    duration,
    filed,
    lines,
    recipe,
    scaled,
)
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import BACK, Intent, do, go, put, show
from agentkit_android.screen.views import Overlay, View

ORDERS = {"title": "title COLLATE NOCASE", "new": "created DESC", "quick": "minutes, title"}


@APP.screen(".Main")
def main(see: See) -> View:
    wanted, kind = see.text("query").strip(), see.get("kind")
    order = ORDERS[see.preference("sort", "title")]
    found = see.rows(
        "SELECT * FROM recipes WHERE title LIKE '%' || ?1 || '%' OR description LIKE"
        f" '%' || ?1 || '%' OR ingredients LIKE '%' || ?1 || '%' ORDER BY {order}, _id",
        wanted,
    )
    rows = []
    for one in found:
        kinds = filed(see, one["_id"])
        if (kind == "♥" and not one["favorite"]) or (kind not in ("", "♥") and kind not in kinds):
            continue
        told = f"{duration(see, one['minutes'])} · {_people(see, one['servings'])}"
        trail = ui.icon("heart", see.t("Favourite"), do("like", id=one["_id"]))
        rows.append(
            ui.row(one["title"], told, tap=go(".Recipe", id=one["_id"]),
                   lead=ui.avatar(one["title"]), trail=trail if one["favorite"] else None,
                   hold=show("delete", id=one["_id"]))
        )  # fmt: skip
    names = [str(r["name"]) for r in see.rows("SELECT name FROM categories ORDER BY _id")]
    chips = [ui.chip(see.t("Favourites"), put("kind", None if kind == "♥" else "♥"),
                     selected=kind == "♥", icon="heart")]  # fmt: skip
    chips += [
        ui.chip(see.t(name), put("kind", None if kind == name else name), selected=kind == name)
        for name in names
    ]
    none = ui.empty(see.t("No recipes"), "silverware-fork-knife")
    shopping = ui.icon("cart", see.t("Shopping list"), go(".Shopping"))
    return ui.page(
        see.t("Recipes"), ui.chips(*chips), *(rows or [none]), up=False,
        actions=(shopping, ui.more(see.t("More options"))),
        under=(ui.form(ui.field("query", hint=see.t("Search recipes"))),),
        floating=ui.fab("plus", see.t("New recipe"), go(".Edit")), resource="recycler_view",
    )  # fmt: skip


def _people(see: See, number: int) -> str:
    return see.t("1 serving") if number == 1 else see.t("{n} servings", n=number)


@APP.overlay("menu")
def menu(see: See) -> Overlay:
    return ui.menu((see.t("Sort by"), show("sort")), (see.t("Categories"), go(".Categories")))


@APP.overlay("sort")
def sort(see: See) -> Overlay:
    names = [(key, see.t(name)) for key, name in SORTS.items()]
    return ui.options(
        see.t("Sort by"), do("sort"), names, see.preference("sort", "title"), see.t("Cancel")
    )


@APP.on("sort")
def set_sort(do: Do) -> None:
    if (value := str(do.args["value"])) in SORTS:
        do.prefer("sort", value)


@APP.on("like")
def like(do: Do) -> None:
    do.run("UPDATE recipes SET favorite = 1 - favorite WHERE _id = ?", do.arg("id"))


# One recipe.


def _wanted(see: See, servings: int) -> int:
    return int(see.get("servings", str(servings)))


@APP.screen(".Recipe")
def page(see: See) -> View:
    one = recipe(see)
    if one is None:
        return ui.page(see.t("Recipe"), ui.empty(see.t("This recipe does not exist")))
    number, wanted = one["_id"], _wanted(see, one["servings"])
    heart = "Remove from favourites" if one["favorite"] else "Add to favourites"
    actions = (
        ui.icon("heart" if one["favorite"] else "heart-outline", see.t(heart),
                do("like", id=number)),
        ui.icon("pencil", see.t("Edit recipe"), go(".Edit", id=number)),
        ui.icon("dots-vertical", see.t("More options"), show("recipe")),
    )  # fmt: skip
    kinds = ", ".join(see.t(name) for name in filed(see, number))
    last = see.one("SELECT max(date) FROM cooked WHERE recipe = ?", number)
    rows = [ui.paragraph(one["description"])] if one["description"] else []
    rows.append(ui.row(duration(see, one["minutes"]), see.t("Preparation time"),
                       lead=ui.icon("timer-outline")))  # fmt: skip
    if kinds:
        rows.append(ui.row(kinds, see.t("Categories"), lead=ui.icon("tag")))
    if one["source"]:
        rows.append(ui.row(one["source"], see.t("Source"), lead=ui.icon("link")))
    if last:
        rows.append(ui.row(see.day(float(str(last))), see.t("Last cooked"),
                           lead=ui.icon("calendar-check")))  # fmt: skip
    change = (
        ui.icon("minus-circle", see.t("Fewer servings"), do("serve", by=-1)),
        ui.icon("plus-circle", see.t("More servings"), do("serve", by=1)),
    )
    rows.append(ui.row(_people(see, wanted), trail=change, lead=ui.icon("account-multiple")))
    rows.append(ui.header(see.t("Ingredients")))
    factor = Fraction(wanted, max(1, one["servings"]))
    ticked = see.get("ticked").split()
    for place, line in enumerate(lines(one["ingredients"])):
        rows.append(ui.check(scaled(line, factor), str(place) in ticked, do("tick", place=place)))
    rows.append(ui.header(see.t("Directions")))
    for place, line in enumerate(lines(one["directions"]), 1):
        disc = ui.avatar(str(place), "#8E4D2F", 32)
        text = ui.text(line, "row", lines=0, resource="direction")
        rows.append(View("row", children=(disc, text), gap=16, padding=(16, 8, 16, 8)))
    cook = ui.buttons(
        ui.button(see.t("Cook"), go(".Cook", id=number), icon="play", resource="cook"),
        ui.button(see.t("To shopping list"), do("shop"), kind="tonal", icon="cart"),
    )
    return ui.page(one["title"], *rows, actions=actions, bottom=(cook,))


@APP.on("serve")
def serve(do: Do) -> None:
    one = recipe(do)
    if one:
        do.put("servings", min(99, max(1, _wanted(do, one["servings"]) + do.arg("by"))))


@APP.on("tick")
def tick(do: Do) -> None:
    place, ticked = str(do.args["place"]), do.get("ticked").split()
    ticked = [t for t in ticked if t != place] if place in ticked else [*ticked, place]
    do.put("ticked", " ".join(ticked) or None)


@APP.on("shop")
def shop(do: Do) -> None:
    """What is not ticked goes to the shopping list, for as many as it is cooked for."""
    one = recipe(do)
    if one is None:
        return
    factor = Fraction(_wanted(do, one["servings"]), max(1, one["servings"]))
    ticked = do.get("ticked").split()
    for place, line in enumerate(lines(one["ingredients"])):
        if str(place) not in ticked:
            do.run("INSERT INTO shopping (text, recipe) VALUES (?, ?)",
                   scaled(line, factor), one["_id"])  # fmt: skip
    do.toast(do.t("Added to the shopping list"))


@APP.overlay("recipe")
def recipe_menu(see: See) -> Overlay:
    return ui.menu(
        (see.t("Share"), do("share")), (see.t("Duplicate"), do("duplicate")),
        (see.t("Delete"), show("delete", here=True)),
    )  # fmt: skip


@APP.on("share")
def share(do: Do) -> None:
    one = recipe(do)
    if one:
        text = f"{one['title']}\n\n{one['ingredients']}\n\n{one['directions']}"
        do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))


@APP.on("duplicate")
def duplicate(do: Do) -> None:
    made = do.run(
        "INSERT INTO recipes (title, description, servings, minutes, source, ingredients,"
        " directions, created) SELECT title || ' (2)', description, servings, minutes, source,"
        " ingredients, directions, ? FROM recipes WHERE _id = ?", do.now, do.arg("id"),
    )  # fmt: skip
    do.run("INSERT INTO filed SELECT ?, category FROM filed WHERE recipe = ?", made, do.arg("id"))
    do.toast(do.t("Saved"))


@APP.overlay("delete")
def ask_delete(see: See) -> Overlay:
    one = recipe(see)
    act = do("delete", id=see.args.get("id"), here=see.args.get("here"))
    return ui.confirm(see.t("Delete recipe?"), one["title"] if one else "", see.t("Delete"), act,
                      see.t("Cancel"))  # fmt: skip


@APP.on("delete")
def delete(do: Do) -> None:
    for table, key in (("recipes", "_id"), ("filed", "recipe"), ("cooked", "recipe")):
        do.run(f"DELETE FROM {table} WHERE {key} = ?", do.arg("id"))
    do.toast(do.t("Recipe deleted"))
    if do.args.get("here"):
        do.finish()


@APP.screen(".Cook")
def cook(see: See) -> View:
    one = recipe(see)
    steps = lines(one["directions"]) if one else []
    if one is None or not steps:
        return ui.page(see.t("Cook"), ui.empty(see.t("There are no directions")))
    at = min(int(see.get("step", "0")), len(steps) - 1)
    told = see.t("Step {n} of {all}", n=at + 1, all=len(steps))
    middle = View("column", weight=1, padding=(24, 48, 24, 24), gap=24, children=(
        ui.text(told, "subtitle", "primary", resource="step_number"),
        ui.text(steps[at], "headline", lines=0, resource="step"),
    ))  # fmt: skip
    last = at == len(steps) - 1
    before = put("step", at - 1) if at else BACK
    back = ui.button(see.t("Previous"), before, kind="outlined", resource="previous")
    following = do("cooked") if last else put("step", at + 1)
    button = ui.button(see.t("Finish" if last else "Next"), following, resource="next")
    line = View("row", children=(back, ui.space(None), button), padding=(24, 0, 24, 32))
    bar = View("progress", value=(at + 1) / len(steps), height=4, description=told)
    return View("column", children=(ui.top_bar(one["title"]), bar, middle, line), fill="surface")


@APP.on("cooked")
def cooked(do: Do) -> None:
    do.run("INSERT INTO cooked VALUES (?, ?)", do.arg("id"), do.now)
    do.toast(do.t("Enjoy your meal"))
    do.finish()
