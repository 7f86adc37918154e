"""What a screen is, as far as it shows: a dialog, a menu, a form; and what can be done on it."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.capabilities import Action
from agentkit_android.client import actions as act
from agentkit_android.client.driver import Look
from agentkit_android.client.tree import Element
from agentkit_android.demos.made_up import table

SAVES = ("Save", "Done", "OK", "Create", "Send", "Send SMS", "Rename", "Add")
"""Labels that end a form or a dialog."""
UP = ("Navigate up", "Cancel", "Clear selection", "Back")


def tap(element: Element) -> Action:
    x, y = element.middle
    return act.Tap(x=x, y=y)


def is_dialog(look: Look) -> bool:
    return any(e.role == "button" and e.label == "Cancel" for e in look.elements)


def is_menu(look: Look) -> bool:
    return bool(look.elements) and all(
        e.role == "row" and not e.selected and e.clickable for e in look.elements
    )


def first(label: str) -> str:
    """What a row is called: what stands before its details."""
    return " ".join(label.partition(", ")[0].split())


def does(row: Element) -> bool:
    """Whether a row says something to do, as those of menus."""
    return row.label.partition(" ")[0].casefold() in table()["verbs"] and ", " not in row.label


def selecting(look: Look) -> bool:
    return any(e.label == "Clear selection" for e in look.elements)


def fields(look: Look) -> list[Element]:
    """Those that are not for searching, nor addresses."""
    return [
        e
        for e in look.elements
        if e.editable and not e.label.startswith(("Search", "http")) and "search" not in e.resource
    ]


def saves(look: Look) -> list[Element]:
    return [e for e in look.elements if e.role in ("button", "icon") and e.label in SAVES]


def alike(one: Look, other: Look) -> bool:
    def of(look: Look) -> Sequence[object]:
        return (look.package, look.activity, [(e.role, e.label, e.checked, e.selected, e.focused)
                                              for e in look.elements])  # fmt: skip

    return of(one) == of(other)


def turns(element: Element) -> bool:
    return element.checked is not None and element.role != "radio" and bool(element.label)


def sent(before: Look, after: Look) -> bool:
    """Whether what was written is gone, as in a conversation: it was sent."""
    written = [e.text for e in fields(before)]
    return bool(written) and [e.text for e in fields(after)] != written
