"""House rules of the test suite."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

collect_ignore = ["agentkit/templates"]  # tests of plugins that are not written yet
ALLOWED_SKIPS = {"gpu", "hub"}
# One torch thread a worker, and in what it starts: more of them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How long an example takes says what else the machine does.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")
# A shell without job control starts background commands deaf to Ctrl-C, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's or this checkout's settings, or writes to the user's runs. Models
    stay cached."""
    home = tmp_path_factory.mktemp("agentkit")
    monkeypatch.chdir(home)
    monkeypatch.setenv("AGENTKIT_CONFIG", str(home / "config"))
    monkeypatch.setenv("AGENTKIT_DATA", str(home / "data"))
    for name in list(os.environ):
        if name.startswith("AGENTKIT_") and "__" in name:
            monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[pytest.TestReport]:
    """With CI=true a skip is a failure, unless the test is marked gpu or hub."""
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("CI") == "true"
        and not any(item.get_closest_marker(mark) for mark in ALLOWED_SKIPS)
    ):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow"
    return report


REPOSITORY = Path(__file__).parent
