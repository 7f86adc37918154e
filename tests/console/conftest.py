"""A console's server for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.console.serving import Console, serve, stop, stop_runs


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One server for all tests of a module, with nobody let in yet."""
    folder = tmp_path_factory.mktemp("console")
    console = serve(folder)
    yield console
    stop(console)
    stop_runs(folder)


@pytest.fixture(scope="module")
def console(served: Console) -> Console:
    """The same, as an operator."""
    return served.enter()
