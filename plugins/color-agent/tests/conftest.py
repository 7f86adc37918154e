"""A simulated phone in this process, and an operator that is told what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentkit.capabilities import Task
from agentkit.kit import Kit, load
from agentkit_color_agent.bench.noisy import NoisyExpert
from agentkit_color_agent.teaching import Teaching, teaching

sys.path.insert(0, str(Path(__file__).parent))  # for the helper that tests share
from color_told import Told

TOML = """
[environments.phone]
use = "android"
where = "inside"
picture = false

[models.told]
use = "scripted"
answers = ['{"kind":"finish","status":"success"}']

[agents.color]
use = "color-agent"
model = "noisy"
"""


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    file = tmp_path / "agentkit.toml"
    file.write_text(TOML)
    with load(file, environ={}, overrides=[f'host.store="{tmp_path}/runs"']) as made:
        made.add("model", "noisy", NoisyExpert(teaching(made.environment("phone"))))
        yield made


@pytest.fixture
def phone(kit: Kit) -> Teaching:
    return teaching(kit.environment("phone"))


@pytest.fixture
def noisy(kit: Kit) -> NoisyExpert:
    made: NoisyExpert = kit.part("model", "noisy")
    return made


@pytest.fixture
def told(kit: Kit) -> Told:
    return Told(kit)


@pytest.fixture
def find(phone: Teaching) -> Callable[[str], Task]:
    def found(name: str) -> Task:
        splits = ("train", "validation", "test", "personal")
        return next(t for s in splits for t in phone.tasks(s) if t.id == name)

    return found
