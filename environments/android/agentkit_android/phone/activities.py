"""Which activity is in front, and what lies behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_STACK = 200


@dataclass(slots=True)
class Activity:
    """One that runs. given: what it was started with. scroll: of its list, in pixels."""

    package: str
    name: str
    given: Mapping[str, str] = field(default_factory=dict)
    scroll: int = 0

    @property
    def component(self) -> str:
        return f"{self.package}/{self.name}"


class Stack:
    """The launcher at the bottom, the activity in front on top."""

    def __init__(self, launcher: Activity) -> None:
        self._launcher = launcher
        self._above: list[Activity] = []
        self._behind: dict[str, list[Activity]] = {}  # tasks of apps that are not in front

    @property
    def front(self) -> Activity:
        return self._above[-1] if self._above else self._launcher

    @property
    def all(self) -> list[Activity]:
        """Every activity of the task in front, top first."""
        return [*reversed(self._above), self._launcher]

    def running(self) -> list[str]:
        """Packages with an activity, the one in front first."""
        return list(dict.fromkeys([*(a.package for a in self.all), *reversed(self._behind)]))

    def push(self, activity: Activity) -> None:
        """On top of what is in front. The same activity again only comes to have new extras."""
        if self.front.component == activity.component and self._above:
            self._above[-1] = activity
            return
        if len(self._above) < MAX_STACK:
            self._above.append(activity)

    def launch(self, activity: Activity) -> None:
        """From the launcher: an app that was left comes back as it was."""
        if activity.package == self.front.package and self._above:
            return
        self.home()
        self._above = self._behind.pop(activity.package, [activity])

    def back(self) -> None:
        if self._above:
            self._above.pop()

    def home(self) -> None:
        if self._above:
            self._behind[self._above[0].package] = self._above
            self._above = []

    def stop(self, package: str) -> None:
        """Ends all activities of a package."""
        self._above = [a for a in self._above if a.package != package]
        kept = {
            name: [a for a in task if a.package != package] for name, task in self._behind.items()
        }
        self._behind = {name: task for name, task in kept.items() if task}
