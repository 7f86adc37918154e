"""From judged and corrected trajectories to the examples of an iteration."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

from agentkit.capabilities import Example
from agentkit.seeds import derive
from agentkit_stepwise_rl.evolving.correcting import Correction, corrected
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.samples import Sample
from agentkit_stepwise_rl.trajectories import Trajectory, split_trajectory

Line = dict[str, Any]


def chosen(
    passed: Sequence[Trajectory], queries: Mapping[str, str], cap: int, seed: int, report: Report
) -> list[Trajectory]:
    """At most `cap` trajectories of each task, drawn by the seed: what is easy is rolled out well
    again and again, and would drown the rest.

    Args:
        queries: by run, what its goal was made of.
    """
    report.came(len(passed))
    order = sorted(range(len(passed)), key=lambda n: derive(seed, "cap", n))
    kept: list[int] = []
    count: Counter[str] = Counter()
    for n in order:
        key = queries[passed[n].id]
        count[key] += 1
        if count[key] <= cap:
            kept.append(n)
    report.kept(len(kept))
    if len(kept) < len(passed):
        report.dropped("beyond the cap of its query", len(passed) - len(kept))
    return [passed[n] for n in sorted(kept)]


def fresh(
    passed: Sequence[Trajectory],
    others: Mapping[str, Trajectory],
    corrections: Sequence[Correction],
    report: Report,
) -> list[Sample]:
    """Samples of what passed, and of what somebody corrected."""
    made: list[Sample] = []
    for one in passed:
        made += split_trajectory(one, report)
    for how in corrections:
        made += corrected(others[how.run], how)
    return list({one.id: one for one in made}.values())


def lines(
    samples: Sequence[Sample], older: Sequence[Line], share: float, seed: int, report: Report
) -> list[Line]:
    """Examples {id, prompt, answer}, with a share of older ones among them."""
    new = [{"id": s.id, "prompt": s.prompt, "answer": s.answer, "source": s.source,
            "task": s.task} for s in samples]  # fmt: skip
    known = {one["id"] for one in new}
    rest = [one for one in older if one["id"] not in known]
    wanted = round(len(new) * share / (1 - share))
    Random(derive(seed, "replay")).shuffle(rest)
    report.came(len(new) + len(rest))
    taken = rest[:wanted]
    report.kept(len(new) + len(taken))
    if len(rest) > len(taken):
        report.dropped("older, beyond the share of replay", len(rest) - len(taken))
    return [*new, *taken]


def content_hash(some: Iterable[Mapping[str, Any]]) -> str:
    """Of what is learned, whichever run it stands in: the same rollouts give the same hash."""
    digest = hashlib.sha256()
    for one in some:
        digest.update(json.dumps([one["prompt"], one["answer"]]).encode())
    return digest.hexdigest()


def kinds(some: Iterable[Mapping[str, Any]]) -> tuple[dict[str, int], float]:
    """How often each kind of action is taught, and the entropy of that in nats: a guard against
    data that teaches ever fewer of them."""
    count = Counter(str(json.loads(one["answer"]).get("kind")) for one in some)
    whole = sum(count.values())
    entropy = -sum(n / whole * math.log(n / whole) for n in count.values()) if whole else 0.0
    return dict(count.most_common()), entropy


def examples(some: Iterable[Mapping[str, Any]]) -> list[Example]:
    return [Example(str(one["id"]), {k: v for k, v in one.items() if k != "id"}) for one in some]
