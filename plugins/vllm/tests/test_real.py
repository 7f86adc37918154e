"""The part around vLLM itself, where there is one.

    AGENTKIT_VLLM=path/to/an/environment pytest plugins/vllm/tests/test_real.py

The README says how to make such an environment for a processor.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import (
    CallContext,
    Continuations,
    Delta,
    Draw,
    Grammar,
    Message,
    Request,
)
from agentkit.errors import BackendUnavailable, ContextOverflow
from agentkit.kit import Kit
from agentkit.models.files.catalog import BUNDLED
from agentkit.models.files.fetch import present
from agentkit_vllm.model import VllmModel

ENVIRONMENT = os.environ.get("AGENTKIT_VLLM", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not present(BUNDLED["smollm2-135m"]), reason="smollm2-135m is not here"),
]


@pytest.fixture
def part(kit: Callable[..., Kit], tmp_path: Path) -> Iterator[tuple[VllmModel, Any]]:
    made = kit()
    made.define(
        "model",
        "part",
        use="vllm",
        model="smollm2-135m",
        environment=ENVIRONMENT,
        options={"enforce-eager": True, "max-num-seqs": 16},
        env={
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        },
        context=1024,
        control=True,
        retries=1,
        log=str(tmp_path / "log"),
    )
    made.define("model", "here", use="transformers", model="smollm2-135m", dtype="fp32")
    yield made.part("model", "part"), made.model("here")


def ask(text: str = "Name three colours.", **settings: Any) -> Request:
    """With a system message: without one, the template puts in a line of its own there."""
    return Request.of(Message.system("You answer."), text, **{"max_tokens": 12, **settings})


def test_a_real_server_from_start_to_restart(part: tuple[VllmModel, Any]) -> None:
    model, here = part
    told: list[Delta] = []
    (made,) = model.generate([ask()], on_delta=told.append)
    assert made.text == "".join(d.text for d in told) and made.usage.completion == 12
    assert made.text == here.generate([ask()])[0].text, "the same greedy answer as in this process"
    many = model.generate([ask(context=CallContext(seed=n), temperature=1.0) for n in range(8)])
    assert len({one.text for one in many}) > 1 and not any(one.error for one in many)

    schema = {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"]}
    (found,) = model.generate([ask(grammar=Grammar("json", schema), max_tokens=60)])
    assert not found.error and found.finish == "stop"
    (likely,) = model.generate([ask(logprobs=2)])
    assert len(likely.logprobs) == 12 and len(likely.logprobs[0].top) == 2
    with pytest.raises(ContextOverflow):
        model.generate([ask("x " * 2000)])

    tokens = model.ability(Continuations)
    prompt = tokens.render(ask())
    (more,) = tokens.continued([prompt], [4], [Draw(seed=1, temperature=1.0)])
    assert len(more.ids) == 4 and all(value <= 0 for value in more.logp)

    model.control.pause()
    assert model.control.paused()
    model.control.resume()
    with pytest.raises(BackendUnavailable, match="weight_transfer_config"):
        model.control.update_weights({})

    process = model.server._process
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)  # the guard takes the server and its workers with it
    process.wait(60)
    assert model.generate([ask()])[0].text == made.text, "a new server answers alike"
