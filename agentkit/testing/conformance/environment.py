"""EN: environments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

from pydantic import ValidationError

from agentkit.capabilities import Action, Effect, Environment, EpisodeOver, Observation, Task
from agentkit.errors import AgentkitError
from agentkit.testing.conformance.base import Conformance
from agentkit.testing.conformance.values import instance

SPLITS = ("train", "validation", "test")


class EnvironmentConformance(Conformance):
    """Give `toml` or `make()`, and `solve`. episodes, steps: how much random play is tried."""

    noun = "environment"
    episodes: ClassVar[int] = 5
    steps: ClassVar[int] = 20

    def solve(self, environment: Any, task: Task) -> Sequence[Action]:
        """Actions that solve a task which was just reset with seed 0."""
        raise NotImplementedError(f"{type(self).__name__} gives no solve()")

    def action(self, environment: Environment, random: Random) -> Action:
        """A random action; by default any of the classes with any values that its schema takes."""
        kind = random.choice(environment.info.actions)
        return kind.model_validate(instance(kind.model_json_schema(), random))

    def task(self, environment: Environment) -> Task:
        return environment.tasks("train")[0]

    def test_en01_splits_do_not_overlap(self) -> None:
        """Tasks of each split, in a fixed order, with ids that occur once, in one split."""
        seen: dict[str, str] = {}
        for split in SPLITS:
            tasks = self.part.tasks(split)
            assert tasks, f"no tasks in {split}"
            assert [t.id for t in tasks] == [t.id for t in self.part.tasks(split)]
            for task in tasks:
                assert task.id not in seen, f"{task.id} is in {seen[task.id]} and in {split}"
                assert task.split == split and task.goal
                seen[task.id] = split
        try:
            assert not self.part.tasks("no-such-split")
        except AgentkitError:
            pass

    def test_en02_task_and_seed_decide(self) -> None:
        """The same task and seed begin the same, in another environment and after play too."""
        with self.fresh() as one, self.fresh() as other:
            task = self.task(one)
            first = _plain(one.reset(task, 3))
            assert _plain(other.reset(task, 3)) == first
            for action in self.played(other, Random(1), 5):
                assert action is not None
            assert _plain(other.reset(task, 3)) == first
            random, again = Random(7), Random(7)
            one.reset(task, 3)
            other.reset(task, 3)
            for _ in range(5):
                action = self.action(one, random)
                if _plain_step(one, action) != _plain_step(other, self.action(other, again)):
                    raise AssertionError(f"{action} has two outcomes in one state")

    def test_en03_an_ended_episode_is_over(self) -> None:
        """After a terminated or truncated step another raises EpisodeOver; reset begins anew."""
        with self.fresh() as environment:
            task = self.task(environment)
            environment.reset(task, 0)
            ended = False
            for action in self.solve(environment, task):
                step = environment.step(action)
                ended = step.terminated or step.truncated
                if ended:
                    break
            for _ in range(2000):
                if ended:
                    break
                step = environment.step(self.action(environment, Random(0)))
                ended = step.terminated or step.truncated
            assert ended, "the episode did not end in 2000 steps"
            before = _plain(environment.observe())
            try:
                environment.step(self.action(environment, Random(0)))
            except EpisodeOver:
                assert _plain(environment.observe()) == before
                environment.reset(task, 0)
                environment.step(self.action(environment, Random(0)))
                return
            raise AssertionError("a step was taken after the episode had ended")

    def test_en04_solutions_score_one_and_nothing_done_does_not(self) -> None:
        """Of every split: a fresh task has no success, its solution has score 1."""
        with self.fresh() as environment:
            for split in SPLITS:
                for task in environment.tasks(split)[:8]:
                    environment.reset(task, 0)
                    empty = environment.check(task)
                    assert 0 <= empty.score < 1, f"{task.id} is solved before anything is done"
                    for action in self.solve(environment, task):
                        environment.step(action)
                    solved = environment.check(task)
                    assert solved.success, f"the solution of {task.id} scores {solved}"
                    assert solved.reasons, "a check gives its reasons"

    def test_en05_checking_and_looking_change_nothing(self) -> None:
        """check and observe may be called at any time, as often as wanted, with one result."""
        with self.fresh() as environment, self.fresh() as blind:
            task = self.task(environment)
            environment.reset(task, 0)
            blind.reset(task, 0)
            random, again = Random(2), Random(2)
            for _ in range(5):
                looks = [_plain(environment.observe()) for _ in range(3)]
                checks = [environment.check(task) for _ in range(3)]
                assert looks[0] == looks[1] == looks[2] and checks[0] == checks[1] == checks[2]
                seen = _plain_step(environment, self.action(environment, random))
                assert seen == _plain_step(blind, self.action(blind, again))
                if seen["over"]:
                    break

    def test_en06_actions_are_a_closed_union(self) -> None:
        """Told apart by kind, with an effect each, JSON there and back, and nothing unknown."""
        kinds, random = set(), Random(0)
        for kind in self.part.info.actions:
            assert issubclass(kind, Action) and isinstance(kind.effect, Effect)
            made = kind.model_validate(instance(kind.model_json_schema(), random))
            plain = json.loads(made.model_dump_json())
            assert kind.model_validate(plain) == made
            assert plain.get("kind"), f"{kind.__name__} has no kind"
            kinds.add(plain["kind"])
            for wrong in ({**plain, "surely_unknown": 1}, {**plain, "kind": "surely-unknown"}):
                try:
                    kind.model_validate(wrong)
                except ValidationError:
                    continue
                raise AssertionError(f"{kind.__name__} takes {wrong}")
        assert len(kinds) == len(self.part.info.actions), "two actions share a kind"

    def test_en07_snapshots_bring_all_of_it_back(self) -> None:
        """restore gives the very state: what is seen, how it goes on, and whether it is over."""
        with self.fresh() as environment:
            task = self.task(environment)
            environment.reset(task, 0)
            solution = list(self.solve(environment, task))
            start, seen = environment.snapshot(), _plain(environment.observe())
            for action in solution:
                environment.step(action)
            end, done = environment.snapshot(), _plain(environment.observe())
            assert start != end, "two snapshots share a name"
            for _ in range(2):
                environment.restore(start)
                assert _plain(environment.observe()) == seen
                assert not environment.check(task).success
                for action in solution:
                    environment.step(action)
                assert environment.check(task).success, "a restored state goes on otherwise"
            environment.restore(start)
            environment.restore(end)
            assert _plain(environment.observe()) == done and environment.check(task).success
            try:
                environment.restore("no-such-snapshot")
            except (AgentkitError, ValueError, KeyError):
                assert _plain(environment.observe()) == done
                return
            raise AssertionError("a snapshot that was never taken was restored")

    def test_en08_a_pool_does_not_touch_itself(self) -> None:
        """Environments of a pool, and the one that made it, go their own ways."""
        with self.fresh() as environment:
            task = self.task(environment)
            environment.reset(task, 0)
            own = _plain(environment.observe())
            pool = environment.pool(2)
            try:
                assert len(pool) == 2 and len({id(e) for e in (*pool, environment)}) == 3
                first, second = (_plain(e.reset(task, 0)) for e in pool)
                assert first == second == own
                for action in self.solve(pool[0], task):
                    pool[0].step(action)
                assert pool[0].check(task).success
                assert not pool[1].check(task).success and _plain(pool[1].observe()) == own
                assert _plain(environment.observe()) == own
            finally:
                for one in pool:
                    one.close()

    def test_en09_random_play_breaks_nothing(self) -> None:
        """Any valid action in any state gives a step: finite rewards, observations as JSON."""
        with self.fresh() as environment:
            tasks = [t for split in SPLITS for t in environment.tasks(split)]
            for episode in range(self.episodes):
                random = Random(episode)
                task = random.choice(tasks)
                environment.reset(task, episode)
                for _ in range(self.steps):
                    step = environment.step(self.action(environment, random))
                    assert abs(step.reward) < float("inf")
                    json.dumps({"data": dict(step.observation.data), "info": dict(step.info)})
                    assert step.observation.parts, "an observation shows nothing"
                    assert 0 <= environment.check(task).score <= 1
                    if step.terminated or step.truncated:
                        break

    def test_en10_success_is_of_the_state(self) -> None:
        """What was reached once does not count after a reset, and counts again after a restore."""
        with self.fresh() as environment:
            task = self.task(environment)
            environment.reset(task, 0)
            for action in self.solve(environment, task):
                environment.step(action)
            assert environment.check(task).success
            kept = environment.snapshot()
            environment.reset(task, 0)
            assert not environment.check(task).success, "success outlives a reset"
            environment.restore(kept)
            assert environment.check(task).success

    def test_en11_closing_twice_is_fine(self) -> None:
        """close may be called again, and before anything was begun."""
        with self.fresh() as environment:
            environment.close()
            environment.close()

    def played(self, environment: Any, random: Random, steps: int) -> list[Action]:
        done = []
        for _ in range(steps):
            action = self.action(environment, random)
            step = environment.step(action)
            done.append(action)
            if step.terminated or step.truncated:
                break
        return done


def _plain(seen: Observation) -> str:
    return repr(seen.parts) + json.dumps(dict(seen.data), sort_keys=True, default=str)


def _plain_step(environment: Any, action: Action) -> dict[str, Any]:
    step = environment.step(action)
    over = step.terminated or step.truncated
    return {"seen": _plain(step.observation), "reward": step.reward, "over": over}
