"""All templates there are, ours and those of other packages, and the tasks of each split."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import entry_points
from random import Random
from typing import Any

from agentkit.capabilities import Task
from agentkit.errors import UsageError
from agentkit.names import nearest
from agentkit.seeds import derive
from agentkit_android.tasks.template import Template

log = logging.getLogger("agentkit.android.tasks")
GROUP = "agentkit_android.tasks"
MODULES = (
    "switches", "display", "about", "people", "texting", "todo", "writing", "planning", "waking",
    "household", "filing", "leisure", "calling", "picturing", "across", "across_books",
    "across_places",
)  # fmt: skip
SPLITS = ("train", "validation", "test")
TEST = ("unseen-params", "unseen-templates", "unseen-apps")
"""Parts of the test split: known templates with other parameters, and templates and apps that are
in no other split."""
COUNT = {"train": 4, "validation": 2, "unseen-params": 2}
MORE = {"personal": "agentkit_android.people.personal"}
"""Further splits, each with templates of its own: `TEMPLATES` and `tasks()` of a module."""
HELD = {"template": "unseen-templates", "app": "unseen-apps"}


@cache
def templates() -> dict[str, Template[Any]]:
    """By name, of the apps that a simulated phone has. A package whose templates cannot be had is
    named in the log, and does no harm."""
    found: dict[str, Template[Any]] = {}
    for name in MODULES:
        module = importlib.import_module(f"agentkit_android.tasks.{name}")
        found.update({t.name: t for t in module.TEMPLATES})
    for entry in entry_points(group=GROUP):
        try:
            for template in entry.load():
                if template.name in found:
                    raise ValueError(f"there is a template {template.name!r} already")
                found[template.name] = template
        except Exception as error:
            log.warning(
                "tasks of %s cannot be used: %s: %s", entry.value, type(error).__name__, error
            )
    return found


def template(name: str) -> Template[Any]:
    found = templates().get(name) or _more().get(name)
    if found is None:
        known = sorted({**templates(), **_more()})
        raise UsageError(f"there is no task template {name!r}{nearest(name, known)}", "")
    return found


@cache
def _more() -> dict[str, Template[Any]]:
    modules = [importlib.import_module(module) for module in MORE.values()]
    return {t.name: t for module in modules for t in module.TEMPLATES}


def task(template: Template[Any], number: int, split: str = "train") -> Task:
    """An instance of a template: the number decides its parameters and wording."""
    random = Random(derive(number, template.name))
    p = template.draw(random)
    data = {"params": p.model_dump(mode="json"), "kind": template.kind, "part": split}
    whole = split if split in SPLITS else "test"
    goal = template.wording(p, number)
    return Task(f"{template.name}/{number}", goal, whole, template.name, data)


@cache
def tasks(split: str) -> Sequence[Task]:
    """All tasks of a split, or of a part of the test split, or of one of MORE."""
    if split in MORE:
        made_there: Sequence[Task] = importlib.import_module(MORE[split]).tasks()
        return made_there
    if split == "test":
        return tuple(t for part in TEST for t in tasks(part))
    if split not in (*SPLITS, *TEST):
        raise UsageError(
            f"there is no split {split!r}", f"one of: {', '.join((*SPLITS, *TEST, *MORE))}"
        )
    made = []
    for one in templates().values():
        for part, some in _dealt(one):
            made += [t for t in some if part == split]
    return tuple(made)


def _dealt(one: Template[Any]) -> Iterator[tuple[str, list[Task]]]:
    """A template's tasks by split: no two have the same parameters."""
    distinct: dict[str, int] = {}
    for number in range(200):
        random = Random(derive(number, one.name))
        distinct.setdefault(one.draw(random).model_dump_json(), number)
        if len(distinct) >= sum(COUNT.values()):
            break
    numbers = list(distinct.values())
    if one.held:
        part = HELD[one.held]
        yield part, [task(one, n, part) for n in numbers[:4]]
        return
    start = 0
    for part, count in COUNT.items():
        chosen = numbers[start : start + count]
        yield part, [task(one, n, part) for n in chosen]
        start += count


def matching(goal: str) -> Task | None:
    """A known task with that goal in these words, so that what a person typed can be checked."""
    wanted = _plain(goal)
    for one in templates().values():
        for number in range(60):
            made = task(one, number)
            if _plain(made.goal) == wanted:
                return made
    return None


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
