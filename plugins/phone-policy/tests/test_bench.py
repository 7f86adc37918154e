"""The experiment and the agent, on the smallest scale: real phones, the policy that ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.bench import Bench
from agentkit.kit import load
from agentkit.testing.progress import Recorder
from agentkit_phone_policy.bench import EXPERIMENT, SPLITS
from agentkit_phone_policy.playing import play

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_the_experiment_tells_shares_with_their_spread(tmp_path: Path) -> None:
    with load() as kit:
        bench = Bench(kit, "quick", (0,), tmp_path, Recorder(), {"tasks": "1"})
        made = EXPERIMENT.run(bench)
        again = EXPERIMENT.run(Bench(kit, "quick", (0,), tmp_path, Recorder(), {"tasks": "1"}))
    assert made.metrics == again.metrics, "what was measured is kept"
    for split in SPLITS:
        share = made.metrics[f"success, {split}"]
        assert share.n == 1 and share.low is not None and share.low <= share.value <= 1
    with load() as kit:
        kit.define("environment", "asked", use="android", where="inside", picture=False)
        knows = hasattr(kit.environment("asked"), "expert")
    assert any(name.startswith("right steps, ") for name in made.metrics) == knows


@pytest.mark.slow
def test_it_switches_the_wireless_network_on() -> None:
    """The plainest task of all; a policy that cannot do it is not worth shipping."""
    with load() as kit:
        kit.define("environment", "mine", use="android", where="inside", picture=False)
        phone = kit.environment("mine")
        task = next(t for t in phone.tasks("train") if t.id == "wifi/0")
        played = play(kit.model("phone-policy"), phone, task, 0, judged=True)
    assert played.success and played.actions[-1] == "finish"
    assert all(same for _, same in played.judged)


def test_the_agent_alone_is_there_by_name() -> None:
    with load() as kit:
        assert kit.registration("agent", "policy-alone").name == "phone-step"
        assert kit.values("agent", "policy-alone").plain()["model"] == "phone-policy"
