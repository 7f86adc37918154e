"""What the parts of the recipe book share: its database, the recipes of a new phone, amounts."""

from __future__ import annotations

import re
import sqlite3
from fractions import Fraction

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents

PACKAGE = "com.example.recipes"
SCHEMA = """
CREATE TABLE recipes (
    _id INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL DEFAULT '',
    servings INTEGER NOT NULL DEFAULT 1, minutes INTEGER NOT NULL DEFAULT 0,
    source TEXT NOT NULL DEFAULT '', ingredients TEXT NOT NULL DEFAULT '',
    directions TEXT NOT NULL DEFAULT '', favorite INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE categories (_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE filed (recipe INTEGER NOT NULL, category INTEGER NOT NULL, UNIQUE (recipe, category));
CREATE TABLE shopping (
    _id INTEGER PRIMARY KEY, text TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0, recipe INTEGER
);
CREATE TABLE cooked (recipe INTEGER NOT NULL, date INTEGER NOT NULL);
"""
CATEGORIES = ("Breakfast", "Dinner", "Dessert", "Vegetarian")
SORTS = {"title": "Title", "new": "Newest first", "quick": "Quickest first"}
# title | description | servings | minutes | source | categories | ingredients ; | directions ;
BEGUN = """
Lentil soup|Red lentils with cumin, ready in half an hour.|4|30|Grandmother|Dinner, Vegetarian|200 g red lentils;1 onion;2 carrots;1 tbsp oil;1 tsp cumin;1.2 l water;1 lemon|Chop the onion and the carrots.;Fry them in the oil with the cumin for 5 minutes.;Add lentils and water and boil for 20 minutes.;Season with lemon juice.
Oat pancakes|Without flour.|2|20|Back of the oat packet|Breakfast, Vegetarian|100 g oats;2 eggs;150 ml milk;1 pinch salt|Blend everything and let it rest for 5 minutes.;Fry small pancakes in a little butter.
Bibimbap|Rice with vegetables, egg and gochujang.|2|45|Jun Park|Dinner|200 g rice;1 carrot;100 g spinach;100 g bean sprouts;2 eggs;2 tbsp gochujang;1 tbsp sesame oil|Cook the rice.;Blanch spinach and sprouts, cut the carrot into strips and fry it.;Fry the eggs.;Put all on the rice and mix it with gochujang and sesame oil.
Lemon cake|Moist, and better on the second day.|12|60|Carla Mendes|Dessert|250 g butter;200 g sugar;4 eggs;300 g flour;2 tsp baking powder;2 lemons|Beat butter and sugar.;Add the eggs one after the other.;Fold in flour, baking powder and the zest of the lemons.;Bake for 45 minutes at 175 degrees.;Pour the lemon juice over the warm cake.
Tomato pasta|The one that always works.|3|25||Dinner, Vegetarian|300 g spaghetti;1 can tomatoes;2 cloves garlic;3 tbsp olive oil;1 bunch basil|Boil the pasta.;Fry the garlic gently, add the tomatoes and simmer for 15 minutes.;Mix with the pasta and the basil.
Rice pudding|Warm, with cinnamon.|4|50|Town library|Dessert, Vegetarian|200 g short rice;1 l milk;3 tbsp sugar;1 stick cinnamon|Simmer rice, milk and cinnamon for 40 minutes, stirring often.;Stir in the sugar.
"""  # noqa: E501
APP = App(
    PACKAGE, "Recipes", "#8E4D2F", icon="silverware-fork-knife", schema=SCHEMA,
    strings=own("recipes"),
    filters=(Filter(intents.SEND, ".Edit", kinds=("text/",), label="New recipe"),),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for name in CATEGORIES:
        do.run("INSERT INTO categories (name) VALUES (?)", name)
    for number, line in enumerate(BEGUN.strip().splitlines()):
        title, about, servings, minutes, source, kinds, ingredients, directions = line.split("|")
        made = do.run(
            "INSERT INTO recipes (title, description, servings, minutes, source, ingredients,"
            " directions, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", title, about, int(servings),
            int(minutes), source, ingredients.replace(";", "\n"), directions.replace(";", "\n"),
            do.now - (20 - number) * 86400,
        )  # fmt: skip
        for name in kinds.split(", "):
            do.run("INSERT INTO filed SELECT ?, _id FROM categories WHERE name = ?", made, name)


def recipe(see: See) -> sqlite3.Row | None:
    return see.row("SELECT * FROM recipes WHERE _id = ?", see.arg("id"))


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def filed(see: See, number: int) -> list[str]:
    """The categories of a recipe."""
    found = see.rows(
        "SELECT name FROM filed JOIN categories ON category = _id WHERE recipe = ? ORDER BY _id",
        number,
    )
    return [str(r["name"]) for r in found]


AMOUNT = re.compile(r"(\d+\s+\d+/\d+|\d+/\d+|\d+(?:[.,]\d+)?)")


def scaled(line: str, factor: Fraction) -> str:
    """An ingredient for more or fewer people: the number that it begins with is changed."""
    found = AMOUNT.match(line)
    if found is None or factor == 1:
        return line
    try:
        amount = sum(Fraction(part.replace(",", ".")) for part in found[1].split()) * factor
    except ZeroDivisionError:
        return line
    told = f"{float(amount):.2f}".rstrip("0").rstrip(".")
    return f"{told}{line[found.end() :]}"


def duration(see: See, minutes: int) -> str:
    return see.t("{n} min", n=minutes)
