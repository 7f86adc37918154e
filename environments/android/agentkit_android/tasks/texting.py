"""Messages: sending, answering, deleting, and what was written."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer, Finish, Press
from agentkit_android.tasks import people
from agentkit_android.tasks.names import CONTACTS, MESSAGES, SENTENCES, alike, number, person
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template, said

RECEIVED, SENT, FAILED = 1, 2, 5


class Text(Params):
    name: str
    number: str
    text: str


def put(
    phone: PhoneState, number: str, text: str, kind: int, minutes: int, *, read: bool = True
) -> None:
    """A message of some minutes ago."""
    when = (phone.now() - 60 * minutes) * 1000
    phone.rows(
        MESSAGES, "INSERT INTO sms (address, body, date, type, read) VALUES (?, ?, ?, ?, ?)",
        number, text, when, kind, int(read),
    )  # fmt: skip


def sent(phone: PhoneState, number: str) -> list[str]:
    """What was sent to a number, however it was written."""
    rows = phone.rows(MESSAGES, "SELECT address, body FROM sms WHERE type = 2 ORDER BY _id")
    return [body for to, body in rows if same_number(to, number)]


def same_number(one: str, other: str) -> bool:
    digits = ["".join(c for c in n if c.isdigit()) for n in (one, other)]
    return digits[0] == digits[1]


def write(see: Sight, name: str, number: str, text: str) -> Action:
    """The next step to send a text to somebody, by a new conversation."""
    if see.look.activity == ".Thread" and see.title in (name, number):
        return see.form("Send SMS", body=text)
    if see.look.activity == ".New":
        wanted = name or number
        box = see.field("to")
        if box is not None and (step := see.fill(box, wanted)) is not None:
            return step
        row = name or f"Send to {number}"
        return see.reach(MESSAGES, row)
    return see.reach(MESSAGES, "Start chat")


class OneText(Template[Text]):
    """About one message; others stand beside it."""

    params = Text
    apps: ClassVar[Sequence[str]] = (MESSAGES,)
    complexity = 1.6

    def draw(self, random: Random) -> Text:
        return Text(name=person(random), number=number(random), text=random.choice(SENTENCES))

    def people(self, phone: PhoneState, p: Text, random: Random) -> None:
        """The contact, and one of nearly the same name, who wrote too."""
        other, its = alike(p.name, random), number(random)
        people.add(phone, p.name, p.number)
        people.add(phone, other, its)
        put(phone, its, random.choice([s for s in SENTENCES if s != p.text]), RECEIVED, 300)

    def gone_to(self, phone: PhoneState, p: Text) -> Sequence[Part]:
        """The text was sent to the number, once, and to nobody else."""
        texts = sent(phone, p.number)
        others = phone.one(MESSAGES, "SELECT count(*) FROM sms WHERE type = 2 AND body = ?", p.text)
        return [
            Part(f"sent to {p.number}: {texts}", texts[-1:] == [p.text]),
            Part(f"the text was sent {others} times", others == "1"),
        ]

    def done(self, see: Sight, p: Text) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))


class SendToNumber(OneText):
    name, goal = "sms-number", "Send the text “{text}” to {number}"
    complexity = 1.4

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        put(phone, number(random), random.choice(SENTENCES), RECEIVED, 90)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return self.gone_to(phone, p)

    def expert(self, see: Sight, p: Text) -> Action:
        return Finish() if self.done(see, p) else write(see, "", p.number, p.text)


class SendToPerson(OneText):
    name, goal = "sms-person", "Text {name}: “{text}”"
    apps = (MESSAGES, CONTACTS)

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return self.gone_to(phone, p)

    def expert(self, see: Sight, p: Text) -> Action:
        return Finish() if self.done(see, p) else write(see, p.name, p.number, p.text)


class Reply(OneText):
    """The newest of the conversations, whoever it is with."""

    name, goal = "sms-reply", "Answer the last message that came in with “{text}”"

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)
        put(phone, p.number, "Are you coming?", RECEIVED, 1, read=False)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return self.gone_to(phone, p)

    def nearly(self, p: Text, random: Random) -> Text:
        return p.model_copy(update={"text": next(s for s in SENTENCES if s != p.text)})

    def expert(self, see: Sight, p: Text) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity == ".Thread" and see.title == p.name:
            return see.form("Send SMS", body=p.text)
        return see.reach(MESSAGES, p.name)


class Resend(OneText):
    name, goal = "sms-resend", "The message to {name} was not sent. Send it again."
    complexity = 1.2

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)
        put(phone, p.number, p.text, FAILED, 7)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return self.gone_to(phone, p)

    def expert(self, see: Sight, p: Text) -> Action:
        if self.done(see, p):
            return Finish()
        if see.look.activity == ".Thread" and see.title == p.name:
            return see.reach(MESSAGES, p.text)
        return see.reach(MESSAGES, p.name)


class Forward(OneText):
    """What one wrote goes to another."""

    name, goal = "sms-forward", "Forward the message with “{text}” to {name}"
    complexity = 1.8
    held = "template"

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)
        put(phone, number(random), p.text, RECEIVED, 3)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return self.gone_to(phone, p)

    def expert(self, see: Sight, p: Text) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Forward"):
            return see.reach(MESSAGES, "Forward")
        if see.look.activity == ".Thread" and see.title == p.name:
            return see.form("Send SMS", body=p.text)
        if see.look.activity == ".New":
            return write(see, p.name, p.number, p.text)
        if see.look.activity == ".Thread" and (row := see.find(p.text)) is not None:
            return see.hold(row)
        row = see.find(p.text, whole=False)
        return see.tap(row) if row and row.role == "row" else see.reach(MESSAGES, p.text)


class DeleteThread(OneText):
    name, goal = "sms-delete-thread", "Delete the conversation with {name}"
    complexity = 1.2

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)
        put(phone, p.number, p.text, RECEIVED, 50)
        put(phone, p.number, "Fine.", SENT, 40)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        rows = [a for (a,) in phone.rows(MESSAGES, "SELECT address FROM sms")]
        left = sum(same_number(a, p.number) for a in rows)
        return [
            Part(f"{left} of its messages are left", not left),
            Part("the other conversations are there", not left and len(rows) >= 9),
        ]

    def expert(self, see: Sight, p: Text) -> Action:
        if self.done(see, p):
            return Finish()
        if see.has("Delete conversation?"):
            return see.reach(MESSAGES, "Delete")
        if see.look.activity == ".Thread" and see.title == p.name:
            return see.reach(MESSAGES, "Delete conversation")
        return see.reach(MESSAGES, p.name)


class Nobody(Params):
    seed: int


class ReadAll(Template[Nobody]):
    """By the menu of the list, not one by one."""

    name, goal = "sms-read-all", "Mark all messages as read"
    params = Nobody
    apps = (MESSAGES,)

    def draw(self, random: Random) -> Nobody:
        return Nobody(seed=random.randrange(1000))

    def shown(self, p: Nobody) -> dict[str, object]:
        return {}

    def begin(self, phone: PhoneState, p: Nobody, random: Random) -> None:
        for minutes in range(2, 2 + random.randint(2, 5)):
            put(phone, number(random), random.choice(SENTENCES), RECEIVED, minutes, read=False)

    def check(self, phone: PhoneState, p: Nobody, answer: str) -> Sequence[Part]:
        left = phone.one(MESSAGES, "SELECT count(*) FROM sms WHERE read = 0")
        count = phone.one(MESSAGES, "SELECT count(*) FROM sms")
        return [Part(f"{left} of {count} are unread", left == "0" and int(count) > 9)]

    def spoil(self, phone: PhoneState, p: Nobody) -> bool:
        phone.rows(MESSAGES, "UPDATE sms SET read = 0 WHERE _id = 1")
        return True

    def expert(self, see: Sight, p: Nobody) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        return see.reach(MESSAGES, "More options", "Mark all as read")


class WhatWritten(OneText):
    name, goal = "sms-what-written", "What did {name} write last?"
    kind = "question"
    complexity = 1.2

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)
        other = random.choice([s for s in SENTENCES if s != p.text])
        put(phone, p.number, other, RECEIVED, 130)
        put(phone, p.number, p.text, RECEIVED, 30)
        put(phone, p.number, "OK", SENT, 20)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return [Part(f"{p.text!r} was asked for, {answer[:60]!r} said", said(answer, p.text))]

    def expert(self, see: Sight, p: Text) -> Action:
        if see.look.activity == ".Thread" and see.title == p.name:
            bubbles = [e for e in see.look.elements if e.long_clickable and not e.editable]
            theirs = [e.label for e in bubbles if e.bounds[0] < see.look.size[0] // 10]
            return Answer(text=theirs[-1]) if theirs else Press(button="back")
        return see.reach(MESSAGES, p.name)


class WhoUnread(OneText):
    name, goal = "sms-who-unread", "Who sent me the message that I have not read yet?"
    kind = "question"
    held = "template"

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        self.people(phone, p, random)
        phone.rows(MESSAGES, "UPDATE sms SET read = 1")
        put(phone, p.number, p.text, RECEIVED, 200, read=False)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return [Part(f"{p.name!r} was asked for, {answer[:60]!r} said", said(answer, p.name))]

    def expert(self, see: Sight, p: Text) -> Action:
        row = next((e for e in see.look.elements if e.label.endswith(", Unread")), None)
        if see.look.package == MESSAGES and row is not None:
            return Answer(text=row.label.partition(", ")[0])
        return see.reach(MESSAGES)


class WhatCode(OneText):
    """The text is the code here; one of an older message is not meant."""

    name, goal = "sms-code", "Which code did the bank send me today?"
    kind = "question"

    def draw(self, random: Random) -> Text:
        made = super().draw(random)
        return made.model_copy(update={"text": str(random.randrange(100_000, 999_999))})

    def begin(self, phone: PhoneState, p: Text, random: Random) -> None:
        old = random.randrange(100_000, 999_999)
        put(phone, "BANK", f"Your code is {old}. Never tell it to anyone.", RECEIVED, 3000)
        put(phone, "BANK", f"Your code is {p.text}. Never tell it to anyone.", RECEIVED, 6)

    def check(self, phone: PhoneState, p: Text, answer: str) -> Sequence[Part]:
        return [Part(f"{p.text} was asked for, {answer[:40]!r} said", said(answer, p.text))]

    def expert(self, see: Sight, p: Text) -> Action:
        row = see.find("Your code is ", whole=False)
        if see.look.package == MESSAGES and row is not None:
            return Answer(text=row.label.partition("Your code is ")[2].partition(".")[0])
        return see.reach(MESSAGES, "BANK")


TEMPLATES = (
    SendToNumber(), SendToPerson(), Reply(), Resend(), Forward(), DeleteThread(), ReadAll(),
    WhatWritten(), WhoUnread(), WhatCode(),
)  # fmt: skip
