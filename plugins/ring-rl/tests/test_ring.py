"""The trainer `ring`: what every trainer must do, exact resume, and bad input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from safetensors.torch import load_file

import agentkit
from agentkit.capabilities import Example, Outcome, Score, TrainingDiverged
from agentkit.errors import ConfigError, DataError, Paused, UsageError
from agentkit.kit import Kit
from agentkit.testing.conformance import TrainerConformance
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_ring_rl.bench.bed import examples, warm
from agentkit_ring_rl.engines import TokensEngine
from agentkit_ring_rl.record import read
from agentkit_ring_rl.rollouts import Rollout

pytestmark = pytest.mark.slow  # nearly all of them train

QUICK: dict[str, Any] = {
    "chat": False,
    "steps": 6,
    "prompts": 4,
    "group": 4,
    "limit": 3,
    "budget": 40,
    "rate": 3e-3,
    "keep": 2,
    "retention": 3,
    "tick": 1,
}
DATA = examples("digit", 40, 0)


def of(folder: Path, **settings: Any) -> Kit:
    """A kit with the trainer `part` on the policy."""
    kit = agentkit.load(environ={})
    kit.define("model", "policy", use="transformers", model=str(folder), dtype="fp32", threads=1)
    kit.define("trainer", "part", use="ring", model="policy", **{**QUICK, **settings})
    return kit


def train(folder: Path, out: Path, progress: Recorder | None = None, **settings: Any) -> Recorder:
    resume = settings.pop("resume", False)
    data = settings.pop("data", DATA)
    progress = progress or Recorder()
    with of(folder, **settings) as kit:
        kit.part("trainer", "part").train(data, out, progress, resume=resume)
    return progress


def weights(out: Path) -> dict[str, Any]:
    return load_file(str(out / "checkpoint" / "model.safetensors"))


def same(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(a[name].equal(b[name]) for name in a)


class TestRing(TrainerConformance):
    use = "ring"
    metric: ClassVar[str] = "shortfall"
    weights: ClassVar[str] = "model.safetensors"
    folder: ClassVar[Path | None] = None

    def make(self) -> Any:
        cls = type(self)
        if cls.folder is None:
            cls.folder = Path(tempfile.mkdtemp())
            warm(cls.folder / "digit", ["digit"], until=0.25)
        kit = of(cls.folder / "digit", steps=12, prompts=6, group=8, budget=100)
        self._kept().append(kit)
        return kit.part("trainer", "part")

    def data(self) -> Sequence[Example]:
        # Two prompts: the reward of these very ones rises within a few steps.
        return [replace(one, data={**one.data, "weight": 1.0}) for one in DATA[:2]]


# -- what a step leaves behind ---------------------------------------------------------------------


@pytest.mark.usefixtures("drawn")
def test_a_training_records_itself(folder: Path, tmp_path: Path) -> None:
    seen = train(folder, tmp_path / "out")
    out = tmp_path / "out"
    steps = list(read(out / "steps.jsonl"))
    rollouts = list(read(out / "rollouts.jsonl"))
    assert [s["step"] for s in steps] == [1, 2, 3, 4, 5, 6]
    for line in steps:
        own = [r for r in rollouts if r["step"] == line["step"]]
        assert {r["example"] for r in own} == set(line["examples"]) == set(seen.used[line["step"]])
        known = [r["reward"] for r in own]
        assert line["reward"] == pytest.approx(sum(known) / len(known))
        # the exact engine has the trainer's own numbers, so nothing but staleness can be masked
        assert line["gap_engine"] < 1e-5
        assert set(line["gaps"]["would_mask"]) >= {"icepop", "tis", "kpop", "none"}
    for one in rollouts:
        assert len(one["ids"]) == len(one["logp"]) == len(one["versions"]) <= 3
        assert all(version < one["step"] for version in one["versions"])
    groups: dict[tuple[int, int], int] = {}
    for one in rollouts:
        groups[one["step"], one["group"]] = groups.get((one["step"], one["group"]), 0) + 1
    assert set(groups.values()) == {4}  # whole groups, and each once
    assert len({group for _, group in groups}) == len(groups)
    assert (out / "curve.png").stat().st_size > 5000
    told = (out / "card.md").read_text()
    assert "means over training prompts" in told and '"rate": 0.003' in told


@pytest.mark.parametrize("engine", ["tokens", "batched"])
def test_the_reward_rises(folder: Path, tmp_path: Path, engine: str) -> None:
    settings = {"engine": engine, "slots": 64} | ({} if engine == "tokens" else {"tick": 8})
    if engine == "batched":
        settings.pop("tick")
    with of(folder) as kit:
        plain = {
            k: v for k, v in {**QUICK, **settings}.items() if k != "tick" or engine == "tokens"
        }
        plain |= {"steps": 25, "prompts": 12, "group": 8, "budget": 200}
        kit.define("trainer", "long", use="ring", model="policy", **plain)
        seen = Recorder()
        kit.part("trainer", "long").train(DATA, tmp_path / "out", seen)
    rewards = [metrics["reward"] for _, metrics in seen.updates]
    assert sum(rewards[-5:]) / 5 > sum(rewards[:5]) / 5 + 0.1


# -- stopped, killed, resumed ----------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"lora": 2}, {"schedule": "synchronous"}])
def test_stopped_and_resumed_is_undisturbed(
    folder: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    known = {k: v for k, v in QUICK.items()}
    if settings.get("schedule") == "synchronous":
        known = {k: v for k, v in known.items() if k not in ("budget", "retention")}
    made = {**known, **settings, "keep": 100}

    def run(out: Path, progress: Recorder, resume: bool = False) -> None:
        kit = agentkit.load(environ={})
        with kit:
            kit.define("model", "policy", use="transformers", model=str(folder), dtype="fp32")
            kit.define("trainer", "part", use="ring", model="policy", **made)
            kit.part("trainer", "part").train(DATA, out, progress, resume=resume)

    run(tmp_path / "whole", Recorder())
    with pytest.raises(Paused):
        run(tmp_path / "cut", Recorder(stop_at=3))
    rest = Recorder()
    run(tmp_path / "cut", rest, resume=True)
    assert min(rest.used) == 4
    assert same(tmp_path / "whole", tmp_path / "cut")
    lines = [
        [
            (r["step"], r["group"], r["member"], r["ids"])
            for r in read(tmp_path / n / "rollouts.jsonl")
        ]
        for n in ("whole", "cut")
    ]
    assert lines[0] == lines[1]


KILLED = """
import json, sys
from pathlib import Path
import agentkit
from agentkit.capabilities import Example
from agentkit.testing.progress import Recorder
settings, folder, out, resume = json.loads(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
data = [Example(k, v) for k, v in json.loads(sys.argv[5])]
class Loud(Recorder):
    def update(self, step, total, metrics=None):
        print(step, flush=True)
with agentkit.load(environ={}) as kit:
    kit.define("model", "policy", use="transformers", model=folder, dtype="fp32", threads=1)
    kit.define("trainer", "part", use="ring", model="policy", **settings)
    kit.part("trainer", "part").train(data, out, Loud(), resume=resume == "yes")
"""


def test_killed_in_mid_step_and_resumed_is_undisturbed(folder: Path, tmp_path: Path) -> None:
    """At a step that nobody chose."""
    last = random.SystemRandom().randrange(4, 10)
    settings = {**QUICK, "steps": 12, "keep": 3}
    given = json.dumps([(one.id, dict(one.data)) for one in DATA])

    def begin(out: Path, resume: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", KILLED, json.dumps(settings), str(folder), str(out)]
        return subprocess.Popen(
            [*command, resume, given], stdout=subprocess.PIPE, text=True, cwd=tmp_path
        )

    train(folder, tmp_path / "whole", steps=12, keep=3)
    out = tmp_path / "killed"
    running = begin(out, "no")
    assert running.stdout is not None
    for line in running.stdout:
        if int(line) == last:  # past a checkpoint: another step is under way now
            time.sleep(0.03)
            os.kill(running.pid, signal.SIGKILL)
            break
    running.wait()
    again = begin(out, "yes")
    told, _ = again.communicate()
    first = int(told.split()[0])
    assert again.returncode == 0 and told.split()[-1] == "12", f"killed behind step {last}"
    assert first % 3 == 1 and first > last // 3 * 3, f"killed behind step {last}"
    assert same(tmp_path / "whole", out)
    whole, cut = (list(read(tmp_path / n / "steps.jsonl")) for n in ("whole", "killed"))
    assert [s["loss"] for s in whole] == [s["loss"] for s in cut]
    seen = [(r["step"], r["group"], r["member"]) for r in read(out / "rollouts.jsonl")]
    assert len(seen) == len(set(seen))  # no group lost, none doubled
    assert seen == [
        (r["step"], r["group"], r["member"]) for r in read(tmp_path / "whole" / "rollouts.jsonl")
    ]


def test_a_checkpoint_of_another_training_is_refused(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(folder, out, steps=1)
    with pytest.raises(UsageError, match="other data"):
        train(folder, out, steps=2, resume=True, data=DATA[:5])
    with pytest.raises(UsageError, match="other settings"):
        train(folder, out, steps=2, resume=True, rate=1e-4)
    state = json.loads((out / "checkpoint" / "state.json").read_text())
    (out / "checkpoint" / "state.json").write_text(json.dumps({**state, "model": "other"}))
    with pytest.raises(DataError, match="another model"):
        train(folder, out, steps=2, resume=True)
    other = tiny_model_folder(tmp_path / "tiny", context=64)
    with pytest.raises(DataError, match="another model"):
        train(other, out, steps=2, resume=True)
    with pytest.raises(DataError, match="no checkpoint"):
        train(folder, tmp_path / "nothing", resume=True)


# -- rewards that are not what they should be ------------------------------------------------------


class Odd:
    """A reward that gives what it is told, by the bytes of the answer."""

    bounds = (0.0, 1.0)

    def __init__(self, *values: float) -> None:
        self.values = values

    def score(self, outcome: Outcome) -> Score:
        return Score(self.values[sum(outcome.answer.encode()) % len(self.values)], {}, ("as told",))


@contextmanager
def rewarded(folder: Path, reward: Any, **settings: Any) -> Iterator[Any]:
    with of(folder, rewards=["odd"], **settings) as kit:
        kit.add("reward", "odd", reward)
        yield kit.part("trainer", "part")


def test_some_rewards_without_a_number_are_left_out(folder: Path, tmp_path: Path) -> None:
    seen = Recorder()
    with rewarded(folder, Odd(0.0, 1.0, float("nan"))) as trainer:
        trainer.train(DATA, tmp_path / "out", seen)
    assert sum(m["rewards_missing"] for _, m in seen.updates) > 0
    assert all(t.isfinite().all() for t in weights(tmp_path / "out").values())


def test_numbers_that_the_engine_left_out_are_counted_and_break_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the training is stopped in between: the open rollouts hold them."""
    take = TokensEngine._take

    def silent(self: TokensEngine, one: Rollout, span: Any) -> None:
        take(self, one, span)
        one.logp[:] = [float("nan") if n % 2 else p for n, p in enumerate(one.logp)]

    monkeypatch.setattr(TokensEngine, "_take", silent)
    seen = train(folder, tmp_path / "whole", steps=4)
    assert all(m["missing"] > 0 for _, m in seen.updates)
    assert all(value == value for _, m in seen.updates for value in m.values())
    assert all(t.isfinite().all() for t in weights(tmp_path / "whole").values())
    with pytest.raises(Paused):
        train(folder, tmp_path / "cut", Recorder(stop_at=3), steps=4)
    train(folder, tmp_path / "cut", resume=True, steps=4)
    assert same(tmp_path / "whole", tmp_path / "cut")


def test_no_reward_with_a_number_stops_the_training(folder: Path, tmp_path: Path) -> None:
    with (
        rewarded(folder, Odd(float("nan"))) as trainer,
        pytest.raises(TrainingDiverged, match="reward"),
    ):
        trainer.train(DATA, tmp_path / "out", Recorder())


def test_groups_that_are_all_equal_change_nothing(folder: Path, tmp_path: Path) -> None:
    before = load_file(str(folder / "model.safetensors"))
    with rewarded(folder, Odd(0.5), steps=1, weight_decay=0.0) as trainer:
        seen = Recorder()
        trainer.train(DATA, tmp_path / "out", seen)
    assert seen.updates[0][1]["flat_groups"] == seen.updates[0][1]["groups"]
    after = weights(tmp_path / "out")
    assert seen.updates[0][1]["norm"] == 0.0
    assert all(after[name].equal(before[name]) for name in after)


# -- mistakes are named before any work starts -----------------------------------------------------


@pytest.mark.parametrize(
    "data, told",
    [
        ([Example("a", {"answer": "5"})], "has no prompt"),
        ([Example("a", {"prompt": "x" * 70, "answer": "5"})], "do not fit a context of 64"),
        ([Example("a", {"prompt": "1+1="})], "no 'answer'"),
    ],
)
def test_examples_that_cannot_be_used_are_named(
    folder: Path, tmp_path: Path, data: list[Example], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        train(folder, tmp_path / "out", data=data)


def test_several_rewards_are_chosen_by_the_example(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names the reward None"):
        train(folder, tmp_path / "out", rewards=["answer", "rules"])
    mixed = [
        Example("a", {"prompt": "1+1=", "answer": "2", "reward": "answer"}),
        Example("b", {"prompt": "2+1=", "rules": [{"words": 1}], "reward": "rules"}),
    ]
    seen = train(folder, tmp_path / "out", rewards=["answer", "rules"], data=mixed, steps=2)
    assert {name for ids in seen.used.values() for name in ids} == {"a", "b"}
    with pytest.raises(ConfigError, match="nobody"):
        train(folder, tmp_path / "other", rewards=["nobody"])


def test_a_start_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tiny_model_folder(tmp_path / "tiny", context=64)
    with pytest.raises(DataError, match="another model"):
        train(folder, tmp_path / "out", start=str(other / "model.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes(b"no tensors")
    with pytest.raises(DataError, match="cannot be read"):
        train(folder, tmp_path / "out", start=str(tmp_path / "cut.safetensors"))


def test_a_stage_goes_on_from_the_one_before(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path / "one", steps=1)
    start = tmp_path / "one" / "checkpoint" / "model.safetensors"
    rules = [Example("r", {"prompt": "1+1=", "rules": [{"words": 1}]})]
    train(
        folder,
        tmp_path / "two",
        steps=1,
        rewards=["rules"],
        data=rules,
        start=str(start),
        rate=1e-12,
        weight_decay=0.0,
        mask="none",
    )
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(one[name].allclose(two[name], atol=1e-9) for name in one)


def test_lower_precisions_release_and_other_masks_run(folder: Path, tmp_path: Path) -> None:
    for number, settings in enumerate(
        (
            {"precision": "int4", "release": True},
            {"precision": "bf16", "mask": "kpop", "kl": 0.01},
            {"mask": "one-ratio", "updates": 2},
            {"mask": "sequence-mis", "mean": "token", "counts": "generated"},
        )
    ):
        seen = train(folder, tmp_path / str(number), steps=2, **settings)
        last = seen.updates[-1][1]
        assert all(value == value for value in last.values())
        if settings.get("precision") == "int4":
            assert last["gap_engine"] > 0.01 and last["released"] > 100_000


def test_the_command_line_trains_and_plans(folder: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"id": one.id, **one.data}) for one in DATA]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    (tmp_path / "agentkit.toml").write_text(
        f'[models.policy]\nuse = "transformers"\nmodel = "{folder}"\ndtype = "fp32"\n'
        '[trainers.ring]\nuse = "ring"\nmodel = "policy"\nchat = false\nsteps = 2\nprompts = 2\n'
        "group = 2\nlimit = 3\n"
    )
    command = [sys.executable, "-m", "agentkit", "train", "ring"]
    done = subprocess.run(
        [*command, "data.jsonl", "--out", "made"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "step 2" in done.stdout and "reward" in done.stdout
    wrong = subprocess.run(
        [*command, "data.jsonl", "--out", "other", "--set", "phi=0.2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 3 and "phi does nothing" in wrong.stderr
    assert not (tmp_path / "other").exists()
