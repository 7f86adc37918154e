"""Parts are built from settings: on demand, checked before, shared, and closed in reverse."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentkit.errors import ConfigError, PluginError, UnknownPart, Unsupported
from agentkit.host import Host
from agentkit.kit import Kit, Parts
from agentkit.registry import Registry
from agentkit.settings import PartSettings, line_of, load_settings

LOG: list[str] = []


class PlainSettings(PartSettings):
    path: str = "weights"
    alpha: float = 1.0


class WrapSettings(PartSettings):
    base: str | None = None
    candidates: tuple[str, ...] = ()
    alpha: float = 4.0


class FakeModel:
    def __init__(self, settings: Any, parts: Parts) -> None:
        LOG.append(f"build {parts.name}")
        self.name, self.settings = parts.name, settings
        self.info = SimpleNamespace(name=parts.name)
        self.below = parts["base"] if "base" in type(settings).model_fields else None
        if isinstance(settings, PlainSettings):
            self.weights = parts.share(f"weights:{settings.path}", object)

    def generate(self, requests: Any, **_: Any) -> list[Any]:
        return []

    def ability(self, kind: type) -> Any:
        return self

    def close(self) -> None:
        LOG.append(f"close {self.name}")


class NotAModel:
    def __init__(self, settings: Any, parts: Parts) -> None: ...


@pytest.fixture
def make_kit(tmp_path: Path) -> Iterator[Any]:
    """A kit over this module's parts, from the text of a settings file."""
    LOG.clear()
    made: list[Kit] = []

    def make(toml: str, environ: dict[str, str] | None = None, overrides: list[str] = []) -> Kit:  # noqa: B006
        registry = Registry()
        registry.begin("test")
        here = __name__
        sys.modules.setdefault(here, sys.modules[__name__])
        registry.model(
            "plain",
            f"{here}:FakeModel",
            settings=f"{here}:PlainSettings",
            gives=("tokens", "hidden"),
        )
        registry.model("remote", f"{here}:FakeModel", settings=f"{here}:PlainSettings")
        registry.model(
            "wrap",
            f"{here}:FakeModel",
            settings=f"{here}:WrapSettings",
            needs={"base": "tokens", "candidates": "model"},
            gives=("tokens",),
        )
        registry.model(
            "odd", f"{here}:FakeModel", settings=f"{here}:WrapSettings", needs={"base": "telepathy"}
        )
        registry.model(
            "either",
            f"{here}:FakeModel",
            settings=f"{here}:WrapSettings",
            needs={"base": "vision+tokens|hidden"},
        )
        registry.model("nonsense", f"{here}:NotAModel")
        registry.model("gone", "a_module_that_is_not_there:X")
        file = tmp_path / "agentkit.toml"
        file.write_text(toml)
        settings = load_settings(file=file, overrides=overrides, environ=environ or {})
        host = Host([SimpleNamespace(name="test", distribution="d", version="1")], registry)  # type: ignore[list-item]
        made.append(Kit(host, settings))
        return made[-1]

    yield make
    for kit in made:
        kit.close()


STACK = """
[models.small]
use = "plain"

[models.sharp]
use = "wrap"
base = "small"

[models.sharper]
use = "wrap"
base = "sharp"
"""


def test_parts_are_built_on_demand_once_and_closed_in_reverse(make_kit: Any) -> None:
    kit = make_kit(STACK)
    assert LOG == []
    sharper = kit.model("sharper")
    assert kit.model("sharper") is sharper and sharper.below is kit.model("sharp")
    assert LOG == ["build sharper", "build sharp", "build small"]
    kit.close()
    assert LOG[3:] == ["close sharper", "close sharp", "close small"]


def test_only_what_is_needed_is_built(make_kit: Any) -> None:
    make_kit(STACK).model("small")
    assert LOG == ["build small"]


def test_two_names_on_one_path_share_weights(make_kit: Any) -> None:
    kit = make_kit(
        '[models.a]\nuse = "plain"\n[models.b]\nuse = "plain"\n'
        '[models.c]\nuse = "plain"\npath = "other"'
    )
    assert kit.model("a").weights is kit.model("b").weights
    assert kit.model("c").weights is not kit.model("a").weights


def test_threads_get_the_same_part(make_kit: Any) -> None:
    kit, found = make_kit(STACK), []
    threads = [threading.Thread(target=lambda: found.append(kit.model("sharp"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(f) for f in found}) == 1 and LOG.count("build sharp") == 1


def test_a_circle_is_found_before_anything_is_built(make_kit: Any) -> None:
    kit = make_kit('[models.a]\nuse = "wrap"\nbase = "b"\n[models.b]\nuse = "wrap"\nbase = "a"')
    with pytest.raises(ConfigError, match=r"models\.a -> models\.b -> models\.a"):
        kit.model("a")
    assert LOG == []


def test_a_missing_ability_names_both_parts(make_kit: Any) -> None:
    kit = make_kit(
        '[models.far]\nuse = "remote"\n[models.x]\nuse = "wrap"\nbase = "far"\n'
        '[models.near]\nuse = "plain"'
    )
    with pytest.raises(
        Unsupported, match=r"models\.x needs base .*'tokens'.*models\.far"
    ) as caught:
        kit.model("x")
    assert "near" in caught.value.hint and LOG == []


def test_one_of_several_sets_of_abilities_is_enough(make_kit: Any) -> None:
    kit = make_kit(
        '[models.near]\nuse = "plain"\n[models.x]\nuse = "either"\nbase = "near"\n'
        '[models.far]\nuse = "remote"\n[models.y]\nuse = "either"\nbase = "far"'
    )
    assert kit.model("x").below.name == "near"
    with pytest.raises(ConfigError, match="'vision'"):
        kit.model("y")


def test_an_ability_that_does_not_exist_is_the_plugins_fault(make_kit: Any) -> None:
    kit = make_kit('[models.near]\nuse = "plain"\n[models.x]\nuse = "odd"\nbase = "near"')
    with pytest.raises(ConfigError, match="telepathy"):
        kit.model("x")


def test_all_faults_are_reported_at_once(make_kit: Any) -> None:
    kit = make_kit(
        '[models.x]\nuse = "wrap"\ncandidates = ["y", "z"]\n'
        '[models.y]\nuse = "plain"\nalhpa = 2\n[models.z]\nuse = "gone-too"'
    )
    with pytest.raises(ConfigError) as caught:
        kit.check("model", "x")
    assert "did you mean 'alpha'" in str(caught.value) and "gone-too" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "error", "says"),
    [
        ('[models.a]\nuse = "plian"', PluginError, "did you mean 'plain'"),
        (
            '[models.a]\nuse = "plain"\nalpha = "much"',
            ConfigError,
            r"agentkit.toml:3: models.a.alpha",
        ),
        (
            '[models.a]\nuse = "wrap"\nbase = "smal"\n[models.small]\nuse = "plain"',
            UnknownPart,
            "did you mean 'small'",
        ),
        ('[models.a]\nuse = "nonsense"', PluginError, "it lacks ability, generate, info"),
        ('[models.a]\nuse = "gone"', PluginError, "a_module_that_is_not_there"),
    ],
)
def test_wrong_settings_say_where_and_what(
    make_kit: Any, toml: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        make_kit(toml).model("a")


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[modells.a]\nuse = 'plain'", "agentkit.toml:1: unknown table .*did you mean 'models'"),
        ("[models]\na = 1", r"write \[models.NAME\]"),
        ("models = 3", "models must hold tables"),
        ("[models.a]\npath = 'x'", "agentkit.toml:2: models.a has no `use"),
        ("[models.a\nuse = 'plain'", "line 1"),
        ("[host]\nsead = 3", "host.sead: unknown setting; did you mean 'seed'"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(make_kit: Any, toml: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make_kit(toml)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agentkit.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(start=tmp_path, environ={})


def test_environment_and_overrides_win_and_say_so(make_kit: Any) -> None:
    kit = make_kit(STACK, {"AGENTKIT_MODELS__SHARP__ALPHA": "2.5"}, ["models.sharper.alpha=9"])
    assert kit.validated("model", "sharp").alpha == 2.5
    assert kit.validated("model", "sharper").alpha == 9
    assert kit.values("model", "sharp").values["alpha"].origin == "AGENTKIT_MODELS__SHARP__ALPHA"
    assert kit.values("model", "sharper").values["alpha"].origin == "-o models.sharper.alpha"
    assert kit.values("model", "small").values["use"].origin == "agentkit.toml:3"


def test_another_use_drops_what_was_said_for_the_old_one(make_kit: Any) -> None:
    kit = make_kit('[models.small]\nuse = "plain"\npath = "x"', {}, ["models.small.use=wrap"])
    assert kit.values("model", "small").plain() == {}


def test_a_recipe_makes_the_same_parts_again(make_kit: Any) -> None:
    kit = make_kit(STACK, {"AGENTKIT_MODELS__SMALL__PATH": "elsewhere"})
    recipe = kit.recipe("model", "sharper")
    again = Kit.from_recipe(recipe, kit.host)
    assert again.model("sharper").below.below.settings.path == "elsewhere"
    assert again.recipe("model", "sharper") == recipe


def test_relative_paths_start_at_the_file_that_names_them(make_kit: Any, tmp_path: Path) -> None:
    kit = make_kit('[models.a]\nuse = "plain"\npath = "data/x"')
    assert Parts(kit, ("model", "a")).resolve("data/x", "path") == tmp_path / "data/x"


def test_lines_are_found_in_nested_tables() -> None:
    text = '[a]\nx = 1\n\n[models."b"]\n# use\nuse = "y"\n'
    assert line_of(text, "models", "b", "use") == 6
    assert line_of(text, "models", "b") == 4
