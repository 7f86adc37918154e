"""Plugins and traces follow a run; none of them can harm it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from agentkit import hookimpl
from agentkit.errors import ConfigError

pytestmark = pytest.mark.slow


class Watching:
    def __init__(self, broken: bool = False) -> None:
        self.seen: list[Any] = []
        self.broken = broken

    @hookimpl
    def agentkit_run_started(self, run: str, agent: str) -> None:
        self.seen.append(("started", agent))

    @hookimpl
    def agentkit_event(self, event: Any) -> None:
        self.seen.append(event.seq)
        if self.broken:
            raise RuntimeError("no")

    @hookimpl
    def agentkit_run_finished(self, run: str, status: str) -> None:
        self.seen.append(("finished", status))


def test_plugins_are_told_in_order_what_is_stored(trials: Any) -> None:
    kit, watching = trials(asks=False), Watching()
    kit.host.manager.register(watching, "watching")
    run = kit.agent("trial").run("fish")
    run.send("from elsewhere")
    run.wait()
    last = kit.runs.last(run.id)
    assert watching.seen == [("started", "trial"), *range(2, last + 1), ("finished", "done")]


def test_a_plugin_that_fails_is_muted_and_the_run_goes_on(
    trials: Any, caplog: pytest.LogCaptureFixture
) -> None:
    kit, broken, fine = trials(asks=False), Watching(broken=True), Watching()
    kit.host.manager.register(broken, "broken")
    kit.host.manager.register(fine, "fine")
    with caplog.at_level(logging.WARNING, "agentkit"):
        run = kit.agent("trial").run("fish")
        assert run.wait() == "done"
    assert len([s for s in broken.seen if isinstance(s, int)]) == 5
    assert len(fine.seen) == kit.runs.last(run.id) + 1
    assert "plugin 'broken' failed: RuntimeError: no" in caplog.text
    assert "not told of this run any more" in caplog.text


def test_a_run_is_a_trace_by_the_conventions(kit_of: Any, tmp_path: Path) -> None:
    def work(state: Any, rt: Any) -> Any:
        rt.model("trial").ask("a secret prompt")
        rt.call("post", {"text": "x"})
        raise ConfigError("broken on purpose")

    kit = kit_of(work=work)
    target = tmp_path / "traces.jsonl"
    kit.settings.host = kit.settings.host.model_copy(update={"telemetry": f"file:{target}"})
    run = kit.agent("made").run("t")
    assert run.wait() == "failed"
    kit.close()
    spans = {s["name"]: s for s in map(json.loads, target.read_text().splitlines())}
    top = spans["invoke_agent made"]
    assert top["attributes"]["gen_ai.conversation.id"] == run.id
    assert top["status"] == {"status_code": "ERROR", "description": "broken on purpose"}
    chat = spans["chat trial"]
    assert chat["parent_id"] == top["context"]["span_id"]
    assert chat["attributes"]["gen_ai.usage.output_tokens"] == 3
    assert spans["execute_tool post"]["attributes"]["gen_ai.tool.name"] == "post"
    assert "secret" not in target.read_text()


def test_a_wrong_target_leaves_no_run_behind(kit_of: Any) -> None:
    kit = kit_of(work=lambda s, rt: {})
    kit.settings.host = kit.settings.host.model_copy(update={"telemetry": "somewhere"})
    with pytest.raises(ConfigError, match=r"host\.telemetry cannot be 'somewhere'"):
        kit.agent("made").run("t")
    assert kit.runs.runs() == []
