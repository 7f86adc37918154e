"""Walks by chance through an app: what a hand could do there, without a goal.

A walk goes forward from an app's first page, fills what it comes upon, and ends where something
was done: a switch was turned, a choice made, a form saved; or on a page. What it does is drawn from
what the screen offers and nothing else; no task, no expert and no wording is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from agentkit.capabilities import Action
from agentkit_android.client import actions as act
from agentkit_android.client.driver import Driver, Look, look_again
from agentkit_android.client.errors import CommandFailed, DeviceError
from agentkit_android.client.transport import run
from agentkit_android.client.tree import Element
from agentkit_android.demos.made_up import text_for
from agentkit_android.demos.seeing import (
    UP,
    alike,
    does,
    fields,
    first,
    is_dialog,
    is_menu,
    saves,
    selecting,
    sent,
    tap,
    turns,
)

Kind = Literal[
    "open", "go", "tab", "hold", "press", "turn", "choose", "focus", "clear", "write", "scroll",
    "stray", "back",
]  # fmt: skip
End = Literal["done", "there"]
MOST = 14  # moves of a walk


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a walk.

    Attributes:
        kind: "stray" is a wrong one, which the next mends.
        look, after: the screen before it and behind it.
        element: what was touched.
        name: what a field is called that was written into. text: what was written.
    """

    kind: Kind
    look: Look
    action: Action
    after: Look
    element: Element | None = None
    name: str = ""
    text: str = ""

    @property
    def label(self) -> str:
        return self.element.label if self.element else ""


@dataclass(frozen=True, slots=True)
class Walk:
    """app: its package. moves: from the launcher on. end: whether something was done, or a page
    was merely reached."""

    app: str
    moves: tuple[Move, ...]
    end: End

    @property
    def last(self) -> Look:
        return self.moves[-1].after


def walk(
    driver: Driver, app: str, random: Random, others: Sequence[str] = (), *, home: bool = True
) -> Walk | None:
    """A walk through an app; None where it came to nothing, or left the app.

    Args:
        others: apps that are opened first by mistake, now and then. home: whether it begins on the
            launcher, not on the screen as it is.
    """
    run(driver.transport, "am", "force-stop", app)
    if home:
        driver.perform(act.Press(button="home"))
    try:
        return _Walker(driver, app, random).walk(others)
    except (CommandFailed, DeviceError, _Nothing):
        return None


def again(driver: Driver, walked: Walk) -> Walk | None:
    """The same walk without its last move, now that this has been done."""
    run(driver.transport, "am", "force-stop", walked.app)
    driver.perform(act.Press(button="home"))
    moves = []
    look = look_again(driver, picture=False)
    for move in walked.moves[:-1]:
        element, action = move.element, move.action
        if move.kind not in ("open", "go", "tab", "press"):
            return None
        if element is not None:
            found = [
                e
                for e in look.elements
                if (e.role, first(e.label)) == (element.role, first(element.label))
            ]
            if not found:
                return None
            element = found[0]
            action = tap(element)
        driver.perform(action)
        after = look_again(driver, picture=False)
        moves.append(Move(move.kind, look, action, after, element))
        look = after
    return Walk(walked.app, tuple(moves), "done") if moves else None


class _Nothing(Exception):
    """The walk came to nothing."""


class _Walker:
    def __init__(self, driver: Driver, app: str, random: Random) -> None:
        self._driver, self._app, self._random = driver, app, random
        self._moves: list[Move] = []
        self._old: set[str] = set()  # what could be seen before scrolling

    def walk(self, others: Sequence[str] = ()) -> Walk:
        look = look_again(self._driver, picture=False)
        if others and self._random.random() < 0.14:
            look = self._astray(look, self._random.choice(others))
        look = self._move("open", look, act.Open(app=self._app))
        while len(self._moves) < MOST:
            if look.package != self._app:
                raise _Nothing
            end = self._ahead(look)
            if end is not None:
                return Walk(self._app, tuple(self._moves), end)
            if self._moves[-1].after is look:
                raise _Nothing  # there is nothing to do here
            look = self._moves[-1].after
        raise _Nothing

    def _move(
        self,
        kind: Kind,
        look: Look,
        action: Action,
        element: Element | None = None,
        name: str = "",
        text: str = "",
    ) -> Look:
        self._driver.perform(action)
        after = look_again(self._driver, picture=False)
        self._moves.append(Move(kind, look, action, after, element, name, text))
        return after

    def _ahead(self, look: Look) -> End | None:
        if is_dialog(look):
            return self._dialog(look)
        if is_menu(look):
            return self._press(look, self._random.choice(look.elements))
        if saves(look) and fields(look):
            return self._form(look)
        if len(self._moves) > 1 and self._random.random() < (0.1 if selecting(look) else 0.35):
            return "there"
        if self._random.random() < 0.12:
            look = self._stray(look)
        if self._random.random() < 0.2 and any(e.scrollable for e in look.elements):
            look = self._scrolled(look)
        return self._page(look)

    def _astray(self, look: Look, app: str) -> Look:
        """Into another app, and now and then further there."""
        look = self._move("stray", look, act.Open(app=app))
        for _ in range(self._random.randint(0, 2)):
            some = [e for e in look.elements if e.clickable and e.role in ("row", "icon", "field")]
            if some and look.package == app:
                wrong = self._random.choice(some)
                look = self._move("stray", look, tap(wrong), wrong)
        return look

    def _stray(self, look: Look) -> Look:
        """A wrong way and back, where that leads back."""
        some = [e for e in look.elements if e.clickable and e.role in ("row", "icon") and e.label]
        if not some or selecting(look):
            return look
        wrong = self._random.choice(some)
        away = self._move("stray", look, tap(wrong), wrong)
        if alike(look, away) or away.package != self._app or is_menu(away):
            raise _Nothing
        back = self._move("back", away, act.Press(button="back"))
        if not alike(look, back):
            raise _Nothing
        return back

    def _scrolled(self, look: Look) -> Look:
        """Further down, where what comes into sight was not to be seen before."""
        before = {e.label for e in look.elements}
        after = self._move("scroll", look, act.Scroll(direction="down"))
        self._old = before
        if alike(look, after) or not {e.label for e in after.elements if e.role == "row"} - before:
            raise _Nothing
        return after

    # One screen.

    def _dialog(self, look: Look) -> End | None:
        radios = [e for e in look.elements if e.role == "radio" and not e.checked]
        # A phone in another script has other labels, for which there are no forms.
        radios = [e for e in radios if e.label.isascii()]
        if radios:
            chosen = self._random.choice(radios)
            after = self._move("choose", look, tap(chosen), chosen)
            if is_dialog(after):
                return None
            return None if saves(after) else "done"
        for field in fields(look):
            look = self._write(look, field)
        buttons = [e for e in look.elements if e.role == "button" and e.checked is None]
        ends = [e for e in buttons if e.label != "Cancel" and e.enabled]
        if not ends:
            return None
        after = self._move("press", look, tap(ends[-1]), ends[-1])
        if is_dialog(after) or alike(look, after):
            raise _Nothing
        return None if saves(after) and fields(after) else "done"

    def _form(self, look: Look) -> End | None:
        """Some of its fields, now and then a switch or a choice, and what ends it."""
        here = fields(look)
        chosen = [f for f in here if self._random.random() < 0.5]
        first = here[0]
        if first not in chosen and (not chosen or self._random.random() < 0.7):
            chosen.insert(0, first)
        where = (look.package, look.activity)
        for field in sorted(chosen, key=here.index):
            now = next((f for f in fields(look) if f.resource == field.resource), None)
            if now is not None and field.resource not in self._written():
                look = self._write(look, now)
        turnable = [e for e in look.elements if turns(e) and not e.checked]
        if turnable and self._random.random() < 0.4:
            one = self._random.choice(turnable)
            look = self._move("turn", look, tap(one), one)
        rows = [e for e in look.elements if e.role == "row" and e.clickable and ", " in e.label]
        if rows and self._random.random() < 0.35 and not self._chose():
            row = self._random.choice(rows)
            after = self._move("go", look, tap(row), row)
            if not any(e.role == "radio" for e in after.elements):
                raise _Nothing
            options = [e for e in after.elements if e.role == "radio" and not e.checked]
            one = self._random.choice(options)
            look = self._move("choose", after, tap(one), one)
        end = saves(look)
        if not end or (look.package, look.activity) != where:
            raise _Nothing
        after = self._move("press", look, tap(end[0]), end[0])
        if (after.package, after.activity) == where and saves(after) and not sent(look, after):
            raise _Nothing
        return "done"

    def _page(self, look: Look) -> End | None:
        random = self._random
        rows = [e for e in look.elements if e.role == "row" and e.clickable and e.label]
        if sum(e.selected for e in rows) != 1:
            tabs: list[Element] = []
        else:
            top = next(e.bounds[1] for e in rows if e.selected)
            tabs = [e for e in rows if e.bounds[1] == top and not e.selected]
        rows = [e for e in rows if e not in tabs and not e.selected]
        tall = sorted(e.height for e in rows)[len(rows) // 2] if rows else 0
        rows = [e for e in rows if 3 * e.height >= 2 * tall]  # others are cut off by the list's end
        doing = [e for e in rows if does(e)]
        data = [e for e in rows if e not in doing]
        icons = [e for e in look.elements if e.role == "icon" and e.label not in UP]
        buttons = [e for e in look.elements if e.role == "button" and e.label not in UP]
        switches = [e for e in look.elements if turns(e)]
        plain = [e for e in buttons if e.checked is None]
        groups: list[tuple[float, Kind, Sequence[Element]]] = [
            (3.0, "go", data),
            (0.8, "hold", [e for e in data if e.long_clickable]),
            (2.2, "press", [*(e for e in icons if e.clickable and e.label), *doing]),
            (2.5, "turn", switches),
            (1.0, "tab", tabs),
            (0.8, "press", [e for e in plain if len(e.label) > 2 and e.label != "delete"]),
        ]
        if selecting(look):  # something is chosen: now what is done with it
            groups = [g for g in groups if g[1] == "press"]
        if self._moves[-1].kind == "turn":  # and another one, on the same page
            label = self._moves[-1].label
            groups = [(1.0, "turn", [e for e in switches if e.label != label])]
        if self._moves[-1].kind == "scroll":
            groups = [(w, k, [e for e in of if e.label not in self._old]) for w, k, of in groups]
        groups = [g for g in groups if g[2]]
        if not groups:
            raise _Nothing
        _, kind, found = random.choices(groups, [g[0] for g in groups])[0]
        element = random.choice(found)
        if kind == "press":
            return self._press(look, element)
        if kind == "hold":
            x, y = element.middle
            action: Action = act.LongPress(x=x, y=y, seconds=1.0)
        else:
            action = tap(element)
        after = self._move(kind, look, action, element)
        if kind == "turn":
            now = next((e for e in after.elements if e.label == element.label and turns(e)), None)
            if now is None or now.checked == element.checked:
                if is_dialog(after):
                    return None
                raise _Nothing
            return None if self._random.random() < 0.15 else "done"
        if alike(look, after):
            raise _Nothing
        if kind == "hold" and not (selecting(after) or is_menu(after) or is_dialog(after)):
            raise _Nothing
        return None

    def _press(self, look: Look, element: Element) -> End | None:
        after = self._move("press", look, tap(element), element)
        if alike(look, after):
            raise _Nothing
        if is_dialog(after) or is_menu(after) or selecting(after):
            return None
        before = self._moves[-2].look if is_menu(look) and len(self._moves) > 1 else look
        if (after.package, after.activity) != (before.package, before.activity):
            return None
        if saves(after) and fields(after):
            return None
        return "done"

    # Parts of it.

    def _write(self, look: Look, field: Element) -> Look:
        """Taps a field, empties it where it holds something, and writes into it."""
        if not field.focused:
            look = self._move("focus", look, tap(field), field)
        now = _same(look, field)
        if not now.focused:
            raise _Nothing
        after = self._move("clear", look, act.ClearText(), now)
        empty = _same(after, field)
        if empty.text == now.text:
            self._moves.pop()  # it was empty, and what it says is what it is called
        text = text_for(empty.label or field.resource, self._random)
        after = self._move("write", after, act.Type(text=text), empty, empty.label, text)
        if text not in _same(after, field).text:
            raise _Nothing
        return after

    def _written(self) -> set[str]:
        return {m.element.resource for m in self._moves if m.kind == "write" and m.element}

    def _chose(self) -> bool:
        return any(m.kind == "choose" for m in self._moves)


def _same(look: Look, field: Element) -> Element:
    found = next((e for e in fields(look) if e.resource == field.resource), None)
    if found is None:
        raise _Nothing
    return found
