"""How somebody speaks to others: the words, the person, the way."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish, Press
from agentkit_android.people.habit import Habit, Personal, enter
from agentkit_android.tasks import people, texting
from agentkit_android.tasks.names import CONTACTS, MESSAGES, number, person
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Part

DIALER = "com.android.dialer"
NEWS = (
    "the meeting is moved to Friday", "I have found the key", "the parcel is here",
    "dinner is at eight", "I will bring the drill on Monday", "the heating works again",
)  # fmt: skip


class Tell(Personal):
    name: str
    number: str
    text: str


class ToSomebody(Habit[Tell]):
    params = Tell

    def drawn(self, user: str, random: Random) -> Tell:
        return Tell(user=user, name=person(random), number=number(random), text=random.choice(NEWS))

    def begin(self, phone: PhoneState, p: Tell, random: Random) -> None:
        people.add(phone, p.name, p.number)


class Wording(ToSomebody):
    """With the greeting and the sign-off that are this person's own."""

    name = "personal-wording"
    goal = "Write to {name} that {text}"
    prefers = "sign"
    apps = (MESSAGES, CONTACTS)

    def body(self, p: Tell) -> str:
        first = p.name.partition(" ")[0]
        return f"{p.person.greeting} {first}, {p.text}. {p.person.sign}"

    def check(self, phone: PhoneState, p: Tell, answer: str) -> Sequence[Part]:
        sent = texting.sent(phone, p.number)
        last = sent[-1] if sent else ""
        return [
            Part(f"{len(sent)} messages were sent", len(sent) == 1),
            Part(f"it begins with {p.person.greeting!r}", last.startswith(f"{p.person.greeting} ")),
            Part(f"it says that {p.text}", p.text.casefold() in last.casefold()),
            Part(f"it ends in {p.person.sign!r}", last.rstrip().endswith(p.person.sign)),
        ]

    def expert(self, see: Sight, p: Tell) -> Action:
        if texting.sent(see.phone, p.number):
            return Finish()
        return texting.write(see, p.name, p.number, self.body(p))


class WhichAlex(ToSomebody):
    """Three contacts are called so, and only one is meant."""

    name = "personal-which-alex"
    goal = "Text Alex that {text}"
    prefers = "alex"
    apps = (MESSAGES, CONTACTS)

    def numbers(self, p: Tell) -> dict[str, str]:
        names = ("Alex Berg", "Alex Costa", "Alex Rao")
        return {name: f"{p.number[:-1]}{n}" for n, name in enumerate(names, 1)}

    def begin(self, phone: PhoneState, p: Tell, random: Random) -> None:
        for name, its in self.numbers(p).items():
            people.add(phone, name, its)

    def check(self, phone: PhoneState, p: Tell, answer: str) -> Sequence[Part]:
        sent = {name: texting.sent(phone, its) for name, its in self.numbers(p).items()}
        mine = sent.pop(p.person.alex)
        return [
            Part(f"{p.person.alex} was sent {mine}",
                 len(mine) == 1 and p.text.casefold() in mine[0].casefold()),
            Part(f"others were sent {sent}", bool(mine) and not any(sent.values())),
        ]  # fmt: skip

    def expert(self, see: Sight, p: Tell) -> Action:
        name = p.person.alex
        if texting.sent(see.phone, self.numbers(p)[name]):
            return Finish()
        text = p.text[0].upper() + p.text[1:]
        return texting.write(see, name, self.numbers(p)[name], text)


class CallOrText(ToSomebody):
    """Some call, and some write."""

    name = "personal-call-or-text"
    goal = "Let {name} know that I am on my way"
    prefers = "reach"
    apps = (DIALER, MESSAGES, CONTACTS)

    def called(self, phone: PhoneState, p: Tell) -> int:
        query = "SELECT number FROM calls WHERE type = 2 UNION ALL SELECT number FROM ongoing"
        return sum(texting.same_number(n, p.number) for (n,) in phone.rows(DIALER, query))

    def check(self, phone: PhoneState, p: Tell, answer: str) -> Sequence[Part]:
        ways = {"call": self.called(phone, p), "text": len(texting.sent(phone, p.number))}
        mine, other = ways.pop(p.person.reach), sum(ways.values())
        return [
            Part(f"they were reached {mine} times as wished", mine == 1),
            Part(f"and {other} times otherwise", mine == 1 and not other),
        ]

    def expert(self, see: Sight, p: Tell) -> Action:
        if p.person.reach == "text":
            if texting.sent(see.phone, p.number):
                return Finish()
            return texting.write(see, p.name, p.number, "I am on my way")
        if self.called(see.phone, p):
            return Finish()
        if see.look.package == DIALER and (step := self.search(see, p)):
            return step
        return see.reach(DIALER, "Contacts", p.name)

    def search(self, see: Sight, p: Tell) -> Action | None:
        if see.field("query") is None:
            return see.press("Contacts") or Press(button="back")
        tab = see.find("Contacts")
        if tab is not None and not tab.selected:
            return see.tap(tab)
        return enter(see, "query", p.name, "Search contacts and calls")


TEMPLATES = (Wording(), WhichAlex(), CallOrText())
