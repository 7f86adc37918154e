"""The supervised trainer: what every trainer must do, and what this one promises beyond."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from agentkit.capabilities import Example, Request, Tokens, Weights
from agentkit.errors import DataError, Paused, UsageError
from agentkit.kit import Kit, load
from agentkit.testing.conformance import TrainerConformance
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_ring_rl import sft_lora, sft_state
from agentkit_ring_rl.sft import schedule, token_losses
from agentkit_ring_rl.sft_data import Lesson, Taught, batches, collate, end_token, split, taught

pytestmark = pytest.mark.slow

TINY = tiny_model_folder(Path(tempfile.gettempdir()) / "agentkit-ring-rl-tiny")
TOML = f"""
[models.tiny]
use = "transformers"
model = "{TINY}"
[trainers.part]
use = "sft"
model = "tiny"
steps = 12
batch = 4
keep = 4
rate = 0.01
warmup = 0.0
"""


def examples(count: int = 8) -> list[Example]:
    return [
        Example(f"e{n}", {"prompt": f"say {n}", "answer": str(n), "weight": 1.0})
        for n in range(count)
    ]


@pytest.mark.slow
class TestSft(TrainerConformance):
    toml = TOML

    def data(self) -> Sequence[Example]:
        return examples()

    def broken(self) -> Sequence[Example]:
        return [replace(e, data={**e.data, "weight": float("nan")}) for e in self.data()]


@pytest.mark.slow
class TestLora(TestSft):
    toml = f"{TOML}\nlora = 4"


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    (tmp_path / "agentkit.toml").write_text(TOML)
    with load(tmp_path / "agentkit.toml") as made:
        yield made


def trainer(kit: Kit, name: str, **settings: Any) -> Any:
    given = {"model": "tiny", "batch": 4, "rate": 0.01, "warmup": 0.0, **settings}
    kit.define("trainer", name, use="sft", **given)
    return kit.part("trainer", name)


# -- data -----------------------------------------------------------------------------------------


def lessons(lengths: Sequence[int]) -> list[Lesson]:
    return [Lesson(f"t{n}@0.0", (1,) * (length - 1), (2,)) for n, length in enumerate(lengths)]


def test_every_epoch_has_each_example_once_and_an_order_of_its_own() -> None:
    data = lessons(range(2, 52))
    made = batches(data, 8, seed=3)
    first, second = ([next(made) for _ in range(7)] for _ in range(2))
    for epoch in (first, second):
        assert sorted(one.id for batch in epoch for one in batch) == sorted(d.id for d in data)
    assert first != second
    again = batches(data, 8, seed=3)
    assert [next(again) for _ in range(7)] == first
    padded = sum(max(o.length for o in batch) * len(batch) for batch in first)
    assert padded < 1.3 * sum(one.length for one in data), "similar lengths go together"


def test_an_episode_is_held_out_whole_and_stays_so_with_more_data() -> None:
    steps = [Lesson(f"wifi/{n}@0.{s}", (1,), (2,)) for n in range(200) for s in range(3)]
    train, held = split(Taught(tuple(steps), 0, 0), 0.2, seed=0)
    tasks = [{one.id.partition("@")[0] for one in part} for part in (train, held)]
    assert not tasks[0] & tasks[1] and 20 < len(tasks[1]) < 60
    fewer = split(Taught(tuple(steps[:300]), 0, 0), 0.2, seed=0)[1]
    assert {one.id for one in fewer} == {one.id for one in held} & {one.id for one in steps[:300]}


def test_weights_of_a_batch_are_where_the_answers_are() -> None:
    batch = collate([Lesson("a", (5, 6, 7), (8, 9)), Lesson("b", (5,), (8,), 2.0)], 0.25)
    assert batch.ids.tolist() == [[5, 6, 7, 8, 9], [5, 8, 0, 0, 0]]
    assert batch.weights.tolist() == [[0, 0.25, 0.25, 1, 1], [0, 2, 0, 0, 0]]
    assert batch.answers.tolist() == [[False] * 3 + [True] * 2, [False, True] + [False] * 3]


def test_the_loss_is_that_of_the_engine(kit: Kit) -> None:
    """Padding and batching change nothing: these are the likelihoods that the model tells."""
    from agentkit.capabilities import Draw

    tokens = kit.model("tiny").ability(Tokens)
    given = [("a longer prompt than that", "yes"), ("short", "no, never")]
    data = [Example(p, {"prompt": p, "answer": a}) for p, a in given]
    made = taught(data, tokens, chat=True, longest=500).lessons
    with kit.model("tiny").ability(Weights).borrow("read") as module, torch.no_grad():
        batch = collate(made, 0.0)
        losses, _, _ = token_losses(module, batch)
    spans = tokens.score([o.prompt for o in made], [o.answer for o in made], [Draw()] * 2)
    told = [-float(logp) for span in spans for logp in span.logp]
    assert losses.tolist() == pytest.approx(told, abs=1e-4)


def test_an_answer_ends_as_the_chat_template_ends_it(kit: Kit) -> None:
    tokens = kit.model("tiny").ability(Tokens)
    assert tokens.decode([end_token(tokens)]) == "<|im_end|>"
    (one,) = taught(examples(1), tokens, chat=True, longest=500).lessons
    assert one.prompt == tokens.render(Request.of("say 0")) and one.answer[-1] == end_token(tokens)


def test_bad_examples_are_named(kit: Kit) -> None:
    tokens = kit.model("tiny").ability(Tokens)
    with pytest.raises(DataError, match="'x1' is none"):
        taught([Example("x1", {"prompt": "?"})], tokens, chat=True, longest=500)
    with pytest.raises(DataError, match="'x2' is none"):
        bad = {"prompt": "?", "answer": "!", "weight": "much"}
        taught([Example("x2", bad)], tokens, chat=True, longest=500)
    with pytest.raises(DataError, match="8 examples of more than 3 tokens"):
        taught(examples(), tokens, chat=True, longest=3)


# -- training -------------------------------------------------------------------------------------


def test_rates_rise_and_fall() -> None:
    rates = [schedule(step, 100, 0.1, 0.5, "linear") for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9:51] == [1.0] * 42
    assert rates[75] == pytest.approx(0.5) and rates[99] == pytest.approx(0.02)
    assert schedule(75, 100, 0.0, 0.5, "cosine") == pytest.approx(0.5)
    assert schedule(0, 1, 0.0, 0.0, "linear") == 1.0


def test_what_is_trained_is_a_copy(kit: Kit, tmp_path: Path) -> None:
    tokens = kit.model("tiny").ability(Tokens)
    with kit.model("tiny").ability(Weights).borrow("read") as module:
        before = {n: p.clone() for n, p in module.named_parameters()}
    trainer(kit, "one", steps=3).train(examples(), tmp_path / "out", Recorder())
    with kit.model("tiny").ability(Weights).borrow("read") as module:
        assert all(torch.equal(before[n], p) for n, p in module.named_parameters())
    assert tokens.encode("x")


def test_lora_begins_as_its_base_and_merges_to_the_same() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
    x = torch.randn(3, 6)
    plain = net(x)
    assert sft_lora.attach(net, ("0",), 2, 4.0, seed=0) == 1
    assert torch.equal(net(x), plain)
    assert [n for n, p in net.named_parameters() if p.requires_grad] == ["0.lora_a", "0.lora_b"]
    with torch.no_grad():
        net[0].lora_b.normal_()  # type: ignore[union-attr,operator]
    ((name, weight),) = sft_lora.merged(net)
    changed = net(x)
    whole = torch.nn.functional.linear(x, weight, net[0].base.bias)  # type: ignore[union-attr,arg-type]
    assert name == "0.weight" and not torch.equal(changed, plain)
    assert torch.allclose(net[2](torch.tanh(whole)), changed, atol=1e-6)


def test_a_training_can_begin_with_another_ones_weights(kit: Kit, tmp_path: Path) -> None:
    first = trainer(kit, "first", steps=6).train(examples(), tmp_path / "a", Recorder())
    start = str(tmp_path / "a" / "checkpoint" / "model.safetensors")
    second = trainer(kit, "second", steps=6, start=start)
    progress = Recorder()
    second.train(examples(), tmp_path / "b", progress)
    assert progress.updates[0][1]["loss"] < first.metrics["loss"] + 1.0
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match=r"bad\.safetensors"):
        trainer(kit, "third", start=str(tmp_path / "bad.safetensors")).train(
            examples(), tmp_path / "c", Recorder()
        )


def test_it_goes_on_only_with_the_same_data_and_settings(kit: Kit, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Paused):
        trainer(kit, "one", steps=8).train(examples(), out, Recorder(stop_at=3))
    with pytest.raises(UsageError, match="other data"):
        kit.part("trainer", "one").train(examples(5), out, Recorder(), resume=True)
    with pytest.raises(UsageError, match="other settings"):
        trainer(kit, "two", steps=9).train(examples(), out, Recorder(), resume=True)
    with pytest.raises(DataError, match="no checkpoint"):
        kit.part("trainer", "one").train(examples(), tmp_path / "none", Recorder(), resume=True)
    (out / "checkpoint" / "optimizer.safetensors").write_bytes(b"cut")
    with pytest.raises(DataError, match="no checkpoint"):
        kit.part("trainer", "one").train(examples(), out, Recorder(), resume=True)


@pytest.mark.usefixtures("drawn")
def test_the_record_names_the_examples_of_every_step(kit: Kit, tmp_path: Path) -> None:
    progress = Recorder()
    trainer(kit, "one", steps=5, held_out=0.3).train(examples(20), tmp_path, progress)
    steps = sft_state.read_steps(tmp_path)
    assert {s["step"]: s["examples"] for s in steps} == progress.used
    assert all(math.isfinite(s["loss"]) for s in steps)
    state = json.loads((tmp_path / "checkpoint" / "state.json").read_text())
    assert state["counts"]["held_out"] + state["counts"]["lessons"] == 20
    assert 0 <= state["metrics"]["held_out_right"] <= 1
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


SCRIPT = """
import sys
from pathlib import Path
from agentkit.kit import load
from agentkit.capabilities import Example
from agentkit.testing.progress import Recorder
data = [Example(f"e{n}", {"prompt": f"say {n}", "answer": str(n)}) for n in range(9)]
with load(sys.argv[1]) as kit:
    kit.part("trainer", "part").train(data, Path(sys.argv[2]), Recorder(), sys.argv[3] == "resume")
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_losses(tmp_path: Path) -> None:
    file = tmp_path / "agentkit.toml"
    file.write_text(TOML.replace("steps = 12", "steps = 150").replace("keep = 4", "keep = 7"))

    def begun(out: str, how: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SCRIPT, str(file), str(tmp_path / out), how])

    assert begun("whole", "new").wait() == 0
    process = begun("killed", "new")
    while len(sft_state.read_steps(tmp_path / "killed")) < 40:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(sft_state.read_steps(tmp_path / "killed"))
    assert 40 <= done < 150
    assert begun("killed", "resume").wait() == 0
    whole, killed = (sft_state.read_steps(tmp_path / n) for n in ("whole", "killed"))
    assert killed == whole, "losses, rates and examples of every step"
    one, other = (
        (tmp_path / n / "checkpoint" / "model.safetensors").read_bytes()
        for n in ("whole", "killed")
    )
    assert one == other
