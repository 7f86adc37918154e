"""A phone in this process, and runs of a policy on it, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from agentkit.kit import Kit, load

torch.set_num_threads(1)


def kit_of(folder: Path) -> Kit:
    """A kit whose runs lie in a folder, with the phone `inside`."""
    made = load(environ={}, overrides=[f'host.store="{folder}"'])
    made.define("environment", "inside", use="android", where="inside", picture=False)
    return made


@pytest.fixture(scope="session")
def in_folder() -> Callable[[Path], Kit]:
    return kit_of


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with kit_of(tmp_path / "runs") as made:
        yield made


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """Rollouts of the shipped policy with the expert's advice, and a run of another agent."""
    with kit_of(tmp_path_factory.mktemp("runs")) as made:
        made.define(
            "agent", "warm", use="rollout", model="phone-policy", environment="inside",
            temperature=1.5, expert=True,
        )  # fmt: skip
        made.define("agent", "alone", use="phone-step", model="phone-policy", environment="inside")
        tasks = made.environment("inside").tasks("train")
        for task in tasks[:40:4]:
            assert made.agent("warm").run(task.goal, task_id=task.id, seed=3).wait() == "done"
        assert made.agent("alone").run("", task_id=tasks[0].id).wait() == "done"
        yield made
