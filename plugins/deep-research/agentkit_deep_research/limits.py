"""What ends the search: limits of the settings, those that people set while it runs, and the
run's own, before they are met or when they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit_deep_research.desk import Desk

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit_deep_research.settings import ResearchSettings


def batch(desk: Desk, settings: ResearchSettings, reason: str) -> list[str]:
    """The tasks to run next, none where the search is over."""
    if reason or desk.finish:
        return []
    return [t.id for t in desk.todo.ready()[: settings.width]]


ROUND = 2  # steps of the graph that more tasks take: work, gaps


def reached(rt: Runtime, settings: ResearchSettings, started: float, desk: Desk, steps: int) -> str:
    """Which limit ends the search, "" where none does. steps: of the graph, so far; one more is
    kept for the report."""
    if desk.finish:
        return desk.finish
    said, rules = desk.rules.said, desk.rules
    seconds = float(said("seconds")) if said("seconds") else settings.seconds
    if seconds is not None and rt.now() - started >= seconds:
        return f"the limit of {seconds:g} seconds was reached"
    pages = rules.limit("pages", settings.pages)
    if len({span.place for span in desk.evidence}) >= pages:
        return f"the limit of {pages} pages was reached"
    tokens = int(said("tokens")) if said("tokens") else settings.tokens
    models = settings.model_dump(include={"embedder", "ranker", "keywords", "planner", "writer"})
    if tokens is not None and any(models.values()) and desk.tokens >= tokens:
        return f"the limit of {tokens} tokens was reached"
    if steps + ROUND + 1 > settings.steps and desk.todo.ready():
        return f"the limit of {settings.steps} steps was reached"
    return _ahead(rt, min(settings.width, len(desk.todo.ready())), (steps - 1) // ROUND)


def late(rt: Runtime) -> bool:
    """Whether the run's time is used up: nothing more is searched. (Without tokens the search goes
    on by rules, up to the end of the round.)"""
    used, limit = rt.limits().get("seconds", (0.0, 0.0))
    return used > limit


def _ahead(rt: Runtime, tasks: int, rounds: int) -> str:
    """Which limit of the run itself was met, or leaves no room for another round and the report
    after it. tasks: of that round. rounds: so far; the next is taken to be like them."""
    limits = rt.limits()
    for name, (used, limit) in limits.items():
        if used > limit:
            return f"the run's limit of {limit:g} {name} was reached"
    for name, (used, limit) in limits.items() if tasks else ():
        needed = tasks + ROUND if name == "steps" else used / max(rounds, 1)
        if used + needed > limit:
            return f"the run's limit of {limit:g} {name} leaves room for the report alone"
    return ""
