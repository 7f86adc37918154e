"""Phone, Calculator and Browser."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks import people
from agentkit_android.tasks.names import BROWSER, CALCULATOR, DIALER, alike, number, person
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said
from agentkit_android.tasks.texting import same_number

INCOMING, MISSED = 1, 3


class Caller(Params):
    name: str
    number: str


class OfCaller(Template[Caller]):
    """About somebody who called."""

    params = Caller
    apps = (DIALER,)

    def draw(self, random: Random) -> Caller:
        return Caller(name=person(random), number=number(random))

    def begin(self, phone: PhoneState, p: Caller, random: Random) -> None:
        other, its = alike(p.name, random), number(random)
        for name, its_number in ((p.name, p.number), (other, its)):
            people.add(phone, name, its_number)
        self.put(phone, its, INCOMING, 9)
        self.put(phone, p.number, self.kind_of_call, 4)

    kind_of_call = INCOMING

    def put(self, phone: PhoneState, number: str, kind: int, minutes: int) -> None:
        when = (phone.now() - 60 * minutes) * 1000
        phone.rows(DIALER, "INSERT INTO calls (number, date, duration, type, new) VALUES"
                   " (?, ?, 33, ?, 0)", number, when, kind)  # fmt: skip


class BlockCaller(OfCaller):
    name, goal = "call-block", "Block the number of {name}, who called a few minutes ago"
    complexity = 1.4

    def check(self, phone: PhoneState, p: Caller, answer: str) -> Sequence[Part]:
        numbers = [r[0] for r in phone.rows(DIALER, "SELECT number FROM blocked")]
        same = [same_number(n, p.number) for n in numbers]
        return [Part(f"blocked are {numbers}", same == [True])]

    def expert(self, see: Sight, p: Caller) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if see.has("Block") and (see.title == p.name or see.look.activity == ".Details"):
            return see.reach(DIALER, "Block")
        return see.reach(DIALER, p.name)


class CallBack(OfCaller):
    name, goal = "call-back", "Call {name} back"
    held = "template"

    def check(self, phone: PhoneState, p: Caller, answer: str) -> Sequence[Part]:
        now = phone.rows(DIALER, "SELECT number FROM ongoing")
        made = phone.rows(DIALER, "SELECT number FROM calls WHERE type = 2 ORDER BY _id DESC")
        called = [r[0] for r in (now or made[:1])]
        return [Part(f"called was {called}", any(same_number(n, p.number) for n in called))]

    def expert(self, see: Sight, p: Caller) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        return see.reach(DIALER, f"Call {p.name}")


class WhoMissed(OfCaller):
    name, goal = "call-who-missed", "Whose call did I miss last?"
    kind = "question"
    kind_of_call = MISSED

    def check(self, phone: PhoneState, p: Caller, answer: str) -> Sequence[Part]:
        return [Part(f"{p.name} was asked for, {answer[:40]!r} said", said(answer, p.name))]

    def expert(self, see: Sight, p: Caller) -> Action:
        row = next((e for e in see.look.elements if ", Missed call" in e.label), None)
        if see.look.package == DIALER and row is not None:
            return Answer(text=row.label.partition(", ")[0])
        return see.reach(DIALER, "Recents")


class Sum(Params):
    one: int
    other: int

    @property
    def keys(self) -> str:
        return f"{self.one}×{self.other}"


class Multiply(Template[Sum]):
    """What the calculator keeps in its history shows that it was used."""

    name, goal = (
        "calculate",
        "Multiply {one} by {other} with the calculator, and tell me the result",
    )
    params = Sum
    apps = (CALCULATOR,)
    kind = "question"
    complexity = 1.8

    def draw(self, random: Random) -> Sum:
        return Sum(one=random.randint(112, 989), other=random.randint(13, 89))

    def begin(self, phone: PhoneState, p: Sum, random: Random) -> None:
        phone.rows(CALCULATOR, "DELETE FROM history")

    def check(self, phone: PhoneState, p: Sum, answer: str) -> Sequence[Part]:
        rows = phone.rows(CALCULATOR, "SELECT expression FROM history")
        wanted, plain = str(p.one * p.other), answer.replace(",", "").replace(" ", "")
        return [
            Part(f"calculated was {rows}", bool(rows)),
            Part(f"{wanted} was asked for, {answer[:40]!r} said", said(plain, wanted)),
        ]

    def expert(self, see: Sight, p: Sum) -> Action:
        if see.look.package != CALCULATOR:
            return see.reach(CALCULATOR)
        if see.phone.rows(CALCULATOR, "SELECT expression FROM history"):
            return Answer(text=str(p.one * p.other))
        texts = [e.label.replace(",", "").replace(" ", "") for e in see.look.elements]
        typed = max((t for t in texts if t and p.keys.startswith(t)), key=len, default="")
        if typed == p.keys:
            return see.press("=") or Press(button="back")
        position = see.memory.facts.get("typed", "")
        see.memory.facts["typed"] = position + p.keys[len(position) : len(position) + 1]
        if position == p.keys:
            return see.press("=") or Press(button="back")
        return see.press(p.keys[len(position)]) or Press(button="back")


class Page(Params):
    title: str
    url: str


PAGES = {
    "Weather": "https://weather.example/", "Trains": "https://trains.example/",
    "Town library": "https://library.example/", "The Harbour Post": "",
}  # fmt: skip


class Bookmark(Template[Page]):
    name, goal = (
        "page-bookmark",
        "Bookmark “{title}”, which the browser’s start page has",
    )
    params = Page
    apps = (BROWSER,)
    complexity = 1.4

    def draw(self, random: Random) -> Page:
        title = random.choice(list(PAGES))
        return Page(title=title, url=PAGES[title])

    def begin(self, phone: PhoneState, p: Page, random: Random) -> None:
        phone.rows(BROWSER, "DELETE FROM bookmarks")

    def check(self, phone: PhoneState, p: Page, answer: str) -> Sequence[Part]:
        rows = phone.rows(BROWSER, "SELECT title, url FROM bookmarks")
        right = [p.title in title for title, _ in rows]
        return [Part(f"the bookmarks are {rows}", right == [True])]

    def expert(self, see: Sight, p: Page) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if see.has("Add bookmark"):
            return see.reach(BROWSER, "Add bookmark")
        if see.look.package == BROWSER and see.find(p.title, role="list"):
            return see.reach(BROWSER, "More options")
        return see.reach(BROWSER, "Home", p.title)


TEMPLATES = (BlockCaller(), CallBack(), WhoMissed(), Multiply(), Bookmark())
