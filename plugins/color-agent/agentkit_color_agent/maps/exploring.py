"""Draws a map of apps by touching what can be touched, as AppAgent's exploration does (Zhang et
al., arXiv 2312.13771), without a task, a goal or a model.

Breadth first from each app's first page. A phone that can be put back is, after each touch. On any
other the way is gone again from the app's first page, and nothing is touched that could not be
undone: what sends, pays, deletes, calls, shares, grants or installs is left alone.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.agents.acting import ElementLine
from agentkit.capabilities import Task
from agentkit.errors import UsageError
from agentkit_color_agent import acts
from agentkit_color_agent.asking import sensitive_element
from agentkit_color_agent.device import Phone
from agentkit_color_agent.maps.map import AppMap, Label, Page, labels, selected
from agentkit_color_agent.screens import Screen, elements, kept, place

PAGES = 30
"""The most of one app."""
DEPTH = 4
"""Touches from an app's first page, at most."""
AGAIN = 2
"""Rows that lead where another led already make a list; after so many the others are left alone."""
LEFT = ("switch", "slider", "field", "text", "list", "progress")
"""Roles of what leads nowhere."""
Tell = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class _Stop:
    """A page that is still to be explored. way: touches from the app's first page."""

    page: int
    screen: Screen
    way: tuple[Label, ...]
    snapshot: str


class Explorer:
    """Args:
    put_back: whether the phone can be put back; by itself where it is a simulated one.
    """

    def __init__(self, phone: Phone, most: int = PAGES, put_back: bool | None = None) -> None:
        self._phone, self._most = phone, most
        self._put_back = phone.is_simulated if put_back is None else put_back
        self._seen: Screen = {}
        self._begin()

    @property
    def apps(self) -> Mapping[str, str]:
        """Names by package, of what can be opened."""
        return dict(self._seen.get("apps", {}))

    def explore(self, made: AppMap, app: str) -> int:
        """Draws an app's pages into a map; how many there are."""
        screen = self._opened(app)
        if screen.get("package") != app:
            return 0
        first = made.add(self._page(app, screen))
        made.pages[first].first = True
        count, ahead = 1, deque([_Stop(first, screen, (), self._snapshot())])
        while ahead and count < self._most:
            stop = ahead.popleft()
            if len(stop.way) < DEPTH:
                for found in self._around(made, stop, self._most - count):
                    ahead.append(found)
                    count += 1
        return count

    def _around(self, made: AppMap, stop: _Stop, room: int) -> Sequence[_Stop]:
        """Touches what a page has. The pages that are new."""
        found: list[_Stop] = []
        page, known = made.pages[stop.page], Counter[tuple[str, int]]()
        again: Counter[str] = Counter()
        for element in self._touchable(stop.screen):
            label = Label.of(ElementLine.of(element))
            alike = f"{label.role} {element['bounds'][2] - element['bounds'][0]}"
            if again[alike] >= AGAIN or not self._back_at(made, stop):
                continue
            after = self._do("tap", **_middle(element))
            if after.get("package") != page.app:
                continue
            number = made.find(after)
            if number == stop.page:
                continue
            if number is None:
                if len(found) >= room:
                    continue
                number = made.add(self._page(page.app, after))
                found.append(_Stop(number, after, (*stop.way, label), self._snapshot()))
            known[alike, number] += 1
            if label.role == "row" and known[alike, number] > 1:
                again[alike] += 1
                page.lists[label.role] = number
                page.leads = {x: n for x, n in page.leads.items() if n != number or x.role != "row"}
            elif page.lists.get(label.role) != number:
                page.leads[label] = number
        if page.lists:  # what leads nowhere is an entry, too
            page.labels = {x for x in page.labels if x.role != "row" or x in page.leads}
        return found

    def _touchable(self, screen: Screen) -> list[dict[str, Any]]:
        found = []
        for one in elements(screen):
            line = ElementLine.of(one)
            leads = one.get("clickable") and one.get("checked") is None and line.role not in LEFT
            if leads and line.text and (self._put_back or not sensitive_element(one, screen)):
                found.append(one)
        return found

    # -- the phone --------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._seen = kept(self._phone.begin(Task("", "look at what the apps have")))

    def _do(self, kind: str, **fields: Any) -> Screen:
        actions = self._phone.info.actions
        step = self._phone.step(acts.made({"kind": kind, **fields}, actions))
        self._seen = kept(step.observation)
        if step.truncated:
            self._begin()  # an episode's steps are counted; exploring is none
        return self._seen

    def _opened(self, app: str) -> Screen:
        self._do("button", button="home")
        return self._do("open", app=app)

    def _snapshot(self) -> str:
        return self._phone.snapshot() if self._put_back else ""

    def _back_at(self, made: AppMap, stop: _Stop) -> bool:
        """Whether the phone shows that page again."""
        if self._put_back:
            self._phone.restore(stop.snapshot)
            return True
        if made.find(self._seen) == stop.page:
            return True
        if made.find(self._do("button", button="back")) == stop.page:
            return True
        return self._gone(made, stop)

    def _gone(self, made: AppMap, stop: _Stop) -> bool:
        """The way to a page, from the app's first one on."""
        app = made.pages[stop.page].app
        first = next(n for n, p in enumerate(made.pages) if p.app == app and p.first)
        tab = made.pages[first].selected
        screen = self._opened(app)
        for _ in range(DEPTH + 1):
            tabs = [e for e in elements(screen) if str(e.get("label")) in tab]
            if screen.get("package") != app:
                screen = self._opened(app)
            elif made.find(screen) != first and tabs:  # an app opens with the tab that it was on
                screen = self._do("tap", **_middle(tabs[-1]))
            elif made.find(screen) != first:
                screen = self._do("button", button="back")
        for label in stop.way:
            here = [e for e in elements(screen) if Label.of(ElementLine.of(e)) == label]
            if not here:
                return False
            screen = self._do("tap", **_middle(here[0]))
        return made.find(screen) == stop.page

    def _page(self, app: str, screen: Screen) -> Page:
        name = self.apps.get(app, app)
        return Page(app, name, place(screen), selected(screen), labels(screen))


def _middle(element: Mapping[str, Any]) -> dict[str, int]:
    left, top, right, bottom = element["bounds"]
    return {"x": (left + right) // 2, "y": (top + bottom) // 2}


def draw(
    phone: Phone,
    known: AppMap,
    apps: Sequence[str] = (),
    *,
    again: bool = False,
    most: int = PAGES,
    put_back: bool | None = None,
    keep: Callable[[AppMap], None] = lambda made: None,
    tell: Tell = lambda name, pages: None,
) -> AppMap:
    """A map of the apps that are not on it, or of these; what `known` has of others stays.

    Args:
        apps: packages or names. again: whether all are drawn anew. keep: is given the map after
            each app. tell: an app's name and how many pages it has.

    Raises:
        UsageError: the phone has no such app.
    """
    explorer = Explorer(phone, most, put_back)
    wanted = chosen(explorer.apps, apps)
    if not apps and not again:
        wanted = [app for app in wanted if app not in known.apps()]
    for app in wanted:
        known = known.without(app)
        count = explorer.explore(known, app)
        keep(known)
        tell(explorer.apps.get(app, app), count)
    return known


def chosen(installed: Mapping[str, str], wanted: Sequence[str]) -> list[str]:
    """Packages of apps by name or package; all where none is wanted.

    Raises:
        UsageError: the phone has no such app.
    """
    by_name = {name.casefold(): app for app, name in installed.items()}
    found = [by_name.get(one.casefold(), one) for one in wanted]
    for one in found:
        if one not in installed:
            raise UsageError(f"the phone has no app {one!r}", f"it has {', '.join(by_name)}")
    return found or list(installed)
