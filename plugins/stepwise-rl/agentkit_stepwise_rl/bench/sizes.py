"""How large the experiment is, and the kit it works in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from agentkit.bench import Bench
from agentkit.errors import UsageError
from agentkit.kit import Kit

PHONE = "bench-stepwise"
WARM = "bench-rollout"
GROUP = 5
FILTER = 8
SPLITS = ("unseen-params", "reworded", "unseen-templates", "unseen-apps")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Attributes:
    tasks: of a split, at most, that a stage is measured on. framed: the same under a framework.
    rollouts: episodes of the train split whose steps are learned from.
    budget: replies that one training may draw from the policy, for whatever purpose.
    samples: a step of step-wise training, `GROUP` replies each.
    goals, episodes: tasks a step of whole-episode training, and episodes of each.
    rate: of both. temperature: of all that is drawn.
    looks: at held-out tasks during a training; held: how many tasks those are.
    rounds, queries, repeats, sft: of self-evolving training; sft: its supervised steps a round.
    """

    tasks: int
    framed: int
    rollouts: int
    budget: int
    samples: int
    goals: int
    looks: int
    held: int
    rounds: int
    queries: int
    repeats: int
    sft: int
    episodes: int = 5
    rate: float = 3e-4
    temperature: float = 1.0

    def key(self) -> str:
        return str(sorted((k, v) for k, v in asdict(self).items() if k not in ("tasks", "framed")))


SCALES: Mapping[str, Sizes] = {
    "quick": Sizes(
        tasks=3, framed=1, rollouts=6, budget=600, samples=8, goals=2, looks=2, held=3, rounds=2,
        queries=5, repeats=1, sft=10,
    ),
    "normal": Sizes(
        tasks=40, framed=20, rollouts=80, budget=10_000, samples=16, goals=5, looks=4, held=40,
        rounds=2, queries=100, repeats=2, sft=150,
    ),
}  # fmt: skip


def sizes_of(bench: Bench) -> Sizes:
    """Of the scale, with what options change.

    Raises:
        UsageError: an option is no whole number above 0.
    """
    made: dict[str, Any] = {}
    for name in ("tasks", "rollouts", "budget", "queries"):
        text = bench.options.get(name)
        if text is None:
            continue
        if not text.isdecimal() or int(text) < 1:
            raise UsageError(f"--set {name}={text} is no whole number above 0", f"{name}=20")
        made[name] = int(text)
    return replace(SCALES[bench.scale], **made)


def kit_of(bench: Bench) -> Kit:
    """The bench's parts, with runs kept in its own folder: thousands of rollouts are nobody's."""
    given = bench.kit.settings
    host = given.host.model_copy(update={"store": bench.out / "runs"})
    kit = Kit(bench.kit.host, replace(given, host=host))
    model = model_name(bench)
    kit.define("environment", PHONE, use="android", where="inside", picture=False)
    kit.define(
        "agent", WARM, use="rollout", model=model, environment=PHONE, expert=True,
        temperature=sizes_of(bench).temperature,
    )  # fmt: skip
    kit.define("reward", "bench-completion", use="discriminator", kind="completion", checked=False)
    return kit


def model_name(bench: Bench) -> str:
    return bench.options.get("model", "phone-policy")
