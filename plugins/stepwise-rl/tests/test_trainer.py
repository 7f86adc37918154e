"""The trainer `stepwise`: what every trainer must do, its loss, and exact resume at any point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from agentkit.capabilities import Example
from agentkit.errors import DataError, Paused, UsageError
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit_stepwise_rl.engine import Ask, opened
from agentkit_stepwise_rl.record import read_lines
from agentkit_stepwise_rl.settings import StepwiseSettings

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {
    "model": "phone-policy", "environment": "inside", "learn": "best", "steps": 4, "samples": 6,
    "filter": 2, "every": 2, "tasks": 1, "keep": 2, "held_out": 0.2, "rate": 1e-3,
    "temperature": 1.5, "patience": 9, "keep_zero": 1.0,
}  # fmt: skip


def trainer(kit: Kit, **settings: Any) -> Any:
    number = sum(name.startswith("own") for name in kit.names("trainer"))
    name = f"own{number}"
    kit.define("trainer", name, use="stepwise", **{**QUICK, **settings})
    return kit.part("trainer", name)


@pytest.fixture(scope="session")
def data(played: Kit) -> Sequence[Example]:
    made: Sequence[Example] = trainer(played).from_runs(played.runs, ["warm"])
    return made[::4]  # of every episode some


@pytest.fixture(scope="session")
def whole(
    played: Kit, data: Sequence[Example], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Recorder]:
    """A training that nothing disturbed."""
    out, seen = tmp_path_factory.mktemp("whole") / "out", Recorder()
    trainer(played).train(data, out, seen)
    return out, seen


def weights(out: Path) -> dict[str, bytes]:
    names = ("checkpoint/model.safetensors", "checkpoint/optimizer.safetensors", "best.safetensors")
    return {name: (out / name).read_bytes() for name in names}


def test_a_training_tells_all_that_it_did(
    whole: tuple[Path, Recorder], data: Sequence[Example]
) -> None:
    out, seen = whole
    known = {one.id for one in data}
    steps, traces = read_lines(out / "steps.jsonl"), read_lines(out / "traces.jsonl")
    assert [s["step"] for s in steps] == [1, 2, 3, 4]
    for step in steps:
        own = [t for t in traces if t["step"] == step["step"]]
        groups = [own[n : n + 5] for n in range(0, len(own), 5)]
        assert {t["id"] for t in own} == set(step["examples"]) == set(seen.used[step["step"]])
        assert set(step["examples"]) <= known and len(own) == 5 * len(step["examples"])
        assert step["reward"] == pytest.approx(sum(t["reward"] for t in own) / len(own))
        flat = [len({t["reward"] for t in group}) == 1 for group in groups]
        assert step["frac_zero_std"] == pytest.approx(sum(flat) / len(flat))
        for group, alike in zip(groups, flat):
            assert len({t["id"] for t in group}) == 1
            assert sum(t["advantage"] for t in group) == pytest.approx(0, abs=1e-5)
            assert all(t["advantage"] == 0 for t in group) is alike
        if not all(flat):  # else nothing was learned, and nothing compared
            assert step["gap_engine"] < 1e-3, "the engine's likelihoods are the trainer's"
        assert {t["reward"] for t in own} <= {0.0, 0.2, 1.0, 1.2}
    assert any("gap_engine" in step for step in steps)
    report = json.loads((out / "report.json").read_text())["reports"][0]
    assert report["in"] == report["out"] + sum(report["dropped"].values())
    assert "over-fitting" in (out / "card.md").read_text()
    state = json.loads((out / "checkpoint" / "state.json").read_text())
    assert [look["step"] for look in state["extra"]["looks"]] == [0, 2, 4]


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 1, 3])
def test_stopped_and_resumed_is_undisturbed(
    played: Kit, data: Sequence[Example], whole: tuple[Path, Recorder], tmp_path: Path, at: int
) -> None:
    """Also within the difficulty filter, before the first step."""
    out, seen = tmp_path / "out", Recorder(stop_at=at)
    with pytest.raises(Paused):
        trainer(played).train(data, out, seen)
    rest = Recorder()
    made = trainer(played).train(data, out, rest, resume=True)
    assert made.step == 4 and min(rest.used) == at + 1
    assert weights(out) == weights(whole[0])
    for name in ("steps.jsonl", "traces.jsonl"):
        assert read_lines(out / name) == read_lines(whole[0] / name)


def test_a_killed_training_goes_on_from_its_last_checkpoint(
    played: Kit, data: Sequence[Example], whole: tuple[Path, Recorder], tmp_path: Path
) -> None:
    class Killed(Recorder):
        def update(self, step: int, total: int, metrics: Any = None) -> None:
            if step == 3:
                raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        trainer(played).train(data, out, Killed())
    with (out / "traces.jsonl").open("a") as file:
        file.write('{"step": 4, "half a li')
    trainer(played).train(data, out, Recorder(), resume=True)
    assert weights(out) == weights(whole[0])
    assert read_lines(out / "traces.jsonl") == read_lines(whole[0] / "traces.jsonl")


def test_other_data_or_settings_do_not_go_on(
    played: Kit, data: Sequence[Example], whole: tuple[Path, Recorder]
) -> None:
    with pytest.raises(UsageError, match="other"):
        trainer(played).train(data[:-3], whole[0], Recorder(), resume=True)
    with pytest.raises(UsageError, match="other"):
        trainer(played, rate=1e-2).train(data, whole[0], Recorder(), resume=True)


def test_bad_examples_are_named(played: Kit, data: Sequence[Example], tmp_path: Path) -> None:
    for wrong, match in (
        ({"prompt": "x"}, "no demonstration"),
        ({**data[0].data, "accepted": []}, "accepted"),
        ({**data[0].data, "space": "desktop/3"}, "desktop/3"),
    ):
        with pytest.raises(DataError, match=match):
            trainer(played).train([Example("bad.0", wrong)], tmp_path / "out", Recorder())
    with pytest.raises(UsageError, match="no samples"):
        trainer(played).train([], tmp_path / "out", Recorder())


# -- the loss --------------------------------------------------------------------------------------


class TestSteps:
    """Of groups that are put together here."""

    asked: ClassVar[list[int]] = [0, 1, 2, 3, 4]

    def opened(self, kit: Kit, data: Sequence[Example], out: Path, **settings: Any) -> Any:
        given = StepwiseSettings(temperature=1.5, **settings).ring()
        return opened(kit, "phone-policy", given, data, out)

    def test_a_group_shares_its_prompt_and_prompts_have_no_gradient(
        self, played: Kit, data: Sequence[Example], tmp_path: Path
    ) -> None:
        from agentkit_ring_rl.learner import pack
        from agentkit_ring_rl.steps import Sample

        one = data[0]
        with self.opened(played, data, tmp_path) as steps:
            drawn = steps.draw([Ask(one.id, one.data["prompt"], n) for n in self.asked])
            assert len({d.prompt for d in drawn}) == 1
            samples = [Sample(d.prompt, d.ids, d.logp, (0,) * len(d.ids), 1.0) for d in drawn]
            for batch in pack(samples, 1, 8):
                at = {(int(r), int(c)) for r, c in batch.targets}
                assert len(at) == sum(len(s.answer) for s in samples)
                assert min(c for _, c in at) == len(drawn[0].prompt)

    def test_groups_without_spread_teach_exactly_nothing(
        self, played: Kit, data: Sequence[Example], tmp_path: Path
    ) -> None:
        one = data[0]
        with self.opened(played, data, tmp_path) as steps:
            before = steps.tensors()
            drawn = steps.draw([Ask(one.id, one.data["prompt"], n) for n in self.asked])
            values, flat = steps.advantages([0.2] * 5, [0] * 5)
            assert values == [0.0] * 5 and flat == 1
            steps.learn(drawn, values)
            after = steps.tensors()
            assert all(before[name].equal(after[name]) for name in before)

    @pytest.mark.parametrize(
        ("spread", "values"),
        [
            ({"spread": "population"}, [2.0, -0.5, -0.5, -0.5, -0.5]),
            ({"spread": "sample"}, [1.788854, *[-0.447214] * 4]),
            ({"scale": False}, [0.8, -0.2, -0.2, -0.2, -0.2]),
        ],
    )
    def test_advantages_are_as_named(
        self,
        played: Kit,
        data: Sequence[Example],
        tmp_path: Path,
        spread: dict[str, Any],
        values: list[float],
    ) -> None:
        with self.opened(played, data, tmp_path, **spread) as steps:
            found, flat = steps.advantages([1.2, 0.2, 0.2, 0.2, 0.2], [0] * 5)
        assert found == pytest.approx(values, abs=1e-5) and flat == 0

    def test_the_format_alone_gets_a_full_gradient_unless_only_centred(
        self, played: Kit, data: Sequence[Example], tmp_path: Path
    ) -> None:
        """All wrong, one without a format: 0 against 0.2 is as far apart as 0 against 1."""
        rewards, groups = [0.0, 0.2, 0.2, 0.2, 0.2], [0] * 5
        with self.opened(played, data, tmp_path / "a") as steps:
            scaled, _ = steps.advantages(rewards, groups)
        with self.opened(played, data, tmp_path / "b", scale=False) as steps:
            centred, _ = steps.advantages(rewards, groups)
        assert scaled[0] == pytest.approx(-2.0) and centred[0] == pytest.approx(-0.16)

    @pytest.mark.parametrize("kl", [0.0, 0.5])
    def test_without_a_kl_term_there_is_no_reference(
        self, played: Kit, data: Sequence[Example], tmp_path: Path, kl: float
    ) -> None:
        with self.opened(played, data, tmp_path, kl=kl) as steps:
            assert (steps._learner._reference is None) is (kl == 0.0)

    def test_what_is_rewarded_becomes_likelier(
        self, played: Kit, data: Sequence[Example], tmp_path: Path
    ) -> None:
        with self.opened(played, data, tmp_path, rate=1e-3) as steps:
            # A step at which the policy says different things; the rarest of them is rewarded.
            for one in data:
                asks = [Ask(one.id, one.data["prompt"], n) for n in range(16)]
                drawn = steps.draw(asks)
                replies = [d.ids for d in drawn]
                said = sorted(set(replies), key=replies.count)
                if len(said) > 1:
                    break
            assert len(said) > 1
            rewards = [float(d.ids == said[0]) for d in drawn]
            first = sum(next(d for d in drawn if d.ids == said[0]).logp)
            for _ in range(5):
                values, _ = steps.advantages(rewards, [0] * 16)
                steps.learn(drawn, values)
            from agentkit_ring_rl.learner import pack
            from agentkit_ring_rl.steps import Sample

            sample = Sample(drawn[0].prompt, said[0], (0.0,) * len(said[0]), (0,), 0.0)
            with torch.no_grad():
                (batch,) = pack([sample], 1, 8)
                logp = float(steps._learner.policy(batch, 1.5)[0].sum())
            assert logp > first + 0.1


# -- tasks that no rollout solves ------------------------------------------------------------------


def test_runs_without_a_success_give_no_samples_and_say_why(kit: Kit) -> None:
    kit.define("agent", "cut", use="rollout", model="phone-policy", environment="inside", steps=1)
    task = kit.environment("inside").tasks("train")[0]
    assert kit.agent("cut").run(task.goal, task_id=task.id).wait() == "done"
    with pytest.raises(DataError, match="1 it did not succeed"):
        trainer(kit, learn="taken").from_runs(kit.runs, ["cut"])


def test_samples_that_no_reply_solves_are_not_trained_on(
    played: Kit, data: Sequence[Example], tmp_path: Path
) -> None:
    never = [{"action": "answer", "text": "quaggy zephyr"}]
    wrong = [Example(one.id, {**one.data, "accepted": never}) for one in data[:6]]
    with pytest.raises(DataError, match=r"nothing is left to train on.*6 solved by no run"):
        trainer(played, keep_zero=0.0, held_out=0.0).train(wrong, tmp_path / "out", Recorder())
