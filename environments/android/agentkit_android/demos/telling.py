"""The goal of a walk, written afterwards from what was touched.

This is reverse task synthesis: first the moves, then the goal that they fulfil (OS-Genesis; Sun et
al., arXiv 2412.19723; NNetNav; Murty et al., arXiv 2410.02907). There a large model writes the
goals; here rules do, in many forms, from the labels, the texts and the states that the screens
showed (`exploring.toml`). Nothing is taken from the task templates, the held-out ones least of all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

from agentkit_android.demos.made_up import table
from agentkit_android.demos.seeing import SAVES, first, is_menu, selecting
from agentkit_android.demos.walking import Move, Walk

LONGEST = 9  # words of a name
NO_VERBS = ("I", "It", "There", "The", "No", "My", "For", "With", "Into", "Its", "In")


@dataclass(slots=True)
class Facts:
    """What a walk came to.

    things: names of rows that were touched, in order. pages: tabs and rows that lead to pages.
    presses: labels of icons, menu rows and buttons. written: (field, text). chosen: (row, option).
    turned: (label, whether it is on, its thing).
    """

    things: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    presses: list[str] = field(default_factory=list)
    written: list[tuple[str, str]] = field(default_factory=list)
    chosen: list[tuple[str, str]] = field(default_factory=list)
    turned: list[tuple[str, bool]] = field(default_factory=list)
    noun: str = ""  # what the things are, as a label says that makes a new one
    taken: int = 0  # how many things there were when something was first pressed
    sent: bool = False


class Untold(ValueError):
    """There are no words for this walk, or they would be of other walks as well."""


def facts(walk: Walk, fixed: bool) -> Facts:
    """fixed: whether the app's rows are its pages, the same on every phone.

    Raises:
        Untold: a row's name is that of others on the screen.
    """
    found = Facts(noun=_new(walk))
    row = ""  # that opened a dialog
    for move in walk.moves:
        name = first(move.label)
        if move.kind in ("go", "hold", "tab"):
            if sum(first(e.label) == name for e in move.look.elements if e.role == "row") > 1:
                raise Untold(name)
            parts = move.label.split(", ")
            row = parts[-1] if len(parts) == 2 and _asks(move) else name
            if move.kind == "tab" or fixed:
                found.pages.append(name)
            elif move.kind == "hold" or not _asks(move):
                found.things.append(name)
        elif move.kind == "press":
            if move.label in SAVES or (found.presses and _again(found.presses[-1], move.label)):
                found.sent |= move.label.startswith("Send")
                continue
            if (about := _about(move)) and move is not walk.moves[-1]:
                found.things.append(about)  # it opened what can be done with that
                continue
            found.taken = found.taken or len(found.things)
            found.presses.append(move.label)
            row = move.label if is_menu(move.look) else row
        elif move.kind == "write":
            if _field(move, "").casefold() == "minute" and found.written:  # a time, said as one
                found.written[-1] = (row, f"{found.written[-1][1]}:{move.text}")
            else:
                found.written.append((_field(move, row), move.text))
        elif move.kind == "choose":
            found.chosen.append((row, name))
        elif move.kind == "turn" and move.element is not None:
            found.turned.append((move.label, not move.element.checked))
    if any(len(t.split()) > LONGEST or not t for t in (*found.things, *found.pages)):
        raise Untold("a name is too long")
    return found


def _new(walk: Walk) -> str:
    """What an app makes, and so what its rows are: `alarm`, where a page says `Add alarm`."""
    for move in walk.moves:
        labels = [e.label.split() for e in move.after.elements if e.role == "icon"]
        nouns = [w[1] for w in labels if len(w) == 2 and w[0] in ("New", "Add", "Create")]
        if nouns:
            return nouns[-1].casefold()
    return ""


def _about(move: Move) -> str:
    """The row that an icon is about: `More about Attic`."""
    names = [first(e.label) for e in move.look.elements if e.role in ("row", "text")]
    return max((n for n in names if n and move.label.endswith(f" {n}")), key=len, default="")


def _field(move: Move, row: str) -> str:
    """What a field is called: what it says while it is empty, unless that is an example."""
    resource = move.element.resource.replace("_", " ") if move.element else ""
    if any(c.isdigit() for c in move.name):
        return resource
    alone = sum(e.editable for e in move.look.elements) == 1
    return (
        row if alone and row and any(e.label == "Cancel" for e in move.look.elements) else move.name
    )


def _asks(move: Move) -> bool:
    """Whether a row opened a choice or a dialog: it names a setting then."""
    return any(e.role == "radio" or e.label == "Cancel" for e in move.after.elements)


def _again(label: str, other: str) -> bool:
    """A button that says once more what was pressed before: `Delete` after `Delete event`."""
    return other.casefold() in label.casefold() or other in ("Yes", "Clear data")


# -- words ----------------------------------------------------------------------------------------


class Teller:
    """Args:
    random: which forms and words are taken. app: what the app is called.
    """

    def __init__(self, random: Random, app: str) -> None:
        self._random, self._app = random, app
        self._placed = False  # whether the goal says already where it is
        self._kind = ""  # what the things are

    def goal(self, walk: Walk, found: Facts) -> str:
        """What was done.

        Raises:
            Untold: there are no words for it.
        """
        self.about(found)
        return self._done(walk, found)

    def about(self, found: Facts) -> None:
        """Tells what the things are that are spoken of next."""
        self._kind = found.noun

    def _done(self, walk: Walk, found: Facts) -> str:
        label = found.presses[-1] if found.presses else ""
        thing = found.things[-1] if found.things else ""
        if found.sent and len(found.written) == 1:
            return self._form("send", value=self.quote(found.written[0][1]),
                              name=self.plain(found.written[0][0]), to=self._to(thing))  # fmt: skip
        if found.written:
            return self._written(found, label, thing)
        if found.chosen:
            row, option = found.chosen[-1]
            if not row:
                raise Untold(option)
            return self._form("choice", row=self.plain(row), option=self.name(option),
                              of=self.of(thing))  # fmt: skip
        if found.turned:
            told = []
            for what, on in found.turned[-2:]:
                of = "" if what == thing else self.of(thing)
                told.append(self._form("on" if on else "off", label=self.plain(what), of=of))
            return told[0] if len(told) == 1 else self.both(*told)
        if walk.end == "there" or not label:
            return self._there(walk, found, label, thing)
        return self._pressed(found, label, thing)

    def _there(self, walk: Walk, found: Facts, label: str, thing: str) -> str:
        if selecting(walk.last) or is_menu(walk.last):
            raise Untold("nothing was done yet")
        if walk.moves[-1].kind == "press":
            return self._pressed(found, label, thing)
        what = first(walk.moves[-1].label)
        if not what or walk.moves[-1].kind not in ("go", "tab"):
            raise Untold("nothing to be seen")
        return self._form(
            "there", what=self.plain(what) if what in found.pages else self.item(what)
        )

    def _pressed(self, found: Facts, label: str, thing: str) -> str:
        """An icon, a menu's row or a button; with a thing, where one was touched before."""
        verb, rest = self._verb(label)
        embedded = next((t for t in found.things if t in rest), "")
        if not thing or embedded:
            return self._form("bare", verb=verb, rest=rest, label=self._label(label))
        if label.endswith(" here"):
            return self._taken(found, label)
        if label.split()[0].casefold() in ("delete", "remove") and self._random.random() < 0.2:
            return self._form("gone", thing=self.name(thing), noun=self._noun(label))
        for word in ("to", "from", "as", "in"):
            if f" {word} " in f" {rest} ":
                return self._form("do", verb=verb, noun=self._noun(""), thing=self.name(thing),
                                  rest=rest, label=self._label(label))  # fmt: skip
        return self._form("do", verb=verb, noun=self._noun(label), thing=self.name(thing), rest="",
                          label=self._label(label))  # fmt: skip

    def _taken(self, found: Facts, label: str) -> str:
        """From one place to another: what was chosen first, and where the walk went then."""
        if not 0 < found.taken < len(found.things):
            raise Untold("it stayed where it was")
        *places, thing = found.things[: found.taken]
        verb, _ = self._verb(label.removesuffix(" here"))
        return self._form("take", verb=verb, noun=self._noun(""), thing=self.name(thing),
                          to=self.name(found.things[-1]),
                          out=f" from {self.name(places[-1])}" if places else "")  # fmt: skip

    def _written(self, found: Facts, label: str, thing: str) -> str:
        (name, value), *more = found.written
        others = "".join(self._more(n, self.quote(v)) for n, v in more)
        others += "".join(self._more(row, self.name(option)) for row, option in found.chosen)
        for what, on in found.turned:
            others += f", {self.plain(what)} {'on' if on else 'off'}"
        start, _, rest = label.partition(" ")
        if start.casefold() in ("new", "add", "create", "start") and rest:
            noun = rest.casefold()
            self._placed = True
            what = self._random.choice(("", "", "new ")) + noun
            what = f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
            return self._form("make", verb=self._other(start), what=what, value=self.quote(value),
                              more=others, name=self.plain(name), plural=plural(noun))  # fmt: skip
        if thing and len(found.written) == 1 and "name" in f"{name} {label}".casefold():
            verb = self._other(start) if start else "rename"
            return self._form("named", verb=verb, noun=self._noun(""), thing=self.name(thing),
                              value=self.quote(value))  # fmt: skip
        if not name:
            raise Untold(value)
        told = self._form(
            "write", value=self.quote(value), name=self.plain(name), to=self.of(thing)
        )
        return told + others

    def _more(self, name: str, value: str) -> str:
        form = str(self._random.choice(table()["forms"]["more"]))
        bare = self.plain(name).removeprefix("the ")
        return form.replace("{name}", bare).replace("{value}", value)

    # Parts of a sentence.

    def _form(self, kind: str, **words: str) -> str:
        """One of the forms of that kind, filled in. A brace with a capital starts with one."""
        form = self._random.choice(table()["forms"][kind])
        return fill(form, words)

    def _verb(self, label: str) -> tuple[str, str]:
        """(a verb like a label's, what comes behind it with a space)."""
        start, _, rest = label.partition(" ")
        return self._other(start), f" {rest}" if rest else ""

    def _other(self, verb: str) -> str:
        verb = verb.casefold()
        others = table()["verbs"].get(verb, [])
        if others and self._random.random() < (0.9 if verb == "new" else 0.5):
            return str(self._random.choice(others))
        return "make" if verb == "new" else verb

    def _label(self, label: str) -> str:
        return f"“{label}”" if self._random.random() < 0.4 else self._low(label)

    def _low(self, text: str) -> str:
        """Its first word small, as in a sentence, unless it is a name by the look of it."""
        start, _, rest = text.partition(" ")
        small = start[:1].isupper() and start[1:].islower() and rest == rest.casefold()
        return f"{start.casefold() if small else start} {rest}".strip()

    def plain(self, label: str) -> str:
        """What a part of the screen is called, as people say it."""
        drawn = self._random.random()
        made = label.removeprefix("Use ") if drawn < 0.8 else label
        if drawn < 0.1:
            return f"“{label}”"
        made = self._low(made) if drawn < 0.7 else made
        return f"the {made}" if self._random.random() < 0.45 else made

    def name(self, thing: str) -> str:
        return f"“{thing}”" if self._random.random() < 0.6 or not thing[:1].isalnum() else thing

    def item(self, thing: str) -> str:
        """A thing by its name, mostly with what it is."""
        name = self.name(thing)
        if not self._kind or self._random.random() < 0.4:
            return name
        self._placed = True
        of = self._random.choice(("", "", "at ", "called ")) if thing[:1].isdigit() else ""
        return f"{self._random.choice(('the', 'the', 'my'))} {self._kind} {of}{name}"

    def quote(self, text: str) -> str:
        bare = text[:1].isupper() or text[:1] in "+0123456789" or "@" in text
        return text if bare and self._random.random() < 0.5 else f"“{text}”"

    def of(self, thing: str) -> str:
        if not thing:
            return ""
        return f" {self._random.choice(('of', 'for', 'of', 'in', 'with'))} {self.item(thing)}"

    def _to(self, thing: str) -> str:
        return f" {self._random.choice(('to', 'to', 'for'))} {self.item(thing)}" if thing else ""

    def _noun(self, label: str) -> str:
        """What a thing is: as the label says, `Delete event`, or as the app is called."""
        rest = label.partition(" ")[2].casefold()
        noun = rest if rest and " " not in rest else self._kind or singular(self._app).casefold()
        if self._random.random() < 0.35:
            return ""
        self._placed = True
        return f"the {noun} "

    def both(self, one: str, other: str) -> str:
        forms = table()["forms"]["both"]
        if one.partition(" ")[0] in NO_VERBS:
            forms = [f for f in forms if f.startswith("{one}")]
        form = self._random.choice(forms).replace("First {one}", f"First {lowered(one)}")
        return fill(form, {"one": one, "other": lowered(other)})

    def placed(self, goal: str, found: Facts, *, always: bool = False) -> str:
        """With the app, and now and then the page, that it is in.

        Args:
            always: the app, whatever else the goal says.
        """
        goal = self._by_way_of([t for t in found.things if t not in goal], goal)
        drawn = 0.0 if always else self._random.random()
        page = found.pages[-1] if found.pages and not goal.endswith("?") else ""
        if page and not self._placed and 0 < drawn < 0.25 and page not in goal:
            where = self._random.choice(("in", "under", "on the page"))
            return f"{goal} {where} {self.plain(page)}"
        if self._app in goal and not always:
            return goal
        if drawn < (0.3 if self._placed else 0.2 if found.pages else 0.85):
            forms = table()["forms"]["inside"]
            if goal.endswith("?"):  # nothing comes behind it
                forms = [f for f in forms if f.endswith(("}, {low}", ": {low}", ". {goal}"))]
            elif goal.partition(" ")[0] in NO_VERBS or not goal[0].isalpha():
                forms = [f for f in forms if not re.search(r"(and|to) \{low\}", f)]
            form = str(self._random.choice(forms))
            app = {"App": self._app, "app": self._app.casefold()}
            made = form.replace("{App}", app["App"]).replace("{app}", app["app"])
            return made.replace("{goal}", goal).replace("{low}", lowered(goal))
        return goal

    def _by_way_of(self, things: list[str], goal: str) -> str:
        """With what was gone through before, so that the goal says the way."""
        if not things:
            return goal
        forms = table()["forms"]["way"]
        if goal.endswith("?") or goal.partition(" ")[0] in NO_VERBS:
            forms = [f for f in forms if f.endswith(("}, {low}", ": {low}"))]
        way = self._random.choice((", ", " and ", ", then ")).join(self.name(t) for t in things)
        form = self._random.choice(forms)
        return fill(form, {"way": way, "goal": goal, "low": lowered(goal)})


def fill(form: str, words: dict[str, str]) -> str:
    for key, value in words.items():
        capital = value[:1].upper() + value[1:]
        form = form.replace(f"{{{key}}}", value).replace(f"{{{key.capitalize()}}}", capital)
    made = re.sub(r"\b(No|the) the\b", r"\1", " ".join(form.split()))
    return made[:1].upper() + made[1:]


def lowered(goal: str) -> str:
    start = goal.partition(" ")[0]
    plain = start[:1].isupper() and start[1:].islower() and start.isalpha()
    return goal[:1].casefold() + goal[1:] if plain else goal


def plural(noun: str) -> str:
    return noun[:-1] + "ies" if noun[-1:] == "y" and noun[-2:-1] not in "aeiou" else f"{noun}s"


def singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
