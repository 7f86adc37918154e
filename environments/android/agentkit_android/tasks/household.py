"""Expenses and Recipes: rows of a book, added, deleted, counted and read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks.names import EXPENSES, GOODS, RECIPES
from agentkit_android.tasks.sight import Sight, day
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

TODAY = date(2023, 10, 15)
CATEGORIES = ("Food", "Transport", "Housing", "Health", "Fun", "Clothes", "Education", "Other")
DISHES = (
    "Beetroot soup", "Lemon rice", "Onion tart", "Pea curry", "Carrot cake", "Mushroom toast",
    "Barley stew", "Plum jam", "Corn bread", "Fennel salad", "Tomato rice", "Walnut bread",
)  # fmt: skip
STUFF = ("2 onions", "300 g rice", "1 lemon", "4 eggs", "200 g peas", "1 l stock", "50 g butter",
         "3 carrots", "1 pinch of salt", "2 tbsp oil")  # fmt: skip


class Expense(Params):
    what: str
    cents: int
    category: str
    day: date

    @property
    def amount(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02}"


def put(phone: PhoneState, what: str, cents: int, category: str, day: date) -> None:
    phone.rows(EXPENSES, "INSERT INTO expenses (name, cents, category, day) VALUES (?, ?, ?, ?)",
               what, cents, category, day.isoformat())  # fmt: skip


class OfExpense(Template[Expense]):
    params = Expense
    apps = (EXPENSES,)

    def draw(self, random: Random) -> Expense:
        return Expense(
            what=random.choice(GOODS), cents=random.randrange(150, 9900),
            category=random.choice(CATEGORIES), day=TODAY - timedelta(days=random.randint(0, 13)),
        )  # fmt: skip

    def shown(self, p: Expense) -> dict[str, object]:
        return {"what": p.what, "amount": p.amount, "category": p.category,
                "day": f"{p.day:%B} {p.day.day}"}  # fmt: skip

    def begin(self, phone: PhoneState, p: Expense, random: Random) -> None:
        for what in random.sample([g for g in GOODS if g != p.what], 2):
            put(phone, what, random.randrange(100, 5000), p.category, p.day)

    def get(self, phone: PhoneState, p: Expense) -> list[list[str]]:
        query = "SELECT cents, category, day FROM expenses WHERE name = ? ORDER BY _id"
        return phone.rows(EXPENSES, query, p.what)

    def done(self, see: Sight, p: Expense) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def nearly(self, p: Expense, random: Random) -> Expense:
        other = random.choice([g for g in GOODS if g != p.what])
        return p.model_copy(update={"what": other})

    def opened(self, see: Sight, p: Expense) -> Action:
        """On the way to the expense, by the search."""
        if see.look.package == EXPENSES and (step := see.search(p.what)) is not None:
            return step
        return see.reach(EXPENSES, p.what)


class AddExpense(OfExpense):
    name = "expense-add"
    goal = "Note an expense of today: {what}, {amount} €, under {category}"
    complexity = 2.0

    def draw(self, random: Random) -> Expense:
        return super().draw(random).model_copy(update={"day": TODAY})

    def check(self, phone: PhoneState, p: Expense, answer: str) -> Sequence[Part]:
        now = self.get(phone, p)
        wanted = [[str(p.cents), p.category, p.day.isoformat()]]
        return [Part(f"{p.what!r} is noted as {now}, not {wanted}", now == wanted)]

    def expert(self, see: Sight, p: Expense) -> Action:
        if self.done(see, p):
            return Finish()
        if see.find("#month") and see.has("OK"):
            return see.day(p.day)
        if see.look.package == EXPENSES and see.look.activity == ".Edit":
            for name, wanted in (("name", p.what), ("amount", p.amount)):
                box = see.field(name)
                if box is not None and (step := see.fill(box, wanted)) is not None:
                    return step
            chip = see.find(p.category)
            if chip is not None and not (chip.selected or chip.checked):
                return see.tap(chip)
            if (shown := see.value("Date")) and shown != day(p.day):
                return see.reach(EXPENSES, "Date")
            return see.reach(EXPENSES, "Save")
        return see.reach(EXPENSES, "Add expense")


class AddOlder(AddExpense):
    """The same with another day, which a dialog picks."""

    name = "expense-add-older"
    goal = "I paid {amount} € for “{what}” on {day}: note it under {category}"
    complexity = 2.6
    held = "template"

    def draw(self, random: Random) -> Expense:
        made = OfExpense.draw(self, random)
        return made.model_copy(update={"day": TODAY - timedelta(days=random.randint(1, 13))})


class DeleteExpense(OfExpense):
    name, goal = "expense-delete", "Delete the expense “{what}”"
    complexity = 1.4

    def begin(self, phone: PhoneState, p: Expense, random: Random) -> None:
        super().begin(phone, p, random)
        put(phone, p.what, p.cents, p.category, p.day)

    def check(self, phone: PhoneState, p: Expense, answer: str) -> Sequence[Part]:
        left = self.get(phone, p)
        count = int(phone.one(EXPENSES, "SELECT count(*) FROM expenses"))
        return [
            Part(f"{len(left)} of it are left", not left),
            Part(f"{count} others are there", not left and count >= 10),
        ]

    def expert(self, see: Sight, p: Expense) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete?") or (see.look.activity == ".Edit" and see.has("Delete")):
            return see.reach(EXPENSES, "Delete")
        return self.opened(see, p)


class DeleteTwice(OfExpense):
    """Of two equal ones, one stays."""

    name, goal = "expense-duplicate", "“{what}” was noted twice. Delete one of the two."
    complexity = 1.4

    def begin(self, phone: PhoneState, p: Expense, random: Random) -> None:
        super().begin(phone, p, random)
        for _ in range(2):
            put(phone, p.what, p.cents, p.category, p.day)

    def check(self, phone: PhoneState, p: Expense, answer: str) -> Sequence[Part]:
        left = self.get(phone, p)
        return [Part(f"{len(left)} of it are left", len(left) == 1)]

    def expert(self, see: Sight, p: Expense) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete?") or (see.look.activity == ".Edit" and see.has("Delete")):
            return see.reach(EXPENSES, "Delete")
        return self.opened(see, p)


class WhatCost(OfExpense):
    name, goal = "expense-what-cost", "How much did I spend on “{what}”? Say it as 12.34."
    kind = "question"

    def begin(self, phone: PhoneState, p: Expense, random: Random) -> None:
        super().begin(phone, p, random)
        put(phone, p.what, p.cents, p.category, p.day)

    def nearly(self, p: Expense, random: Random) -> Expense:
        return p.model_copy(update={"cents": p.cents + 100})

    def check(self, phone: PhoneState, p: Expense, answer: str) -> Sequence[Part]:
        return [Part(f"{p.amount} was asked for, {answer[:40]!r} said", said(answer, p.amount))]

    def expert(self, see: Sight, p: Expense) -> Action:
        if see.look.package == EXPENSES and (step := see.search(p.what)) is not None:
            return step
        row = see.find(p.what, role="row")
        if see.look.package == EXPENSES and row is not None:
            return Answer(text=row.label.rpartition("€")[2])
        return see.reach(EXPENSES, p.what)


# Recipes.


class Recipe(Params):
    dish: str
    minutes: int
    stuff: list[str]


class OfRecipe(Template[Recipe]):
    params = Recipe
    apps = (RECIPES,)
    known = True
    held = "app"

    def draw(self, random: Random) -> Recipe:
        return Recipe(dish=random.choice(DISHES), minutes=random.randrange(5, 120, 5),
                      stuff=random.sample(STUFF, 3))  # fmt: skip

    def shown(self, p: Recipe) -> dict[str, object]:
        return {"dish": p.dish, "minutes": p.minutes, "stuff": ", ".join(p.stuff)}

    def begin(self, phone: PhoneState, p: Recipe, random: Random) -> None:
        for dish in random.sample([d for d in DISHES if d != p.dish], 2):
            self.put(phone, dish, random.randrange(5, 120, 5), random.sample(STUFF, 3))
        if self.known:
            self.put(phone, p.dish, p.minutes, p.stuff)

    def put(self, phone: PhoneState, dish: str, minutes: int, stuff: list[str]) -> None:
        phone.rows(RECIPES, "INSERT INTO recipes (title, minutes, ingredients) VALUES (?, ?, ?)",
                   dish, minutes, "\n".join(stuff))  # fmt: skip

    def get(self, phone: PhoneState, p: Recipe, column: str) -> list[str]:
        query = f"SELECT {column} FROM recipes WHERE title = ?"
        return [r[0] for r in phone.rows(RECIPES, query, p.dish)]

    def done(self, see: Sight, p: Recipe) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))

    def opened(self, see: Sight, p: Recipe) -> bool:
        return see.look.activity == ".Recipe" and see.has(p.dish)


class AddRecipe(OfRecipe):
    name = "recipe-add"
    goal = "Add a recipe: {dish}. It takes {minutes} minutes and needs {stuff}."
    complexity = 3.0
    known = False

    def check(self, phone: PhoneState, p: Recipe, answer: str) -> Sequence[Part]:
        minutes, stuff = self.get(phone, p, "minutes"), self.get(phone, p, "ingredients")
        need = [x.casefold() for x in p.stuff]
        return [
            Part(f"there are {len(minutes)} recipes {p.dish!r}", len(minutes) == 1),
            Part(f"it takes {minutes} minutes", minutes == [str(p.minutes)]),
            Part(f"it needs {stuff}", bool(stuff) and all(x in stuff[0].casefold() for x in need)),
        ]

    def expert(self, see: Sight, p: Recipe) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.package == RECIPES and see.look.activity == ".Edit":
            stuff = "\n".join(p.stuff)
            return see.form("#save", title=p.dish, minutes=str(p.minutes), ingredients=stuff)
        return see.reach(RECIPES, "New recipe")


class LikeRecipe(OfRecipe):
    name, goal = "recipe-like", "Make “{dish}” one of the favourite recipes"

    def check(self, phone: PhoneState, p: Recipe, answer: str) -> Sequence[Part]:
        liked = phone.rows(RECIPES, "SELECT title FROM recipes WHERE favorite = 1")
        return [Part(f"the favourites are {liked}", liked == [[p.dish]])]

    def expert(self, see: Sight, p: Recipe) -> Action:
        if self.done(see, p):
            return Finish()
        if self.opened(see, p):
            return see.reach(RECIPES, "Add to favourites")
        return see.reach(RECIPES, p.dish)


class DeleteRecipe(OfRecipe):
    name, goal = "recipe-delete", "Delete the recipe for “{dish}”"
    complexity = 1.2

    def check(self, phone: PhoneState, p: Recipe, answer: str) -> Sequence[Part]:
        left = self.get(phone, p, "_id")
        count = phone.one(RECIPES, "SELECT count(*) FROM recipes")
        return [Part(f"{len(left)} of {count} are of it", not left and count == "8")]

    def expert(self, see: Sight, p: Recipe) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete recipe?"):
            return see.reach(RECIPES, "Delete")
        return see.reach(RECIPES, p.dish, held=True)


class HowLong(OfRecipe):
    name, goal = "recipe-how-long", "How many minutes does “{dish}” take?"
    kind = "question"

    def check(self, phone: PhoneState, p: Recipe, answer: str) -> Sequence[Part]:
        wanted = str(p.minutes)
        return [Part(f"{wanted} was asked for, {answer[:40]!r} said", said(answer, wanted))]

    def nearly(self, p: Recipe, random: Random) -> Recipe:
        return p.model_copy(update={"minutes": p.minutes + 5})

    def expert(self, see: Sight, p: Recipe) -> Action:
        row = see.find(p.dish, role="row")
        if see.look.package == RECIPES and row is not None:
            return Answer(text=row.label.rpartition(", ")[2].partition(" min")[0])
        return see.reach(RECIPES, p.dish)


class WhatNeeded(OfRecipe):
    name, goal = "recipe-what-needed", "What do I need for “{dish}”?"
    kind = "question"

    def check(self, phone: PhoneState, p: Recipe, answer: str) -> Sequence[Part]:
        return [Part(f"{x!r} was asked for", said(answer, x)) for x in p.stuff]

    def nearly(self, p: Recipe, random: Random) -> Recipe:
        other = [x for x in STUFF if x not in p.stuff]
        return p.model_copy(update={"stuff": [*p.stuff[:2], other[0]]})

    def expert(self, see: Sight, p: Recipe) -> Action:
        if self.opened(see, p):
            labels = [e.label for e in see.look.elements]
            found = [x for x in STUFF if any(x in label for label in labels)]
            return Answer(text=", ".join(found)) if found else Press(button="back")
        return see.reach(RECIPES, p.dish)


TEMPLATES = (
    AddExpense(), AddOlder(), DeleteExpense(), DeleteTwice(), WhatCost(), AddRecipe(),
    LikeRecipe(), DeleteRecipe(), HowLong(), WhatNeeded(),
)  # fmt: skip
