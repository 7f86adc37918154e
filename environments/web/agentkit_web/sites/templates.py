"""Tasks on the small sites: what to do, from which state, and how the state tells that it is done.

Each task is judged by the sites' state, the files that were downloaded and the answer that was
given, never by the way there. What was changed beside the task costs the success.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from agentkit_web.sites.office import HOURS, SWITCHES, Office
from agentkit_web.sites.shop import Shop
from agentkit_web.sites.wiki import Wiki

State = dict[str, Any]
KINDS: dict[str, Any] = {"shop.test": Shop, "office.test": Office, "wiki.test": Wiki}
_GOODS = {
    "Lamps": ("Desk lamp", "Floor lamp", "Reading lamp", "Lantern"),
    "Chairs": ("Oak chair", "Stool", "Armchair", "Rocking chair"),
    "Mugs": ("Blue mug", "Tall mug", "Camping mug", "Tea cup"),
}
_PEOPLE = ("Ada Holt", "Ben Okoro", "Chiyo Mori", "Dana Weiss", "Emil Sand", "Farah Aziz")
_TOPICS = ("Budget", "Holiday", "New printer", "Lunch", "Parking", "Audit")
_CITIES = ("Lyon", "Turin", "Bergen", "Graz", "Porto", "Leeds")
_RIVERS = ("Ems", "Loire", "Tagus", "Glomma", "Mur", "Aire")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check may look at. files: downloaded name to the hash of its content."""

    site: State
    files: dict[str, str]
    answer: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of task. make: values of one instance; goal: in words; done: 0..1 with reasons."""

    name: str
    site: str
    make: Callable[[Random, State], State]
    goal: str
    done: Callable[[Outcome, State, State], tuple[bool, str]]


def begin(template: Template, random: Random) -> tuple[State, State]:
    """(the site's state, the task's values) of one instance."""
    state = _STATES[template.site](random)
    return state, template.make(random, state)


def _shop(random: Random) -> State:
    products = {}
    for category, names in _GOODS.items():
        prices = random.sample(range(300, 9000, 50), len(names))
        for name, price in zip(names, prices):
            about = f"{name}, made in {random.choice(_CITIES)}."
            products[name] = {"category": category, "price": price / 100, "about": about}
    return {"products": products, "cart": {}, "orders": [], "reviews": []}


def _office(random: Random) -> State:
    people, topics = random.sample(_PEOPLE, 5), random.sample(_TOPICS, 5)
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    return {
        "mail": [
            {"from": who, "subject": what, "folder": "inbox",
             "text": f"Hello, about {what.lower()}: the code is {random.randint(100, 999)}."}
            for who, what in zip(people, topics)
        ],
        "sent": [],
        "days": days,
        "calendar": {
            f"{day} {hour}": topic
            for day, hour, topic in zip(days, random.sample(HOURS, 5), topics)
        },
        "files": {
            f"{topic.lower().replace(' ', '-')}-{random.randint(2019, 2024)}.txt":
            f"{topic}: {random.randint(1, 10**6)}" for topic in topics
        },
        "settings": {"language": "English", "switches": [random.choice(SWITCHES)]},
    }  # fmt: skip


def _wiki(random: Random) -> State:
    cities, rivers = random.sample(_CITIES, 4), random.sample(_RIVERS, 4)
    articles = {}
    for city, river in zip(cities, rivers):
        people = random.randint(50, 900) * 1000
        articles[city] = f"{city} is a city on the [{river}]. It has {people} inhabitants."
        articles[river] = f"The {river} is a river of {random.randint(80, 999)} km."
    return {"articles": articles}


_STATES = {"shop.test": _shop, "office.test": _office, "wiki.test": _wiki}


def _unchanged(outcome: Outcome, start: State, *but: str) -> bool:
    """Whether nothing of the site changed but these."""
    return all(outcome.site[key] == value for key, value in start.items() if key not in but)


def _ordered(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    wanted = {"name": data["person"], "city": data["city"], "items": {data["item"]: data["count"]}}
    done = outcome.site["orders"] == [wanted] and _unchanged(outcome, start, "orders", "cart")
    return done, f"orders: {outcome.site['orders']}"


def _in_cart(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    cart = outcome.site["cart"]
    return cart == {data["item"]: 1} and _unchanged(outcome, start, "cart"), f"cart: {cart}"


def _reviewed(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    wanted = [{"product": data["item"], "stars": data["stars"], "text": data["text"]}]
    reviews = outcome.site["reviews"]
    return reviews == wanted and _unchanged(outcome, start, "reviews"), f"reviews: {reviews}"


def _archived(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    wanted = copy.deepcopy(start["mail"])
    wanted[data["number"]]["folder"] = "archive"
    folders = [m["folder"] for m in outcome.site["mail"]]
    return outcome.site["mail"] == wanted and _unchanged(outcome, start, "mail"), str(folders)


def _replied(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    sent = outcome.site["sent"]
    done = len(sent) == 1 and sent[0]["to"] == data["person"] and data["code"] in sent[0]["text"]
    return done and _unchanged(outcome, start, "sent"), f"sent: {sent}"


def _booked(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    wanted = {**start["calendar"], f"{data['day']} {data['hour']}": data["title"]}
    calendar = outcome.site["calendar"]
    return calendar == wanted and _unchanged(outcome, start, "calendar"), f"calendar: {calendar}"


def _downloaded(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    digest = hashlib.sha256(start["files"][data["file"]].encode()).hexdigest()
    done = outcome.files == {data["file"]: digest} and _unchanged(outcome, start)
    return done, f"downloads: {sorted(outcome.files)}"


def _set(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    wanted = {"language": data["language"], "switches": data["switches"]}
    settings = outcome.site["settings"]
    return settings == wanted and _unchanged(outcome, start, "settings"), f"settings: {settings}"


def _edited(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    wanted = copy.deepcopy(start["articles"])
    wanted[data["city"]] = wanted[data["city"]].replace(data["old"], data["new"])
    return outcome.site["articles"] == wanted, outcome.site["articles"][data["city"]]


def _answered(outcome: Outcome, start: State, data: State) -> tuple[bool, str]:
    said = (outcome.answer or "").replace(",", "").split()
    numbers = [word.strip(".") for word in said if word.strip(".").isdigit()]
    return numbers == [data["number"]] and _unchanged(outcome, start), f"answer: {outcome.answer!r}"


def _cheapest(random: Random, state: State) -> State:
    category = random.choice(sorted(_GOODS))
    own = {n: p["price"] for n, p in state["products"].items() if p["category"] == category}
    return {"category": category, "item": min(own, key=lambda name: own[name])}


def _free(random: Random, state: State) -> State:
    day = random.choice(state["days"])
    hour = random.choice([h for h in HOURS if f"{day} {h}" not in state["calendar"]])
    return {"day": day, "hour": hour, "title": f"{random.choice(_TOPICS)} talk"}


def _person(random: Random, state: State) -> State:
    number = random.randrange(len(state["mail"]))
    one = state["mail"][number]
    code = one["text"].rstrip(".").rpartition(" ")[2]
    return {"number": number, "person": one["from"], "subject": one["subject"], "code": code}


def _switches(random: Random, state: State) -> State:
    on = state["settings"]["switches"][0]
    other = random.choice([name for name in SWITCHES if name != on])
    return {"language": random.choice(("Deutsch", "Français", "한국어")), "off": on, "on": other,
            "switches": [other]}  # fmt: skip


def _article(random: Random, state: State) -> State:
    city = random.choice([t for t, text in state["articles"].items() if "inhabitants" in text])
    text = state["articles"][city]
    old = next(word for word in text.split() if word.isdigit())
    return {"city": city, "old": old, "new": str(random.randint(50, 900) * 1000 + 500)}


def _river(random: Random, state: State) -> State:
    city = random.choice([t for t, text in state["articles"].items() if "inhabitants" in text])
    river = state["articles"][city].partition("[")[2].partition("]")[0]
    number = next(w for w in state["articles"][river].split() if w.isdigit())
    return {"city": city, "number": number}


def _item(random: Random, state: State) -> State:
    return {
        "item": random.choice(sorted(state["products"])),
        "count": random.randint(2, 9),
        "person": random.choice(_PEOPLE),
        "city": random.choice(_CITIES),
        "stars": random.randint(1, 5),
        "text": random.choice(("Works well.", "Broke after a week.", "Nice colour.")),
    }


TEMPLATES = (
    Template("shop-order", "shop.test", _item,
             "Order {count} of the {item} for {person} in {city}.", _ordered),
    Template("shop-cheapest", "shop.test", _cheapest,
             "Put one of the cheapest product in the category {category} into the cart.", _in_cart),
    Template("shop-review", "shop.test", _item,
             'Review the {item} with {stars} stars and the text "{text}"', _reviewed),
    Template("mail-archive", "office.test", _person,
             "Archive the mail from {person}.", _archived),
    Template("mail-reply", "office.test", _person,
             "Reply to {person}'s mail with the code that stands in it.", _replied),
    Template("calendar-book", "office.test", _free,
             'Put "{title}" into the calendar on {day} at {hour}.', _booked),
    Template("file-download", "office.test",
             lambda random, state: {"file": random.choice(sorted(state["files"]))},
             "Download the file {file}.", _downloaded),
    Template("settings", "office.test", _switches,
             "Set the language to {language}, switch {off} off and {on} on.", _set),
    Template("wiki-edit", "wiki.test", _article,
             "In the article on {city}, correct the number of inhabitants to {new}.", _edited),
    Template("wiki-answer", "wiki.test", _river,
             "How many kilometres long is the river that {city} lies on? Answer with the number.",
             _answered),
)  # fmt: skip
BY_NAME = {template.name: template for template in TEMPLATES}
