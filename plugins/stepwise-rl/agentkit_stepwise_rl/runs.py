"""From stored runs to samples, and from a sample back to its run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agentkit.capabilities import Action
from agentkit.errors import DataError, UsageError
from agentkit.runs import RunStore
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.reading import named, trajectories, trajectory
from agentkit_stepwise_rl.samples import Sample
from agentkit_stepwise_rl.trajectories import Trajectory, split_trajectory


def samples_of_runs(
    store: RunStore,
    names: Iterable[str],
    actions: Sequence[type[Action]],
    *,
    learn: str = "taken",
    unchecked: bool = False,
    change: Callable[[Trajectory, Report], Trajectory] | None = None,
) -> tuple[list[Sample], list[Report]]:
    """Samples of runs named by id or by their agent, with the counts of each stage.

    Args:
        learn, unchecked: see `StepwiseSettings`.
        change: is given each trajectory before it is split, as multi-path augmentation is.
    """
    read, chosen, split = Report("runs"), Report("successes"), Report("split")
    paths = Report("multi-path")
    samples: list[Sample] = []
    for one in trajectories(store, named(store, names), actions, read):
        chosen.came()
        why = _unfit(one, learn, unchecked)
        if why:
            chosen.dropped(why)
            continue
        chosen.kept()
        made = change(one, paths) if change else one
        samples += split_trajectory(made, split, learn=learn)
    return samples, [read, chosen, *([paths] if change else []), split]


def _unfit(one: Trajectory, learn: str, unchecked: bool) -> str:
    if learn == "best":
        return ""
    if one.success is None and unchecked and one.claim in ("success", "answered"):
        return ""
    if one.success is None:
        return "nobody could check it"
    return "" if one.success else "it did not succeed"


def traced(store: RunStore, sample: str, actions: Sequence[type[Action]]) -> Mapping[str, Any]:
    """Where a sample comes from: its run, the step there, the number of its event.

    Raises:
        UsageError: its run is not stored any more.
        DataError: the run has no such step.
    """
    run, _, step = sample.rpartition(".")
    if not step.isdecimal():
        raise UsageError(f"{sample!r} is no id of a sample", "as 20261128-abc.3: a run and a step")
    row = store.get(run)
    one = trajectory(row, store.tail(row.id), actions)
    if one is None or int(step) >= len(one.steps):
        raise DataError(f"run {run} has no step {step}", "`agentkit runs show` tells its steps")
    did = one.steps[int(step)]
    return {
        "sample": sample, "run": row.id, "agent": row.agent, "event": did.at, "goal": one.goal,
        "task": one.task, "did": did.line, "success": one.success,
    }  # fmt: skip
