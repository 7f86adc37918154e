"""What the tests of the browser share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import agentkit
from agentkit.kit import Kit
from agentkit_web.chromium import NAMES

sys.path.insert(0, str(Path(__file__).parent))  # for helpers that tests share

Declare = Callable[..., object]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked slow here starts a browser."""
    if any(shutil.which(name) for name in NAMES):
        return
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="no Chromium (Debian: chromium)"))


@pytest.fixture(scope="session")
def browser_kit() -> Iterator[Kit]:
    """One kit, and so one browser, for all tests."""
    with agentkit.load(environ={}) as kit:
        yield kit


@pytest.fixture
def part(browser_kit: Kit) -> Declare:
    """`part("environment", suite="sites")`: a new part `use = "web"` of the shared kit."""

    def make(noun: str, **settings: object) -> object:
        name = f"part-{len(browser_kit.settings.parts)}"
        browser_kit.define(noun, name, use="web", **settings)
        return browser_kit.part(noun, name)

    return make
