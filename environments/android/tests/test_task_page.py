"""The template of docs/phone-tasks.md, found in a package outside the repository and done."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit_android.client.actions import Finish
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.expert import Expert

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "phone-tasks.md"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution with the page's code and entry point, as pip would lay it down."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (code,) = [b for kind, b in blocks if kind == "python" and "TEMPLATES" in b]
    (points,) = [b for kind, b in blocks if kind == "toml" and "entry-points" in b]
    line = points.strip().splitlines()[-1].replace('"', "")
    (tmp_path / "my_tasks.py").write_text(code)
    info = tmp_path / "my_tasks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-tasks\nVersion: 1.0\n")
    broken = "broken = no_such_module:TEMPLATES"
    (info / "entry_points.txt").write_text(f"[agentkit_android.tasks]\n{line}\n{broken}\n")
    monkeypatch.syspath_prepend(tmp_path)
    catalogue.templates.cache_clear()
    catalogue.tasks.cache_clear()
    yield
    sys.modules.pop("my_tasks", None)
    monkeypatch.undo()
    catalogue.templates.cache_clear()
    catalogue.tasks.cache_clear()


def test_it_is_found_done_and_checked(installed: None, caplog: pytest.LogCaptureFixture) -> None:
    template = catalogue.template("contact-unfavourite")
    assert "no_such_module" in caplog.text  # another package's fault harms nothing
    phone = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    task = catalogue.task(template, 0)
    phone.reset(task, 0)
    assert not phone.check(task).success
    expert, steps = Expert(phone.driver, task), 0
    while not isinstance(action := expert.next(), Finish):
        phone.step(action)
        steps += 1
    assert phone.check(task).success and steps <= 0.7 * template.budget
    assert any(t.template == template.name for t in phone.tasks("train"))
