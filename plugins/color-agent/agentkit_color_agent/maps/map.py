"""A map of apps: their pages, what stands on each that is the app's own, and where it leads.

Pages are told apart by what controls they have, not by what they hold: two people's pages are one
page. What is in a list belongs to its owner and is no part of the map.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from agentkit.agents.acting import ElementLine
from agentkit.errors import DataError
from agentkit.files import data_dir, write_atomic
from agentkit_color_agent.screens import Screen, elements, head, place

SHIPPED = "apps.json"
ALIKE = 0.6
"""Share of their controls that two screens of one page have in common."""
CONTROLS = ("icon", "button", "tab")
FEW = 3
VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """What an element is called: its role, and its text without details and without numbers."""

    role: str
    text: str

    @classmethod
    def of(cls, line: ElementLine) -> Label:
        return cls(line.role, head(line.text))


@dataclass(slots=True)
class Page:
    """A page of an app.

    Attributes:
        app: its package. name: as its owner calls it. place: package and activity.
        selected: what is chosen of its tabs.
        labels: what stands there and is the app's own.
        leads: page by what is touched. lists: page by the role of the entries of a list.
        first: whether the app opens with it.
    """

    app: str
    name: str
    place: str
    selected: tuple[str, ...] = ()
    labels: set[Label] = field(default_factory=set)
    leads: dict[Label, int] = field(default_factory=dict)
    lists: dict[str, int] = field(default_factory=dict)
    first: bool = False


class AppMap:
    """Pages by their number."""

    def __init__(self, pages: Iterable[Page] = ()) -> None:
        self.pages = list(pages)

    def find(self, screen: Screen) -> int | None:
        """The page that a screen is, or None."""
        here, chosen, shown = place(screen), selected(screen), labels(screen)
        best, found = ALIKE, None
        for number, page in enumerate(self.pages):
            if page.place == here and page.selected == chosen:
                share = likeness(page.labels, shown)
                if share >= best:
                    best, found = share, number
        return found

    def add(self, page: Page) -> int:
        self.pages.append(page)
        return len(self.pages) - 1

    def apps(self) -> dict[str, str]:
        """Names by package."""
        return {p.app: p.name for p in self.pages}

    def without(self, app: str) -> AppMap:
        """The map with an app left out."""
        kept = [n for n, p in enumerate(self.pages) if p.app != app]
        at = {old: new for new, old in enumerate(kept)}
        return AppMap(
            replace(
                page,
                leads={label: at[n] for label, n in page.leads.items() if n in at},
                lists={role: at[n] for role, n in page.lists.items() if n in at},
            )
            for page in (self.pages[n] for n in kept)
        )

    # -- as a file --------------------------------------------------------------------------------

    def written(self) -> str:
        plain = [
            {
                **{f.name: getattr(p, f.name) for f in fields(p)},
                "labels": [_line(x) for x in sorted(p.labels)],
                "leads": {_line(x): n for x, n in sorted(p.leads.items())},
            }
            for p in self.pages
        ]
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in plain)
        return f'{{"version": {VERSION}, "pages": [\n{lines}\n]}}\n'

    @classmethod
    def read(cls, text: str, source: str = "the map") -> AppMap:
        """Raises:
        DataError: it is none.
        """
        try:
            plain = json.loads(text)
            if plain["version"] != VERSION:
                raise ValueError(f"its version is {plain['version']}")
            made = cls(_page(one) for one in plain["pages"])
            ends = [n for p in made.pages for n in (*p.leads.values(), *p.lists.values())]
            if any(not 0 <= n < len(made.pages) for n in ends):
                raise ValueError("a way leads to no page")
            return made
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{source} is no map of apps: {type(error).__name__}: {error}",
                "draw one: agentkit color map",
            ) from error


def _page(plain: Mapping[str, object]) -> Page:
    known = dict(plain)
    known["selected"] = tuple(known["selected"])  # type: ignore[arg-type]
    known["labels"] = {_label(x) for x in known["labels"]}  # type: ignore[attr-defined]
    known["leads"] = {_label(x): int(n) for x, n in known["leads"].items()}  # type: ignore[attr-defined]
    return Page(**known)  # type: ignore[arg-type]


def _line(label: Label) -> str:
    return f"{label.role} {label.text}"


def _label(line: str) -> Label:
    role, _, text = line.partition(" ")
    return Label(role, text)


# -- screens as pages -----------------------------------------------------------------------------


def lines(screen: Screen) -> Iterator[ElementLine]:
    return (ElementLine.of(one) for one in elements(screen))


def selected(screen: Screen) -> tuple[str, ...]:
    """What is chosen of a page's tabs, which stand side by side; dates are none."""
    tabs = [one for one in elements(screen) if one.get("role") in ("row", "tab")]
    beside = Counter(one["bounds"][1] for one in tabs)
    side_by_side = [one for one in tabs if beside[one["bounds"][1]] > 1 and one.get("selected")]
    chosen = {head(ElementLine.of(one).text) for one in side_by_side}
    return tuple(sorted(c for c in chosen if not re.search(r"\d", c)))


def labels(screen: Screen) -> set[Label]:
    """All that stands on a screen, without what has a number."""
    made = {Label.of(one) for one in lines(screen) if one.role != "list"}
    return {one for one in made if one.text and not re.search(r"\d", one.text)}


def likeness(one: set[Label], other: set[Label]) -> float:
    """Of two pages' controls; of all their labels where those are too few to tell."""
    mine, others = controls(one), controls(other)
    if len(mine | others) < FEW:
        mine, others = one, other
    return len(mine & others) / len(mine | others) if mine | others else 1.0


def controls(some: set[Label]) -> set[Label]:
    return {one for one in some if one.role in CONTROLS}


# -- where maps lie -------------------------------------------------------------------------------


def own_path(environment: str) -> Path:
    """The user's own map of a phone."""
    name = "".join(c if c.isalnum() else "-" for c in environment)
    return data_dir() / "maps" / f"{name}.json"


def keep(made: AppMap, path: Path) -> None:
    write_atomic(path, made.written())


def load(path: Path) -> AppMap | None:
    """None where there is no such file.

    Raises:
        DataError: it is no map.
    """
    if not path.is_file():
        return None
    return AppMap.read(path.read_text("utf-8"), str(path))


@cache
def shipped() -> AppMap:
    """Of the simulated phone, as it is before anybody used it; `agentkit color map` drew it."""
    text = (files("agentkit_color_agent") / "maps" / SHIPPED).read_text("utf-8")
    return AppMap.read(text, SHIPPED)
