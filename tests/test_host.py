"""Plugins that misbehave are shown with cause and cure, and harm nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit import host as host_module
from agentkit.errors import PluginError
from agentkit.host import Host

pytestmark = pytest.mark.slow

GOOD = """
from agentkit import hookimpl

@hookimpl
def agentkit_register(registry):
    registry.reward("exact", "json:loads", summary="a part that needs nothing")
"""


class Shelf:
    """A folder on sys.path that plugins are put on, as if installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, code: str, distribution: str = "", module: str = "") -> None:
        distribution = distribution or f"dist-{name}"
        module = module or f"shelf_{self.folder.name}_{name}_{distribution}".replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0")
        (info / "entry_points.txt").write_text(f"[agentkit]\n{name} = {module}\n")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.syspath_prepend(str(tmp_path))
    return Shelf(tmp_path)


def record(host: Host, name: str) -> host_module.PluginRecord:
    return next(r for r in host.records if r.name == name)


def test_a_good_plugin_offers_its_part(shelf: Shelf) -> None:
    shelf.put("good", GOOD)
    host = Host.load()
    assert record(host, "good").state == "ready"
    assert [offer.name for offer in record(host, "good").offers] == ["exact"]
    assert host.registry.find("reward", "exact").load() is __import__("json").loads


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
        ("def broken(:", "SyntaxError"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("raise KeyError('at import')", "at import"),
        (GOOD.replace('"json:loads"', '"json.loads"'), "module:attribute"),
        (GOOD.replace('"exact"', '"Not A Name"'), "is not a name"),
        (GOOD.replace("registry.reward", "registry.rewards"), "rewards"),
        (GOOD.replace("agentkit_register(registry)", "agentkit_register(registrar)"), "registrar"),
        (GOOD.replace("agentkit_register", "agentkit_registre"), "agentkit_register"),
    ],
)
def test_a_broken_plugin_is_named_and_the_rest_works(shelf: Shelf, code: str, says: str) -> None:
    shelf.put("good", GOOD)
    shelf.put("bad", code)
    host = Host.load()
    assert record(host, "bad").state == "broken"
    assert says in record(host, "bad").error
    assert "dist-bad" in record(host, "bad").hint or record(host, "bad").hint
    assert record(host, "good").state == "ready"
    assert host.faults() == [record(host, "bad")]


def test_half_a_registration_leaves_nothing_behind(shelf: Shelf) -> None:
    shelf.put(
        "half", GOOD + '    registry.default_part("reward", "mine", use="exact")\n    1 / 0\n'
    )
    host = Host.load()
    assert record(host, "half").state == "broken"
    assert "mine" not in {part.name for part in host.registry.defaults}
    assert not [r for r in host.registry.all("reward") if r.plugin == "half"]
    assert not host.manager.has_plugin("half")


def test_an_import_that_hangs_is_cut_off(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "IMPORT_SECONDS", 0.2)
    shelf.put("slow", "import time; time.sleep(30)")
    assert "more than 0.2 s" in record(Host.load(), "slow").error


def test_another_api_version_disables_only_that_plugin(shelf: Shelf) -> None:
    shelf.put("future", f"AGENTKIT_API = 99\n{GOOD}")
    host = Host.load()
    assert record(host, "future").state == "incompatible"
    assert "99" in record(host, "future").error
    assert not [r for r in host.registry.all("reward") if r.plugin == "future"]


def test_two_distributions_with_one_name_are_both_refused(shelf: Shelf) -> None:
    shelf.put("twin", GOOD, distribution="first-dist")
    shelf.put("twin", GOOD, distribution="second-dist")
    twins = [r for r in Host.load().records if r.name == "twin"]
    assert [r.state for r in twins] == ["conflict", "conflict"]
    assert all("first-dist and second-dist" in r.error for r in twins)


def test_two_plugins_with_one_part_name_is_an_error_that_names_both(shelf: Shelf) -> None:
    shelf.put("one", GOOD)
    shelf.put("two", GOOD)
    host = Host.load()
    assert list(host.registry.duplicates()) == [("reward", "exact", ["one", "two"])]
    with pytest.raises(PluginError, match="one and two"):
        host.registry.find("reward", "exact")
    pinned = Host.load({"AGENTKIT_PLUGINS_DISABLE": "two"})
    assert pinned.registry.find("reward", "exact").plugin == "one"


def test_only_chosen_plugins_are_imported(shelf: Shelf) -> None:
    shelf.put("good", GOOD)
    shelf.put("trap", "raise RuntimeError('a disabled plugin was imported')")
    host = Host.load({"AGENTKIT_PLUGINS": "good"})
    assert record(host, "good").state == "ready"
    assert record(host, "trap").state == "disabled"
    nothing = Host.load({"AGENTKIT_PLUGINS": ""})
    assert {r.state for r in nothing.records if r.name != "agentkit"} == {"disabled"}


def test_noise_at_import_does_not_reach_the_output(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.put("loud", f"print('HELLO')\n{GOOD}")
    assert record(Host.load(), "loud").state == "ready"
    assert "HELLO" not in capsys.readouterr().out


def test_strict_mode_raises_for_plugin_authors(shelf: Shelf) -> None:
    shelf.put("bad", "raise ValueError('no')")
    with pytest.raises(PluginError, match="'bad'"):
        Host.load({"AGENTKIT_PLUGINS_STRICT": "1"})
