"""Recipes: found, written, scaled, cooked, shopped for."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hands import explore, fill, find, tap, texts, untranslated, whole

from agentkit_android.apps.recipes.app import scaled
from agentkit_android.phone.phone import Phone
from agentkit_android.screen.acts import Intent

PACKAGE = "com.example.recipes"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.start(PACKAGE, ".Main")
    return made


def rows(phone: Phone, sql: str) -> list[tuple[object, ...]]:
    return [tuple(r) for r in phone.databases[PACKAGE].rows(sql)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("200 g rice", "300 g rice"), ("1 1/2 cups milk", "2.25 cups milk"), ("1/2 onion",
        "0.75 onion"), ("1,5 l water", "2.25 l water"), ("salt", "salt"), ("1/0 x", "1/0 x"),
    ],
)  # fmt: skip
def test_amounts_are_scaled(line: str, told: str) -> None:
    assert scaled(line, Fraction(3, 2)) == told


def test_a_recipe_is_written_changed_and_deleted(phone: Phone) -> None:
    tap(phone, "New recipe")
    tap(phone, "Save")
    assert "A recipe needs a title" in texts(phone, every=True)
    fill(phone, title="Kimchi stew", description="Hot.")
    tap(phone, "Categories", "Dinner", "Done")
    fill(phone, servings="0", minutes="40", ingredients="300 g kimchi\n200 g tofu")
    tap(phone, "Save")
    assert "Servings must be a number from 1 to 99" in texts(phone, every=True)
    fill(phone, servings="2", directions="Fry.\nBoil.")
    tap(phone, "Save")
    made = rows(phone, "SELECT title, servings, minutes, ingredients FROM recipes WHERE _id > 6")
    assert made == [("Kimchi stew", 2, 40, "300 g kimchi\n200 g tofu")]
    assert rows(phone, "SELECT name FROM filed JOIN categories ON category = _id"
                " WHERE recipe = 7") == [("Dinner",)]  # fmt: skip
    fill(phone, query="tofu")
    tap(phone, "Kimchi stew", "Edit recipe")
    fill(phone, title="Kimchi jjigae")
    phone.press("BACK")
    tap(phone, "Keep editing", "Save")
    assert "Kimchi jjigae" in texts(phone)
    tap(phone, "More options", "Delete", "android:id/button1")
    assert not rows(phone, "SELECT * FROM recipes WHERE _id > 6") and "No recipes" in texts(phone)


def test_it_is_cooked_step_by_step(phone: Phone) -> None:
    tap(phone, "Oat pancakes", "cook")
    assert "Step 1 of 2" in texts(phone)
    tap(phone, "Next", "Previous", "Next", "Finish")
    assert "Last cooked" in texts(phone) and rows(phone, "SELECT recipe FROM cooked") == [(2,)]


def test_what_is_missing_goes_to_the_shopping_list(phone: Phone) -> None:
    tap(phone, "Oat pancakes", "More servings", "225 ml milk", "To shopping list")
    phone.press("BACK")
    tap(phone, "Shopping list")
    bought = ["150 g oats", "3 eggs", "1.5 pinch salt"]
    assert [r[0] for r in rows(phone, "SELECT text FROM shopping")] == bought
    tap(phone, "3 eggs")
    fill(phone, item="paper towels")
    tap(phone, "Add", "Remove what is bought")
    assert [r[0] for r in rows(phone, "SELECT text FROM shopping")] == [
        bought[0],
        bought[2],
        "paper towels",
    ]


def test_rows_that_come_by_adb_are_seen(adb: Any, running: Any) -> None:
    phone = running.phone
    phone.start(PACKAGE, ".Main")
    path = "/data/data/com.example.recipes/databases/recipes.db"
    sql = "INSERT INTO recipes (title, minutes) VALUES ('Aubergine dip', 95)"
    adb("shell", f'sqlite3 {path} "{sql}"')
    assert {"Aubergine dip", "95 min · 1 serving"} <= set(texts(phone))
    phone.hold(*find(phone, "Aubergine dip"))
    tap(phone, "android:id/button1")
    assert b"Aubergine" not in adb("shell", f"sqlite3 {path} 'SELECT title FROM recipes'").stdout


def test_categories_sort_and_a_text_that_is_shared(phone: Phone) -> None:
    tap(phone, "Dessert")
    assert "Lemon cake" in texts(phone) and "Lentil soup" not in texts(phone)
    tap(phone, "Dessert", "More options", "Sort by", "Quickest first")
    names = [t for t in texts(phone) if t in ("Tomato pasta", "Lemon cake", "Oat pancakes")]
    assert names[0] == "Oat pancakes"
    text = (("text", "Toast\nToast the bread."),)
    phone.send(Intent("android.intent.action.SEND", kind="text/plain", extras=text))
    if "New recipe" in texts(phone) and "Toast" not in texts(phone):
        tap(phone, "New recipe")
    assert "Toast" in texts(phone) and "Toast the bread." in whole(phone)


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=350)
    assert {(".Recipe",), (".Cook",), (".Shopping",), (".Categories", "name"), (".Main", "sort"),
            (".Edit", "kinds"), (".Recipe", "delete")} <= seen  # fmt: skip
    assert not missing - {"Grandmother"}
