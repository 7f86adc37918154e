"""Several things fit what was said, and only the person knows which one is meant."""

from __future__ import annotations

from collections.abc import Iterator

from agentkit_android.people.situations.situation import Act, Kind, Situation

KIND: Kind = "Multiple choices"
CONTACTS, DIALER, MAPS = "com.android.contacts", "com.android.dialer", "com.example.maps"
MUSIC, RECIPES, BROWSER = "com.android.music", "com.example.recipes", "com.android.browser"
NAMES = (
    ("Yuna", ("Yuna Han", "Yuna Sato"), 1), ("Omar", ("Omar Haddad", "Omar Silva"), 0),
    ("Vera", ("Vera Petrov", "Vera Vogel", "Vera Rao"), 2),
    ("Kofi", ("Kofi Berg", "Kofi Mensah"), 1), ("Nina", ("Nina Costa", "Nina Demir"), 0),
)  # fmt: skip
FOUND = (  # screen, extras, typed, goal, what is asked about, answer, label
    (MAPS, ".Search", "Blue Cup", "Show me the way to Blue Cup", "branch",
     "The one by the station.", "Blue Cup Station"),
    (MAPS, ".Search", "museum", "I want to go to the museum", "museum", "The one with the lamps.",
     "Museum of Lamps"),
    (MAPS, ".Search", "pharmacy", "Take me to the pharmacy", "pharmacy", "To the Lion Pharmacy.",
     "Lion Pharmacy"),
    (MAPS, ".Search", "hotel", "Open the page of my hotel", "hotel", "It is the Pension Mill.",
     "Pension Mill"),
    (MUSIC, ".Main", "Paper Suns", "Play the song by Paper Suns that I like", "song",
     "Rain on Tin, please.", "Rain on Tin"),
    (MUSIC, ".Main", "Mara Lindt", "Put on something by Mara Lindt", "song",
     "Take Attic.", "Attic"),
    (MUSIC, ".Main", "Okoro", "Play the piece by DJ Okoro", "song", "Second Cup.", "Second Cup"),
    (RECIPES, ".Main", "eggs", "Open the recipe with eggs", "recipe", "The oat pancakes.",
     "Oat pancakes"),
    (RECIPES, ".Main", "rice", "I want to cook the rice dish", "dish", "Rice pudding today.",
     "Rice pudding"),
    (BROWSER, ".Bookmarks", "e", "Open my bookmark", "bookmark", "The encyclopedia.", "Encyclo"),
)  # fmt: skip
LISTS = (  # goal, overlay's way, about, answer, label
    ("Order an enamel mug: choose how it is delivered", "delivery", "Express, it is urgent.",
     "Express, 1 day"),
    ("Order the mug and pick the delivery", "delivery", "The cheap one.", "Standard, 3 days"),
)  # fmt: skip
SAVED = (
    ("Save the Museum of Lamps in a list", "Museum of Lamps", "Where I want to go.", "Want to go"),
    ("Keep Café Anker in one of my lists", "Café Anker", "Among the favourites.", "Favourites"),
    ("Save Castle Park for me", "Castle Park", "With a star.", "Starred places"),
)
BRANCHES = (
    ("Reserve a book: where do I pick it up?", "The one in the north.", "North branch"),
    ("Choose the branch for my reservation", "At the harbour.", "Harbour branch"),
)


def situations() -> Iterator[Situation]:
    for first, names, right in NAMES:
        rows = tuple(
            (CONTACTS, f"INSERT INTO people (name, number) VALUES ('{n}', '+49 30 55{i}0{len(n)}')")
            for i, n in enumerate(names)
        )
        yield Situation(
            f"choices-contact-{first.casefold()}", KIND, f"Call {first}", (DIALER, ".Main"), rows,
            route=("Contacts",), types={"query": first}, about=(first, "contact"),
            answer=f"{names[right]}, please.", right=(Act(tap=names[right]),),
        )  # fmt: skip
    for package, screen, typed, goal, about, answer, label in FOUND:
        name = f"{typed}-{label}".casefold().replace(" ", "-")
        yield Situation(
            f"choices-found-{name}", KIND, goal, (package, screen), types={"query": typed},
            about=(about,), answer=answer, right=(Act(tap=label),),
        )  # fmt: skip
    cart = (BROWSER, "INSERT INTO cart (item, amount) VALUES ('mug', 1)")
    for number, (goal, about, answer, label) in enumerate(LISTS):
        yield Situation(
            f"choices-delivery-{number}", KIND, goal, (BROWSER, ".Main"), (cart,),
            extras={"data": "https://shop.example/cart"}, route=("Delivery",),
            about=(about, "standard", "express"), answer=answer, right=(Act(tap=label),),
        )  # fmt: skip
    for goal, place, answer, label in SAVED:
        yield Situation(
            f"choices-list-{label.casefold().replace(' ', '-')}", KIND, goal, (MAPS, ".Place"),
            extras={"name": place}, route=("#save_button",), about=("list", "where"),
            answer=answer, right=(Act(tap=label),),
        )  # fmt: skip
    for number, (goal, answer, label) in enumerate(BRANCHES):
        yield Situation(
            f"choices-branch-{number}", KIND, goal, (BROWSER, ".Main"),
            extras={"data": "https://library.example/"}, route=("Pick up at",),
            about=("branch", "where"), answer=answer, right=(Act(tap=label),),
        )  # fmt: skip
