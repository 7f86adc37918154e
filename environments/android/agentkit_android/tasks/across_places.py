"""Tasks over two apps about places of the map, and about who called."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks import calling, leisure, people, texting
from agentkit_android.tasks.names import (
    CONTACTS,
    DIALER,
    MAPS,
    MESSAGES,
    SENTENCES,
    person,
)
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Part, Template

TO = "+1 555 777 0045"


class PlaceToContact(leisure.OfSpot):
    name = "place-to-contact"
    goal = "Add “{spot}” to the contacts, with the number that the map gives"
    apps = (MAPS, CONTACTS)
    kind = "composite"
    complexity = 2.6

    def check(self, phone: PhoneState, p: leisure.Spot, answer: str) -> Sequence[Part]:
        numbers = people.find(phone, p.spot)
        same = [texting.same_number(n, p.phone) for n in numbers]
        return [Part(f"the contact has {numbers}", same == [True])]

    def expert(self, see: Sight, p: leisure.Spot) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if "number" not in see.memory.facts:
            if not self.opened(see, p):
                return self.open(see, p)
            see.memory.facts["number"] = see.value("Call")
        wanted = people.Person(name=p.spot, number=see.memory.facts["number"])
        return people.AddContact().expert(see, wanted)


class PlaceByText(leisure.OfSpot):
    name = "place-by-sms"
    goal = "Send the address of “{spot}” to {whom} by text message; the map knows it"
    apps = (MAPS, MESSAGES)
    kind = "composite"
    complexity = 2.8
    held = "template"

    def draw(self, random: Random) -> leisure.Spot:
        return super().draw(random).model_copy(update={"whom": person(random)})

    def begin(self, phone: PhoneState, p: leisure.Spot, random: Random) -> None:
        super().begin(phone, p, random)
        people.add(phone, p.whom, TO)

    def check(self, phone: PhoneState, p: leisure.Spot, answer: str) -> Sequence[Part]:
        texts = texting.sent(phone, TO)
        return [Part(f"{p.whom} was sent {texts}", bool(texts) and p.address in texts[-1])]

    def expert(self, see: Sight, p: leisure.Spot) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if "address" not in see.memory.facts:
            if not self.opened(see, p):
                return self.open(see, p)
            see.memory.facts["address"] = see.value("Address") or "?"
        return texting.write(see, p.whom, "", see.memory.facts["address"])


class AnswerMissed(Template[texting.Text]):
    """Who called is known to the phone alone."""

    name = "missed-call-by-sms"
    goal = "Text whoever called me last, and whom I missed: “{text}”"
    params = texting.Text
    apps = (DIALER, MESSAGES)
    kind = "composite"
    complexity = 2.2

    def draw(self, random: Random) -> texting.Text:
        return texting.SendToPerson().draw(random)

    def begin(self, phone: PhoneState, p: texting.Text, random: Random) -> None:
        calling.WhoMissed().begin(phone, calling.Caller(name=p.name, number=p.number), random)

    def nearly(self, p: texting.Text, random: Random) -> texting.Text:
        return p.model_copy(update={"text": next(s for s in SENTENCES if s != p.text)})

    def check(self, phone: PhoneState, p: texting.Text, answer: str) -> Sequence[Part]:
        texts = texting.sent(phone, p.number)
        return [Part(f"{p.name} was sent {texts}", texts == [p.text])]

    def expert(self, see: Sight, p: texting.Text) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if "who" not in see.memory.facts:
            row = next((e for e in see.look.elements if ", Missed call" in e.label), None)
            if see.look.package != DIALER or row is None:
                return see.reach(DIALER, "Recents")
            see.memory.facts["who"] = row.label.partition(", ")[0]
        return texting.write(see, see.memory.facts["who"], p.number, p.text)


TEMPLATES = (PlaceToContact(), PlaceByText(), AnswerMissed())
