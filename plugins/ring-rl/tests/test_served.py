"""An engine on a server's abilities, here a stand-in that continues token ids by a rule and keeps
what it was told, because vLLM needs an accelerator: order of calls, versions, missing numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from agentkit.capabilities import Continuation, Draw, Ids
from agentkit.errors import BackendUnavailable, DataError, Unsupported
from agentkit_ring_rl.rollouts import Prompt, Rollout
from agentkit_ring_rl.served import ServedEngine


class Server:
    """Counts upward from the last token, ends at 99, and tells no log-probability of 50."""

    top_logprobs = 1

    def __init__(self) -> None:
        self.info = SimpleNamespace(name="server")
        self.control = Told()
        self.asked: list[tuple[int, int]] = []

    def ability(self, kind: type) -> Any:
        return self

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
    return ServedEngine(server, lambda tensors: {"names": list(tensors)}, tick=tick)  # type: ignore[arg-type]


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
