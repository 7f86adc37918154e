"""Which activity is in front, and what lies behind it."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentkit_android.screen.acts import Value

MAX_STACK = 200


@dataclass(slots=True)
class Shown:
    """An overlay that an activity shows."""

    name: str
    args: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True)
class Activity:
    """One that runs.

    Attributes:
        args: what it was started with. state: what it keeps while it runs.
        texts: what was typed, by field. scrolls: of its lists, in pixels, by resource.
        overlays: the last is the top-most. focus: the field that is typed into; cursor: where,
            as letters from its end; everything: all of it is selected; multiline: it takes
            more lines than one;
            toolbar: what can be done with its text is shown beside it.
        began: when it was started, on the phone's clock.
        result: the reducer of the activity below that is told its answer.
    """

    package: str
    name: str
    args: dict[str, Value] = field(default_factory=dict)
    state: dict[str, Value] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    scrolls: dict[str, int] = field(default_factory=dict)
    overlays: list[Shown] = field(default_factory=list)
    focus: str = ""
    cursor: int = 0
    everything: bool = False
    multiline: bool = False
    toolbar: bool = False
    result: str = ""
    began: float = 0.0

    @property
    def component(self) -> str:
        return f"{self.package}/{self.name}"

    def leave_field(self) -> None:
        self.focus, self.cursor, self.everything, self.toolbar = "", 0, False, False


@dataclass(slots=True)
class Stack:
    """The launcher at the bottom; a task is the activities that were started one from another.

    tasks: the one that was in front last is the last. at_home: none of them is in front.
    """

    launcher: Activity
    tasks: list[list[Activity]] = field(default_factory=list)
    at_home: bool = True

    @property
    def front(self) -> Activity:
        return self.launcher if self.at_home or not self.tasks else self.tasks[-1][-1]

    @property
    def below(self) -> Activity | None:
        """Of the task in front, the activity under the one in front."""
        return self.tasks[-1][-2] if not self.at_home and len(self.tasks[-1]) > 1 else None

    @property
    def all(self) -> list[Activity]:
        """Every activity of the task in front, top first, and the launcher."""
        return [*([] if self.at_home else reversed(self.tasks[-1])), self.launcher]

    def running(self) -> list[str]:
        """Packages with an activity, the one in front first."""
        front = [self.front.package]
        others = [a.package for task in reversed(self.tasks) for a in reversed(task)]
        return list(dict.fromkeys([*front, *others, self.launcher.package]))

    def push(self, activity: Activity, *, inside: bool = False) -> None:
        """On top of what is in front, where it was started from `inside` an app; else in the task
        of its own app, where the same activity again only comes to have new extras."""
        if inside and not self.at_home and self.tasks:
            if len(self.tasks[-1]) < MAX_STACK:
                self.tasks[-1].append(activity)
            return
        mine = next((t for t in self.tasks if t[0].package == activity.package), [])
        self.tasks = [t for t in self.tasks if t is not mine]
        if mine and (mine[-1].component == activity.component or len(mine) >= MAX_STACK):
            mine.pop()
        self.tasks.append([*mine, activity])
        self.at_home = False

    def launch(self, activity: Activity) -> None:
        """From the launcher: an app that was left comes back as it was."""
        found = next((t for t in self.tasks if t[0].package == activity.package), None)
        if found is None:
            self.tasks.append([activity])
        else:
            self.tasks.remove(found)
            self.tasks.append(found)
        self.at_home = False

    def back(self) -> None:
        """Ends the activity in front."""
        if self.at_home or not self.tasks:
            return
        self.tasks[-1].pop()
        if not self.tasks[-1]:
            self.tasks.pop()
            self.at_home = True

    def home(self) -> None:
        self.at_home = True

    def stop(self, package: str) -> None:
        """Ends all activities of a package."""
        was = self.tasks[-1] if self.tasks and not self.at_home else None
        left = [(task, [a for a in task if a.package != package]) for task in self.tasks]
        self.tasks = [kept for _, kept in left if kept]
        if was is not None and not any(kept for task, kept in left if task is was):
            self.at_home = True
