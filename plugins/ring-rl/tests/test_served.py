"""An engine on a server's abilities. First a stand-in that continues token ids by a rule and keeps
what it was told: order of calls, versions, missing numbers. Then whole trainings for which another
process draws: the host's own server, which takes weights by vLLM's routes (`weights_server.py` says
why it is not vLLM itself)."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import agentkit
import agentkit_ring_rl.served as served
from agentkit.capabilities import Continuation, Draw, Ids
from agentkit.errors import BackendUnavailable, ConfigError, DataError, Unsupported
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import examples
from agentkit_ring_rl.record import read
from agentkit_ring_rl.rollouts import Prompt, Rollout
from agentkit_ring_rl.served import ServedEngine, by_file, check_server


class Server:
    """Counts upward from the last token, ends at 99, and tells no log-probability of 50."""

    top_logprobs = 1

    def __init__(self) -> None:
        self.info = SimpleNamespace(name="server")
        self.control = Told()
        self.asked: list[tuple[int, int]] = []

    def ability(self, kind: type) -> Any:
        return self

    def encode(self, text: str) -> tuple[int, ...]:
        return 5, 6

    def continued(
        self, prompts: Sequence[Ids], max_new: Sequence[int], draws: Sequence[Draw], **_: Any
    ) -> list[Continuation]:
        made = []
        for ids, most in zip(prompts, max_new):
            self.asked.append((len(ids), most))
            if ids[-1] == 77:
                raise DataError("this prompt breaks it")
            new = tuple(range(ids[-1] + 1, min(ids[-1] + 1 + most, 100)))
            logp: Any = tuple(None if token == 50 else -0.5 for token in new)
            finish: Any = "stop" if new[-1] == 99 else "length"
            made.append(Continuation(new, logp, ({},) * len(new), 1, finish))
        return made


class Told:
    """Records what a trainer asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.version = ""
        self.stubborn = False
        self.gone = 0  # times that it is not to be reached

    def connect_weights(self, init_info: Mapping[str, Any]) -> None:
        if self.gone:
            self.gone -= 1
            raise BackendUnavailable("connection refused", "")
        self.calls.append("connect")

    def pause(self, mode: str = "keep") -> None:
        self.calls.append(f"pause {mode}")

    def resume(self) -> None:
        self.calls.append("resume")

    def update_weights(self, update_info: Mapping[str, Any], *, version: str = "") -> None:
        self.calls.append(f"update {sorted(update_info['names'])} {version}")
        self.version = self.version if self.stubborn else version

    def weights_version(self) -> str:
        return self.version

    def sleep(self, level: int = 1) -> None:
        self.calls.append(f"sleep {level}")

    def wake(self, tags: Sequence[str] = ()) -> None:
        self.calls.append(f"wake {' '.join(tags)}")


def engine(server: Server, tick: int = 4) -> ServedEngine:
    return ServedEngine(server, named, tick=tick)  # type: ignore[arg-type]


@contextmanager
def named(tensors: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"names": list(tensors)}


def rollout(last: int, limit: int = 10) -> Rollout:
    return Rollout(last, 0, Prompt("p", (1, last), limit), last)


def test_rollouts_go_on_with_what_remains_and_know_their_versions() -> None:
    server = Server()
    made = engine(server)
    some = [rollout(40), rollout(93)]
    made.start(some)
    assert made.step() == []
    made.pause()
    made.load({"w": torch.zeros(2)}, 1)
    made.start(some)
    assert made.step() == [some[1]] and some[1].end == "stop" and some[1].ids[-1] == 99
    made.step()
    assert some[0].end == "length" and some[0].ids == list(range(41, 51))
    assert some[0].versions == [0] * 4 + [1] * 6
    assert server.asked[-1] == (10, 2)  # not the whole limit again
    assert math.isnan(some[0].logp[-1]) and some[0].logp[0] == -0.5


def test_weights_are_taken_while_nothing_is_drawn() -> None:
    server = Server()
    made = engine(server)
    made.release()
    made.load({"w": torch.zeros(2)}, 3)
    assert server.control.calls == [
        "sleep 2",
        "wake weights",
        "connect",
        "pause wait",
        "update ['w'] 3",
        "resume",
        "wake kv_cache",
    ]
    assert made.version == 3
    with pytest.raises(Unsupported, match="older"):
        made.load({"w": torch.zeros(2)}, 2)
    server.control.stubborn = True
    with pytest.raises(BackendUnavailable, match="has weights 3, not version 4"):
        made.load({"w": torch.zeros(2)}, 4)
    assert made.version == 3


def test_one_rollout_at_fault_ends_alone() -> None:
    made = engine(Server())
    some = [rollout(10), rollout(77), rollout(20)]
    made.start(some)
    assert made.step() == [some[1]]
    assert (some[1].end, some[1].why) == ("error", "this prompt breaks it")
    assert some[0].ids and some[2].ids


def test_a_model_that_takes_no_weights_is_refused() -> None:
    server = Server()
    server.control = None  # type: ignore[assignment]
    with pytest.raises(Unsupported, match="takes no new weights"):
        engine(server)
    made = engine(Server())
    one = rollout(10)
    made.start([one])
    made.step()
    with pytest.raises(Unsupported, match="read"):
        made.start([one], keep=True)


def test_a_server_that_was_started_again_gets_its_weights_again() -> None:
    server = Server()
    made = engine(server)
    made.load({"w": torch.zeros(2)}, 1)
    one = rollout(10)
    made.start([one])
    made.step()
    server.control.version = "default"  # another process, with the weights that it came with
    told = len(server.control.calls)
    assert made.step() == [] and len(one.ids) == 4, "what it drew then is of no use"
    assert server.control.calls[told:] == ["connect", "pause wait", "update ['w'] 1", "resume"]
    made.step()
    assert len(one.ids) == 8 and set(one.versions) == {1}
    server.control.version, server.control.stubborn = "default", True
    with pytest.raises(BackendUnavailable, match="weights default, not version 1"):
        made.step()


def test_a_server_that_is_found_gone_when_it_is_given_weights_gets_them_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who draws saw only that an answer was cut off."""
    monkeypatch.setattr(served, "WAIT", 0.0)
    server = Server()
    made = engine(server)
    made.load({"w": torch.zeros(2)}, 1)
    one = rollout(10)
    made.start([one])
    server.control.version, server.control.gone = "default", 1
    told = len(server.control.calls)
    assert made.step() == [] and not one.ids
    assert server.control.calls[told:] == ["connect", "pause wait", "update ['w'] 1", "resume"]
    made.step()
    assert len(one.ids) == 4
    server.control.version, server.control.gone = "default", 9
    with pytest.raises(BackendUnavailable, match="refused"):
        made.step()


def test_weights_in_a_file_are_whole_and_gone_afterwards() -> None:
    rest = {"a": torch.ones(2), "b": torch.ones(1)}
    with by_file(rest)({"b": torch.zeros(1)}) as told:
        folder = Path(told["path"])
        found = load_file(str(folder / "model.safetensors"))
        assert {n: t.tolist() for n, t in found.items()} == {"a": [1.0, 1.0], "b": [0.0]}
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


# -- whole trainings -------------------------------------------------------------------------------

DATA = examples("digit", 40, 0)
SETTINGS: dict[str, Any] = {
    "model": "policy",
    "engine": "served",
    "chat": False,
    "steps": 3,
    "prompts": 4,
    "group": 4,
    "limit": 3,
    "budget": 40,
    "rate": 3e-3,
    "keep": 1,
    "tick": 1,
}


def of(folder: Path, notes: Path, *more: str, **settings: Any) -> Kit:
    kit = agentkit.load(environ={})
    kit.define("model", "policy", use="transformers", model=str(folder), dtype="fp32", threads=1)
    server = Path(__file__).parent / "weights_server.py"
    command = [sys.executable, str(server), "--notes", str(notes), *more]
    far = {"model": str(folder), "command": command, "log": str(notes) + ".log", "check": 0.01}
    kit.define("model", "far", use="vllm", control=True, **far)
    kit.define("model", "closed", use="vllm", **far)
    kit.define("model", "elsewhere", use="openai", base_url="http://127.0.0.1:9/v1", model="m",
               token_ids=True)  # fmt: skip
    known = {"server": "far", **SETTINGS, **settings}
    kit.define("trainer", "part", use="ring", **known)
    return kit


def versions(notes: Path) -> list[str]:
    """Of the weights that the server was given, in their order."""
    lines = notes.read_text().split("\n")
    return [line.split()[1] for line in lines if line.startswith("finish_weight_update")]


@pytest.mark.slow
def test_a_server_draws_from_the_weights_that_are_trained(folder: Path, tmp_path: Path) -> None:
    out, seen, rest = tmp_path / "out", Recorder(), Recorder()
    with of(folder, tmp_path / "notes") as kit:
        kit.part("trainer", "part").train(DATA, out, seen)
        kit.define("trainer", "more", use="ring", server="far", **{**SETTINGS, "steps": 4})
        kit.part("trainer", "more").train(DATA, out, rest, resume=True)
    # the first weights, then those of each step; those of the checkpoint, then of one step more
    assert versions(tmp_path / "notes") == ["0", "1", "2", "3", "3", "4"]
    assert list(seen.used) == [1, 2, 3] and list(rest.used) == [4]
    for _, metrics in (*seen.updates, *rest.updates):  # over HTTP, in fp32: the same numbers
        assert metrics["gap_engine"] < 1e-4 and metrics["missing"] == 0
    for one in read(out / "rollouts.jsonl"):
        assert len(one["ids"]) == len(one["versions"]) and max(one["versions"]) < one["step"]
    before = load_file(str(folder / "model.safetensors"))
    after = load_file(str(out / "checkpoint" / "model.safetensors"))
    assert any(not after[n].equal(before[n]) for n in after)


@pytest.mark.slow
def test_a_server_killed_in_mid_generation_is_given_its_weights_again(
    folder: Path, tmp_path: Path
) -> None:
    """From the command line, with LoRA, and memory given back between the phases."""
    lines = [json.dumps({"id": one.id, **one.data}) for one in DATA]
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    notes, server = tmp_path / "notes", Path(__file__).parent / "weights_server.py"
    (tmp_path / "agentkit.toml").write_text(
        f'[models.policy]\nuse = "transformers"\nmodel = "{folder}"\ndtype = "fp32"\n'
        f'[models.far]\nuse = "vllm"\nmodel = "{folder}"\ncontrol = true\nretries = 0\n'
        f'command = ["{sys.executable}", "{server}", "--notes", "{notes}", "--die-at", "50"]\n'
        '[trainers.ring]\nuse = "ring"\nmodel = "policy"\nchat = false\nsteps = 3\n'
        "prompts = 4\ngroup = 4\nlimit = 3\nbudget = 40\nlora = 2\nrelease = true\n"
        "rate = 3e-3\n"
    )
    command = [sys.executable, "-m", "agentkit", "train", "ring", "data.jsonl", "--out", "made"]
    done = subprocess.run(
        [*command, "--set", "engine=served", "--set", "server=far"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes.died").exists() and "step 3" in done.stdout
    told = versions(notes)
    assert len(told) == 5 and sorted(set(told)) == ["0", "1", "2", "3"], "one version twice"
    assert notes.read_text().count("init_weight_transfer_engine") == 2
    steps = list(read(tmp_path / "made" / "steps.jsonl"))
    assert len(steps) == 3 and all(step["gap_engine"] < 1e-4 for step in steps)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings, kind, told",
    [
        ({"server": "closed"}, ConfigError, "trainers.part.server: models.closed: the server tak"),
        ({"server": "elsewhere"}, ConfigError, "server: models.elsewhere takes no new weights"),
        ({"server": "policy"}, Unsupported, "needs server to have the ability 'continuations'"),
        ({"server": "nobody"}, ConfigError, "there is no model 'nobody'"),
        ({"server": None}, ConfigError, "server is missing"),
        ({"temperature": 0.7}, ConfigError, "temperature must be 1 with engine = 'served'"),
        ({"precision": "int8"}, ConfigError, "precision does nothing with engine = 'served'"),
        ({"engine": "tokens"}, ConfigError, "server does nothing with engine = 'tokens'"),
        ({"on": "ray"}, ConfigError, "engine = 'served' does not run on ray"),
    ],
)
def test_what_cannot_draw_is_named_before_any_work(
    folder: Path, tmp_path: Path, settings: dict[str, Any], kind: type[Exception], told: str
) -> None:
    with of(folder, tmp_path / "notes", **settings) as kit, pytest.raises(kind, match=told):
        kit.part("trainer", "part").train(DATA, tmp_path / "out", Recorder())
    assert not (tmp_path / "out").exists() and not (tmp_path / "notes").exists()


def test_a_server_of_another_model_is_refused() -> None:
    server: Any = Server()
    asked = Prompt("one", (5, 6), 3, {"prompt": "1+1="})
    check_server("trainers.part.server", server, asked, chat=False)
    asked = Prompt("one", (5, 7), 3, {"prompt": "1+1="})
    with pytest.raises(ConfigError, match=r"part\.server: models\.server has other tokens for"):
        check_server("trainers.part.server", server, asked, chat=False)
