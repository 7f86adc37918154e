"""Something has to be typed that nobody has said."""

from __future__ import annotations

from collections.abc import Iterator

from agentkit_android.people.situations.situation import Act, Kind, Situation

KIND: Kind = "Information missing"
CONTACTS, CALENDAR = "com.android.contacts", "com.android.calendar"
EXPENSES, TODO = "com.example.expenses", "com.example.tasks"
MESSAGES, BROWSER = "com.android.messages", "com.android.browser"
PEOPLE = (
    ("Nadia Rao", "number", "number", "0151 2233"), ("Ivo Berg", "number", "phone", "0172 8899"),
    ("Paula Sato", "email", "e mail", "paula@example.org"),
    ("Marek Han", "email", "email", "m.han@example.org"),
    ("Hana Costa", "number", "number", "+49 30 7712"),
)  # fmt: skip
EVENTS = (
    ("Dentist", "location", "where", "Garden Street 2"), ("Parents’ evening", "location", "where",
     "North School"), ("Chess club", "location", "place", "Café Linde"),
    ("Board games", "location", "where", "At Jun’s"),
)  # fmt: skip
SPENT = (("Taxi", "14.50"), ("Haircut", "32.00"), ("Book", "18.90"), ("Parking", "6.00"))
TEXTS = (
    ("+1 555 010 0108", "Tell Grace when I will be there", "when", "At a quarter past six"),
    ("+1 555 010 0111", "Send Jun my new address", "address", "Elm Street 12, second floor"),
    ("+1 555 010 0114", "Write Mei the code of the door", "code", "4411"),
    ("+1 555 010 0102", "Answer Ben whether I come on Thursday", "thursday", "Yes, I will come"),
)
FORMS = (
    ("https://library.example/", "field_1_card", "Reserve the book Tides at the library", "card",
     "40312"),
    ("https://library.example/", "field_1_title", "Reserve a book for me at the library", "title",
     "The Quiet Sea"),
    ("https://shop.example/cart", "field_2_name", "Order the spoon for my sister", "name",
     "Lena Berg"),
)  # fmt: skip
THINGS = (("Call back the landlord", "number", "0331 555"), ("Buy the present", "what", "A kite"))


def situations() -> Iterator[Situation]:
    for name, field, about, value in PEOPLE:
        yield Situation(
            f"missing-contact-{name.casefold().replace(' ', '-')}", KIND,
            f"Add {name} to my contacts, with the {'number' if field == 'number' else 'e-mail'}",
            (CONTACTS, ".Edit"), types={"name": name}, focus=field, about=(about, "number", "mail"),
            answer=f"It is {value}.", right=(Act(text=value),),
        )  # fmt: skip
    for title, field, about, value in EVENTS:
        yield Situation(
            f"missing-event-{title.casefold().replace(' ', '-')}", KIND,
            f"Put “{title}” into the calendar, with the place", (CALENDAR, ".Edit"),
            types={"title": title}, focus=field, about=(about, "where", "place", "location"),
            answer=f"{value}.", right=(Act(text=value),),
        )  # fmt: skip
    for what, amount in SPENT:
        yield Situation(
            f"missing-amount-{what.casefold()}", KIND,
            f"Note what I paid for the {what.casefold()}",
            (EXPENSES, ".Edit"), types={"name": what}, focus="amount",
            about=("amount", "how much", "pay", "paid", "cost"), answer=f"It was {amount}.",
            right=(Act(text=amount),),
        )  # fmt: skip
    for number, goal, about, text in TEXTS:
        yield Situation(
            f"missing-text-{about}", KIND, goal, (MESSAGES, ".Thread"), extras={"number": number},
            focus="body", about=(about,), answer=f"{text}.", right=(Act(text=text),),
        )  # fmt: skip
    cart = (BROWSER, "INSERT INTO cart (item, amount) VALUES ('spoon', 1)")
    for url, field, goal, about, value in FORMS:
        yield Situation(
            f"missing-form-{field.rpartition('_')[2]}", KIND, goal, (BROWSER, ".Main"), (cart,),
            extras={"data": url}, route=(f"#{field}",), about=(about,),
            answer=f"{value}.", right=(Act(text=value),),
        )  # fmt: skip
    for title, about, value in THINGS:
        yield Situation(
            f"missing-task-{about}", KIND,
            f"Make a task “{title}”, with {'the number' if about == 'number' else 'what it is'} in "
            "its notes", (TODO, ".Edit"), types={"title": title}, focus="notes", about=(about,),
            answer=f"{value}.", right=(Act(text=value),),
        )  # fmt: skip
