"""C3PO++ over a simulated engine: budgets, retention, whole groups, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from agentkit.capabilities import Cancel
from agentkit.errors import Paused
from agentkit_ring_rl.rollouts import Prompt, Rollout
from agentkit_ring_rl.scheduler import Budget, Phase, Scheduler, Starved, endless, once
from agentkit_ring_rl.simulated import Cost, SimulatedEngine, lognormal

ASKED = Prompt("x", (1,), 1000)


def scripted(*lengths: Sequence[int]) -> Callable[[Rollout], int]:
    """Lengths by group and member; the last group's for all that follow."""
    return lambda one: lengths[min(one.group, len(lengths) - 1)][one.member]


def always(number: int) -> Prompt:
    return ASKED


def tokens(phase: Phase) -> int:
    return sum(len(one.ids) for group in phase.groups for one in group.members)


def numbers(phase: Phase) -> list[int]:
    return [group.number for group in phase.groups]


class Watching(SimulatedEngine):
    """Remembers how many rollouts each step had, and every start."""

    def __init__(self, *args: object, **settings: object) -> None:
        super().__init__(*args, **settings)  # type: ignore[arg-type]
        self.active: list[int] = []
        self.resumed: list[tuple[int, int, int, int]] = []

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        super().start(rollouts, keep=keep)
        self.resumed += [(o.group, o.member, len(o.ids), o.remaining) for o in rollouts if o.ids]

    def step(self) -> list[Rollout]:
        ended = super().step()
        self.active.append(len(self._active))
        return ended


# -- the stop -------------------------------------------------------------------------------------


def test_a_phase_ends_when_completed_lengths_first_reach_the_budget() -> None:
    engine = Watching(4, lognormal(50, 0.8, 1000))
    scheduler = Scheduler(engine, always, Budget(900, group=2, retention=9), clock=engine.clock)
    for _ in range(20):
        phase = scheduler.collect()
        assert phase.counted >= 900
        # without what ended in the last tick it was not met yet
        assert phase.counted - 900 < 1000 * 4
        assert all(group.complete for group in phase.groups)
        assert all(len(group.members) == 2 for group in phase.groups)
    assert max(engine.active) <= 4


def test_the_overshoot_is_below_what_ended_in_the_last_tick() -> None:
    engine = SimulatedEngine(2, scripted((3, 5), (3, 5)))
    scheduler = Scheduler(engine, always, Budget(8, group=2), clock=engine.clock)
    assert scheduler.collect().counted == 8  # 3, then 5: exactly
    engine = SimulatedEngine(4, scripted((5, 5), (5, 5)))
    scheduler = Scheduler(engine, always, Budget(6, group=2), clock=engine.clock)
    phase = scheduler.collect()
    assert phase.counted == 20 and phase.counted - 6 < 20  # four ended in one tick


@pytest.mark.parametrize("seed", range(3))
def test_the_budget_is_first_met_in_the_last_tick(seed: int) -> None:
    """Without the lengths that ended in it, a phase had not met its budget yet, or had no complete
    group; the pool is never above its capacity."""

    class Last(Watching):
        ended: list[Rollout]

        def step(self) -> list[Rollout]:
            self.ended = super().step()
            return self.ended

    engine = Last(6, lognormal(40, 1.0, 1000))
    budget = Budget(700, group=2, retention=9)
    scheduler = Scheduler(engine, always, budget, seed=seed, clock=engine.clock)
    met = 0
    for _ in range(40):
        phase = scheduler.collect()
        last = sum(len(one.ids) for one in engine.ended)
        before = phase.counted - last
        late = {one.group for one in engine.ended}
        alone = all(group.number in late for group in phase.groups)
        assert phase.counted >= 700 and (before < 700 or alone)
        met += before < 700
    assert met > 30 and max(engine.active) == engine.slots


def test_the_whole_length_counts_where_it_ends() -> None:
    engine = SimulatedEngine(2, scripted((4, 10)))
    scheduler = Scheduler(engine, always, Budget(14, group=2, retention=9), clock=engine.clock)
    first = scheduler.collect()  # 4, then 4 of group 1, then 10; 2 more of group 1 were drawn
    assert (first.counted, first.generated) == (18, 20)
    second = scheduler.collect()
    assert numbers(second) == [1] and second.retentions == {1: 2} and second.counted >= 14


def test_generated_tokens_can_be_counted_instead() -> None:
    engine = SimulatedEngine(4, scripted((40, 60)), quantum=1)
    budget = Budget(100, group=2, counts="generated", groups=1, retention=9)
    scheduler = Scheduler(engine, always, budget, clock=engine.clock)
    phase = scheduler.collect()
    assert phase.counted == phase.generated >= 100 and len(phase.groups) >= 1


def test_synchronous_rollouts_wait_for_the_last() -> None:
    engine = SimulatedEngine(8, scripted((1, 900), (2, 2)))
    budget = Budget(1, group=2, groups=3, whole=True)
    scheduler = Scheduler(engine, always, budget, clock=engine.clock)
    phase = scheduler.collect()
    assert sorted(numbers(phase)) == [0, 1, 2] and engine.now == 900 and not scheduler.open


# -- groups and retention -------------------------------------------------------------------------


def test_only_complete_groups_leave() -> None:
    engine = SimulatedEngine(4, scripted((2, 50), (2, 2)))
    scheduler = Scheduler(engine, always, Budget(8, group=2, retention=99), clock=engine.clock)
    seen: list[int] = []
    for _ in range(30):
        phase = scheduler.collect()
        assert all(one.end for group in phase.groups for one in group.members)
        seen += numbers(phase)
    assert 0 in seen and seen.index(0) > 3  # it waited for its long member
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("sigma", [0, 1, 3])
def test_a_group_is_purged_when_retention_exceeds_sigma(sigma: int) -> None:
    # Group 0 never ends within these phases; each phase is one short group long.
    engine = SimulatedEngine(2, scripted((900,), (10,)))
    scheduler = Scheduler(engine, always, Budget(10, group=1, retention=sigma), clock=engine.clock)
    for number in range(1, sigma + 3):
        phase = scheduler.collect()
        held = [group.number for group in scheduler.open]
        # phase n begins with retention n - 1: purged iff n - 1 > sigma
        assert phase.purged == (number - 1 == sigma + 1), number
        assert (0 in held) == (number - 1 <= sigma), number
    for group in scheduler.open:
        assert group.retention <= sigma + 1


def test_retention_counts_partitions_exactly() -> None:
    engine = SimulatedEngine(2, scripted((35,), (10,)))
    scheduler = Scheduler(engine, always, Budget(10, group=1, retention=9), clock=engine.clock)
    found = {}
    for _ in range(6):
        for group in scheduler.collect().groups:
            found[group.number] = group.retention
    assert found[0] == 3  # partitions at 10, 20 and 30 tokens
    assert found[1] == 0


def test_a_resumed_rollout_gets_what_remains() -> None:
    engine = Watching(1, scripted((25,), (5,)), quantum=10)
    budget = Budget(10, group=1, counts="generated", retention=9)
    scheduler = Scheduler(engine, always, budget, clock=engine.clock)
    scheduler.collect()
    engine = Watching(2, scripted((25,), (5,)))
    scheduler = Scheduler(engine, always, Budget(5, group=1, retention=9), clock=engine.clock)
    scheduler.collect()
    scheduler.collect()
    assert engine.resumed == [(0, 0, 5, 995)]


def test_short_answers_come_first_and_the_report_says_so() -> None:
    engine = SimulatedEngine(32, lognormal(100, 1.0, 1000))
    scheduler = Scheduler(engine, always, Budget(3000, group=1, retention=50), clock=engine.clock)
    first = scheduler.collect()
    for _ in range(30):
        last = scheduler.collect()
    assert first.mean_trained < 0.85 * last.mean_ended
    purging = SimulatedEngine(32, lognormal(100, 1.0, 1000))
    strict = Scheduler(purging, always, Budget(3000, group=1, retention=0), clock=purging.clock)
    means = [strict.collect().mean_trained for _ in range(30)]
    assert sum(means) / len(means) < 0.85 * last.mean_ended  # the longest were purged


# -- what goes wrong ------------------------------------------------------------------------------


def test_too_large_a_budget_is_an_error_and_not_a_wait() -> None:
    engine = SimulatedEngine(4, scripted((5, 5)))
    one = once([ASKED])
    scheduler = Scheduler(engine, one, Budget(10**6, group=2, groups=2), clock=engine.clock)
    assert len(scheduler.collect().groups) == 1  # the last prompts: less than a budget
    with pytest.raises(Starved, match="the prompts ended with 0 of 1000000"):
        scheduler.collect()


class Hanging(SimulatedEngine):
    """An engine whose rollouts get no tokens."""

    def step(self) -> list[Rollout]:
        self.now += 30.0
        return []


class Failing(SimulatedEngine):
    """Every rollout of an odd group (or of every group) dies."""

    every = False

    def step(self) -> list[Rollout]:
        self._active = [pair for pair in self._active if pair[0].end is None]
        for one, _ in self._active:
            if self.every or one.group % 2:
                one.end, one.why = "error", "the worker is gone"
        dead = [one for one, _ in self._active if one.end == "error"]
        return dead or super().step()


def test_an_engine_that_hangs_is_given_up() -> None:
    engine = Hanging(2, scripted((5,)))
    scheduler = Scheduler(engine, always, Budget(5, group=1, stall=100), clock=engine.clock)
    with pytest.raises(Starved, match="got no token in 120 s"):
        scheduler.collect()


def test_dead_rollouts_cost_their_group_and_no_other() -> None:
    engine = Failing(4, scripted((5, 7)))
    scheduler = Scheduler(engine, always, Budget(40, group=2), clock=engine.clock)
    phase = scheduler.collect()
    assert phase.failed > 0 and phase.groups
    assert all(number % 2 == 0 for number in numbers(phase))


def test_nothing_but_dead_rollouts_is_an_error_with_its_cause() -> None:
    engine = Failing(4, scripted((5, 7)))
    engine.every = True
    scheduler = Scheduler(engine, always, Budget(40, group=2), clock=engine.clock)
    with pytest.raises(Starved, match="the worker is gone"):
        scheduler.collect()


class Empty(SimulatedEngine):
    """Rollouts end without a single token."""

    def step(self) -> list[Rollout]:
        self._active = [pair for pair in self._active if pair[0].end is None]
        for one, _ in self._active:
            one.end = "stop"
        return [one for one, _ in self._active]


def test_empty_rollouts_do_not_spin() -> None:
    engine = Empty(4, scripted((5, 7)))
    scheduler = Scheduler(engine, always, Budget(40, group=2), clock=engine.clock)
    with pytest.raises(Starved, match="without an answer"):
        scheduler.collect()


def test_a_pause_leaves_the_engine_empty() -> None:
    engine, cancel = SimulatedEngine(2, scripted((5,))), Cancel()
    cancel.set()
    scheduler = Scheduler(engine, always, Budget(5, group=1), clock=engine.clock)
    with pytest.raises(Paused):
        scheduler.collect(cancel)
    assert engine.step() == []


@pytest.mark.parametrize("bad", [{"tokens": 0}, {"group": 0}, {"retention": -1}, {"groups": 0}])
def test_impossible_bounds_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        Budget(**{"tokens": 5, **bad})


# -- state ----------------------------------------------------------------------------------------


def outline(scheduler: Scheduler, phases: int) -> list[object]:
    made: list[object] = []
    for _ in range(phases):
        phase = scheduler.collect()
        made.append((numbers(phase), phase.counted, phase.purged, phase.retentions))
    return made


def test_restored_in_the_middle_nothing_is_lost_or_doubled() -> None:
    def fresh() -> Scheduler:
        engine = SimulatedEngine(8, lognormal(60, 1.0, 1000))
        return Scheduler(
            engine, always, Budget(500, group=4, retention=1), seed=5, clock=engine.clock
        )

    whole = outline(fresh(), 12)
    first = fresh()
    before = outline(first, 5)
    second = fresh()
    second.restore(json.loads(json.dumps(first.state())))
    assert before + outline(second, 7) == whole


def test_prompts_come_in_an_order_of_the_seed() -> None:
    asked = [Prompt(str(n), (n,), 5) for n in range(7)]
    order, other = endless(asked, 1), endless(asked, 2)
    turns = [order(n).id for n in range(21)]
    assert all(sorted(turns[at : at + 7]) == sorted(p.id for p in asked) for at in (0, 7, 14))
    assert turns == [endless(asked, 1)(n).id for n in range(21)]
    assert turns != [other(n).id for n in range(21)]


# -- speed ----------------------------------------------------------------------------------------


def gain(spread: float, b: float, phases: int = 16) -> float:
    """Tokens trained on a second, beside synchronous rollouts of as many tokens a phase."""
    length, asked = lognormal(8000, spread, 1 << 16), Prompt("x", (1,), 1 << 16)
    engine = SimulatedEngine(256, length, Cost(1.0, b))
    budget = Budget(1, whole=True, groups=32)
    scheduler = Scheduler(engine, lambda number: asked, budget, clock=engine.clock)
    trained = sum(tokens(scheduler.collect()) for _ in range(8))
    usual = trained / engine.now
    engine = SimulatedEngine(256, length, Cost(1.0, b))
    budget = Budget(trained // 8, retention=5)
    scheduler = Scheduler(engine, lambda number: asked, budget, clock=engine.clock)
    return sum(tokens(scheduler.collect()) for _ in range(phases)) / engine.now / usual


@pytest.mark.slow
@pytest.mark.parametrize(
    "spread, b, known",
    [
        (0.6, 0.0, 4.0),
        (0.6, 1 / 256, 2.5),
        (0.6, 1 / 64, 1.6),
        (1.0, 0.0, 6.7),
        (1.0, 1 / 256, 3.8),
        (1.0, 1 / 64, 2.05),
    ],
)
def test_the_simulated_gain_is_as_known(spread: float, b: float, known: float) -> None:
    assert gain(spread, b) == pytest.approx(known, rel=0.1)
