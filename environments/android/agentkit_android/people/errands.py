"""Where somebody writes things down, how they go, what they mean by the usual."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from agentkit.capabilities import Action
from agentkit_android.apps.recipes.app import lines, scaled
from agentkit_android.client.actions import Finish, Press
from agentkit_android.people.habit import Habit, Personal, enter, grant, one_of
from agentkit_android.tasks.names import CALENDAR, EVENTS, EXPENSES, NOTES, RECIPES, TODO
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Part

MAPS = "com.example.maps"
LIST = "/sdcard/Documents/Notes/shopping.md"
MODES = {"walk": "Walk", "bike": "Cycle", "transit": "Transit", "car": "Drive"}
REMINDERS = {
    0: "At the time of the event", 10: "10 minutes before", 30: "30 minutes before",
    60: "1 hour before", 1440: "1 day before",
}  # fmt: skip


class Thing(Personal):
    thing: str


class WriteDown(Habit[Thing]):
    name = "personal-shopping"
    goal = "We are out of {thing}: write it down for me"
    prefers = "shopping"
    params = Thing
    apps = (NOTES, TODO, RECIPES)

    def drawn(self, user: str, random: Random) -> Thing:
        things = ("paprika", "washing powder", "candles", "honey", "printer paper", "rice", "soap")
        return Thing(user=user, thing=random.choice(things))

    def check(self, phone: PhoneState, p: Thing, answer: str) -> Sequence[Part]:
        tasks = [t for (t,) in phone.rows(TODO, "SELECT title FROM tasks WHERE done = 0")]
        cart = [t for (t,) in phone.rows(RECIPES, "SELECT text FROM shopping WHERE done = 0")]
        where = {"notes": phone.text(LIST), "tasks": "\n".join(tasks), "recipes": "\n".join(cart)}
        found = [key for key, text in where.items() if p.thing in text.casefold()]
        return [one_of(f"where {p.thing!r} stands", p.person.shopping, found)]

    def expert(self, see: Sight, p: Thing) -> Action:
        if self.done(see, p):
            return Finish()
        if p.person.shopping == "notes":
            if see.look.package == NOTES and see.look.activity == ".Edit":
                text = f"{see.phone.text(LIST)}- [ ] {p.thing}\n"
                return see.form("Save", text=text)
            return see.reach(NOTES, "shopping.md")
        if p.person.shopping == "tasks":
            if see.title == "New task":
                return see.form("#save", "Save", title=f"Buy {p.thing}")
            return see.reach(TODO, "New task")
        if see.look.activity == ".Shopping":
            return enter(see, "item", p.thing, "Add something") or see.reach(RECIPES, "Add")
        return see.reach(RECIPES, "Shopping list")


class Dish(Personal):
    dish: str


class ForTheTable(Habit[Dish]):
    """For as many as they cook for."""

    name = "personal-table"
    goal = "Put what we need for “{dish}” on the shopping list of the recipes"
    prefers = "table"
    params = Dish
    apps = (RECIPES,)

    def drawn(self, user: str, random: Random) -> Dish:
        dishes = ("Lentil soup", "Bibimbap", "Tomato pasta", "Oat pancakes", "Rice pudding")
        return Dish(user=user, dish=random.choice(dishes))

    def check(self, phone: PhoneState, p: Dish, answer: str) -> Sequence[Part]:
        query = "SELECT servings, ingredients FROM recipes WHERE title = ?"
        servings, needed = phone.rows(RECIPES, query, p.dish)[0]
        factor = Fraction(p.person.table, int(servings))
        wanted = [scaled(line, factor) for line in lines(needed)]
        found = [t for (t,) in phone.rows(RECIPES, "SELECT text FROM shopping")]
        return [Part(f"the list is {found}", sorted(found) == sorted(wanted))]

    def expert(self, see: Sight, p: Dish) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity != ".Recipe" or not see.has(p.dish):
            return see.reach(RECIPES, p.dish)
        row = next((e.label for e in see.look.elements if "serving" in e.label
                    and e.label[0].isdigit()), "")  # fmt: skip
        now = int(row.partition(" ")[0] or 0)
        if now != p.person.table:
            less = now > p.person.table
            return see.reach(RECIPES, "Fewer servings" if less else "More servings")
        return see.reach(RECIPES, "To shopping list")


class Somewhere(Personal):
    place: str


class TakeMe(Habit[Somewhere]):
    name = "personal-travel"
    goal = "Take me to {place}"
    goals = ("I have to get to {place}: start the way there",)
    prefers = "travel"
    params = Somewhere
    apps = (MAPS,)

    def drawn(self, user: str, random: Random) -> Somewhere:
        places = ("Museum of Lamps", "Town Hall", "Castle Park", "Hotel Lighthouse", "Post Office")
        return Somewhere(user=user, place=random.choice(places))

    def begin(self, phone: PhoneState, p: Somewhere, random: Random) -> None:
        grant(phone, MAPS, "ACCESS_FINE_LOCATION")

    def check(self, phone: PhoneState, p: Somewhere, answer: str) -> Sequence[Part]:
        found = phone.rows(MAPS, "SELECT goal, mode FROM trips WHERE ended IS NULL")
        return [one_of("the way", [p.place, p.person.travel], found)]

    def expert(self, see: Sight, p: Somewhere) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity == ".Route" and see.has(p.place):
            mode = see.find(f"{MODES[p.person.travel]} ", role="button", whole=False)
            if mode is not None and not mode.selected:
                return see.tap(mode)
            return see.reach(MAPS, "#start")
        return found(see, p.place, "Directions")


def found(see: Sight, place: str, then: str) -> Action:
    """On the way to the page of a place on the map, and to a button of it."""
    if see.look.activity == ".Place" and see.title == place:
        return see.reach(MAPS, then)
    if see.look.activity == ".Search":
        return enter(see, "query", place, "Search here") or see.reach(MAPS, place)
    return see.reach(MAPS, "Search here")


class Usual(Personal):
    """Nothing but who it is."""


class UsualCafe(Habit[Usual]):
    name = "personal-cafe"
    goal = "Put my usual café on the list “Want to go” of the map"
    prefers = "cafe"
    params = Usual
    apps = (MAPS,)

    def drawn(self, user: str, random: Random) -> Usual:
        return Usual(user=user)

    def check(self, phone: PhoneState, p: Usual, answer: str) -> Sequence[Part]:
        names = [n for (n,) in phone.rows(MAPS, "SELECT name FROM saved WHERE list = 2")]
        return [one_of("the list", p.person.cafe, names)]

    def expert(self, see: Sight, p: Usual) -> Action:
        if self.done(see, p):
            return Finish()
        if see.title == "Save to list":
            return see.reach(MAPS, "Want to go")
        return found(see, p.person.cafe, "#save_button")


class Appointment(Personal):
    title: str


class Reminded(Habit[Appointment]):
    name = "personal-reminder"
    goal = "Put “{title}” into today’s calendar, with my usual reminder"
    prefers = "reminder"
    params = Appointment
    apps = (CALENDAR,)
    complexity = 2.4

    def drawn(self, user: str, random: Random) -> Appointment:
        return Appointment(user=user, title=random.choice(EVENTS))

    def check(self, phone: PhoneState, p: Appointment, answer: str) -> Sequence[Part]:
        query = "SELECT reminder FROM events WHERE title = ?"
        found = [r for (r,) in phone.rows(CALENDAR, query, p.title)]
        return [one_of(f"the reminder of {p.title!r}", str(p.person.reminder), found)]

    def expert(self, see: Sight, p: Appointment) -> Action:
        if self.done(see, p):
            return Finish()
        told = REMINDERS[p.person.reminder]
        if see.title == "Reminder":
            return see.reach(CALENDAR, told)
        if see.title == "New event":
            box = see.field("title")
            if box is not None and (step := see.fill(box, p.title)) is not None:
                return step
            if see.value("Reminder") != told:
                return see.reach(CALENDAR, "Reminder")
            return see.press("#save") or see.scroll() or Press(button="back")
        return see.reach(CALENDAR, "New event")


class Money(Personal):
    amount: str


class Coffee(Habit[Money]):
    name = "personal-coffee"
    goal = "Note that I spent {amount} on coffee"
    prefers = "coffee"
    params = Money
    apps = (EXPENSES,)

    def drawn(self, user: str, random: Random) -> Money:
        cents = random.choice(("15", "35", "65", "95"))
        return Money(user=user, amount=f"{random.randint(2, 6)}.{cents}")

    def check(self, phone: PhoneState, p: Money, answer: str) -> Sequence[Part]:
        cents = p.amount.replace(".", "")
        query = "SELECT category FROM expenses WHERE lower(name) LIKE '%coffee%' AND cents = ?"
        found = [c for (c,) in phone.rows(EXPENSES, query, int(cents))]
        return [one_of("what the coffee counts as", p.person.coffee, found)]

    def expert(self, see: Sight, p: Money) -> Action:
        if self.done(see, p):
            return Finish()
        if see.title == "Add expense":
            for name, wanted in (("name", "Coffee"), ("amount", p.amount)):
                box = see.field(name)
                if box is not None and (step := see.fill(box, wanted)) is not None:
                    return step
            chip = see.find(p.person.coffee, role="button")
            if chip is not None and not chip.selected:
                return see.tap(chip)
            return see.reach(EXPENSES, "#save")
        return see.reach(EXPENSES, "Add expense")


TEMPLATES = (WriteDown(), ForTheTable(), TakeMe(), UsualCafe(), Reminded(), Coffee())
