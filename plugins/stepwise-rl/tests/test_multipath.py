"""Alternatives count where the environment proves that they lead on, and nowhere else."""

from __future__ import annotations

import pytest

from agentkit.kit import Kit
from agentkit_stepwise_rl.episodes import play
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.multipath import augmented
from agentkit_stepwise_rl.samples import AtPlace, Named
from agentkit_stepwise_rl.trajectories import Trajectory, split_trajectory

pytestmark = pytest.mark.slow


@pytest.fixture
def episode(kit: Kit) -> tuple[Trajectory, object, object]:
    phone = kit.environment("inside")
    task = next(t for t in phone.tasks("train") if t.template == "bluetooth")
    one = play(kit.model("phone-policy"), phone, task, 0, judged=True)
    assert one.success and one.steps[0].action["kind"] == "open"
    return one, phone, task


def test_the_icon_is_proven_and_nonsense_is_not(
    episode: tuple[Trajectory, object, object],
) -> None:
    one, phone, task = episode
    last = len(one.steps) - 1
    wrong = [
        {"kind": "finish", "status": "success"},  # at the start nothing is done yet
        {"kind": "open", "app": "com.android.calendar"},  # leads on, by a detour
        {"kind": "wait", "seconds": 1.0},  # changes nothing
        {"kind": "open", "app": "no such app"},
        {"kind": "tap", "x": 5, "y": "no"},
    ]
    report = Report("multi-path")
    made, proofs = augmented(phone, task, one, proposals={0: wrong}, report=report)  # type: ignore[arg-type]
    held = [proof for proof in proofs if proof.holds]
    assert held and all(proof.steps <= proof.before for proof in held)
    assert {proof.step for proof in held} <= set(range(last + 1))
    refuted = [proof for proof in proofs if dict(proof.action) in wrong]
    assert len(refuted) == 5 and not any(proof.holds for proof in refuted)
    assert report.into == report.out + sum(report.why.values()) == len(proofs)
    accepted = split_trajectory(made)[0].accepted
    assert isinstance(accepted[0], Named) and any(isinstance(a, AtPlace) for a in accepted)


def test_a_detour_counts_where_it_may_cost_that_much(
    episode: tuple[Trajectory, object, object],
) -> None:
    one, phone, task = episode
    detour = {0: [{"kind": "open", "app": "com.android.calendar"}]}
    for extra, holds in ((0, False), (1, True)):
        _, proofs = augmented(phone, task, one, proposals=detour, extra=extra)  # type: ignore[arg-type]
        found = [p for p in proofs if p.action.get("app") == "com.android.calendar"]
        assert [p.holds for p in found] == [holds]
