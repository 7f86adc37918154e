"""`agentkit bench color-person`: the steps that this person would take, with and without a profile.

People of the phone's environment have habits that a goal does not say. The agent learns them from
demonstrations of other errands. The operator of this experiment knows how everybody does a thing;
whose way it takes is decided by its prompt alone: the way that the person's notes bear out most,
and where they say nothing, the way of most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from agentkit.agents.acting import history_line, reply
from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities import Action, Task
from agentkit.capabilities.analyzer import Table
from agentkit_color_agent.bench.episodes import phone_of
from agentkit_color_agent.person.profile import Flow, Profile, Rewritten, implied, rewrite
from agentkit_color_agent.screens import words
from agentkit_color_agent.teaching import MOST, Teaching, flows

VARIANTS = ("neither", "profile", "flows", "both", "somebody else's")
FLOOR = 0.3
USERS = {"quick": 2, "normal": 99}
EVERY = {"quick": 4, "normal": 1}
Json = dict[str, Any]


def run(bench: Bench) -> Result:
    phone = phone_of(bench.kit)
    tasks = phone.tasks("personal")
    users = list(dict.fromkeys(str(t.data["user"]) for t in tasks))
    chosen = users[: USERS[bench.scale]]
    templates = list(dict.fromkeys(t.template for t in tasks))[:: EVERY[bench.scale]]
    learned = {
        user: bench.once(f"flows, {user}", partial(_flows, phone, user))
        for user in {*chosen, *(_next(users, u) for u in chosen)}
    }
    mine = [t for t in tasks if t.data["user"] in chosen and t.template in templates]
    rows: dict[str, list[Json]] = {}
    for number, name in enumerate(VARIANTS):
        rows[name] = []
        for count, task in enumerate(mine):
            whose = str(task.data["user"])
            if name == "somebody else's":
                whose = _next(users, whose)
            notes = told(name, whose, learned[whose], task.goal)
            rows[name].append(
                bench.once(
                    f"{name}, {task.id}, {FLOOR}",
                    partial(measure, phone, task, notes.notes, users),
                )
            )
            bench.progress.update(number * len(mine) + count + 1, len(VARIANTS) * len(mine))
    return result(rows, len(chosen))


def _flows(phone: Teaching, user: str) -> list[list[Any]]:
    return [list(f) for f in flows(phone, user)]


def told(variant: str, user: str, learned: Sequence[Sequence[Any]], goal: str) -> Rewritten:
    """What the operator is told of somebody."""
    known = [
        Flow(id=f"f{n}", goal=str(goal_), steps=tuple(way), source="")
        for n, (goal_, way) in enumerate(learned)
    ]
    profile, shown = implied(user, known), known
    if variant == "neither":
        return Rewritten(instruction=goal, notes=[])
    if variant == "profile":
        shown = []
    if variant == "flows":
        profile = Profile(person=user)
    return rewrite(goal, profile, shown, FLOOR)


def measure(phone: Teaching, task: Task, notes: Sequence[str], users: Sequence[str]) -> Json:
    """IAR: the share of this person's own steps that the operator would take too, each on the
    person's own path; and those among them on which people differ."""
    seen, memory = phone.reset(task, 0), dict[str, Any]()
    memories: dict[str, Json] = {u: {} for u in users}
    same = steps = same_apart = apart = 0
    done: list[set[str]] = []
    for _ in range(MOST):
        right, memory = phone.expert(task, memory)
        ways: dict[str, list[tuple[str, Action]]] = {}
        for user in users:
            try:
                act, memories[user] = phone.expert(phone.somebody_elses(task, user), memories[user])
            except LookupError:
                continue  # that way does not go on from here
            ways.setdefault(reply(act, seen.data["elements"]), []).append((user, act))
        said = choose(ways, seen.data["elements"], notes, done)
        is_same = said == reply(right, seen.data["elements"])
        steps, same = steps + 1, same + is_same
        if len(ways) > 1:
            apart, same_apart = apart + 1, same_apart + is_same
        done.append(set(words(history_line(right, seen.data["elements"]))))
        step = phone.step(right)
        seen = step.observation
        if step.terminated or step.truncated:
            break
    return {"same": same, "steps": steps, "same_apart": same_apart, "apart": apart}


def choose(
    ways: Mapping[str, Sequence[tuple[str, Action]]],
    elements: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    done: Sequence[set[str]] = (),
) -> str:
    """The way that the notes bear out most; else that of most people. done: lines of history, as
    words; a line of the notes that was done is not done again."""
    told_lines = [p for note in notes for p in note.split("; then ")]
    shown = [set(words(p.partition("they did: ")[2] or p)) for p in told_lines]
    left = [s for s in shown if s not in done]
    if any("they did: " in n for n in notes) and not any(_is_step(s) for s in left):
        left.append({"finish", "success"})

    def borne(said: str) -> tuple[float, int]:
        line = set(words(history_line(ways[said][0][1], elements)))
        near = max((len(line & s) / len(line | s) for s in left if s | line), default=0.0)
        return round(near, 6), len(ways[said])

    return max(sorted(ways), key=borne)


def _is_step(said: set[str]) -> bool:
    return bool(said & {"tap", "open", "type", "scroll", "swipe", "drag", "key", "button"})


def result(rows: Mapping[str, Sequence[Json]], users: int) -> Result:
    others = {name: measured(some) for name, some in rows.items()}
    lines = tuple(
        (name, *(f"{m.value:.2f} ({m.low:.2f} to {m.high:.2f}, n {m.n})" for m in of.values()))
        for name, of in others.items()
    )
    mine = others.pop("both")
    none, other = others["neither"], others["somebody else's"]
    key = "where people differ"
    verdict = (
        f"Of the steps on which people differ, {mine[key].value:.0%} are this person's with both "
        f"kinds of flows, {none[key].value:.0%} without, {other[key].value:.0%} with another's. "
        "The operator knows everybody's way and only has to choose, by rules, so that this tells "
        "what is learned and told, not how a model acts on it. IFRAgent reports +6.79 points "
        "on MobileIAR with screens and models of other kinds; ColorAgent 58.66 %."
    )
    tables = [
        Table(f"Steps of {users} people", ("told", "all steps", "where people differ"), lines)
    ]
    return Result(mine, verdict, others, tables)


def measured(rows: Sequence[Json]) -> dict[str, Metric]:
    total = Counter[str]()
    for row in rows:
        total.update(row)
    return {
        "this person's steps": proportion(total["same"], max(1, total["steps"])),
        "where people differ": proportion(total["same_apart"], max(1, total["apart"])),
    }


def _next(users: Sequence[str], user: str) -> str:
    return users[(users.index(user) + 1) % len(users)]


EXPERIMENT = Experiment(
    "color-person",
    "Does the agent take the steps that this person would take, with and without their profile?",
    run,
    claim="IFRAgent adds 6.79 points of intention alignment on MobileIAR (2508.08645).",
    needs={"quick": Needs(hours=0.03), "normal": Needs(hours=0.5)},
)
