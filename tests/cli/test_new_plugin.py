"""`agentkit new-plugin`: what it writes works, and lives and dies as a plugin does."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentkit.cli.app import build
from agentkit.cli.new_plugin import render
from agentkit.errors import UsageError
from agentkit.registry import NOUNS
from tests.written import install, write

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent


def new_plugin(*arguments: str) -> None:
    build()(["new-plugin", *arguments], standalone_mode=False)


def run(
    *command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None, code: int = 0
) -> str:
    """The command's whole output."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=280,
    )
    assert done.returncode == code, f"{command}\n{done.stdout}"
    return done.stdout


def pip(*arguments: str | Path, cwd: Path, python: Path = Path(sys.executable)) -> None:
    command = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    run(*command, *arguments, cwd=cwd)


OFFLINE = ("-qq", "--no-index", "--no-deps", "--no-build-isolation")

# -- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", NOUNS)
def test_a_plugin_is_written_whole(noun: str) -> None:
    files = render("power-sampling", noun)
    assert {
        "pyproject.toml",
        "README.md",
        "agentkit_power_sampling/__init__.py",
        "agentkit_power_sampling/py.typed",
        "agentkit_power_sampling/plugin.py",
        f"agentkit_power_sampling/{noun}.py",
        f"tests/test_{noun}.py",
        "tests/test_package.py",
    } == set(files)
    for name, text in files.items():
        left = re.search(r"NAME|NOUN|ClassName|SUMMARY|USAGE", text)
        assert left is None, f"{name}: {left}"
        if name.endswith(".py"):
            ast.parse(text)
            assert len(text.splitlines()) < 160
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "agentkit-power-sampling"
    assert project["entry-points"]["agentkit"] == {
        "power-sampling": "agentkit_power_sampling.plugin"
    }
    assert "class PowerSampling:" in files[f"agentkit_power_sampling/{noun}.py"]


@pytest.mark.parametrize(
    ("name", "noun", "made"),
    [
        ("none", "tool", "NoneTool"),  # a keyword
        ("settings", "tool", "SettingsTool"),  # what the template uses itself
        ("request", "model", "RequestModel"),
        ("class", "tool", "Class"),
    ],
)
def test_a_class_keeps_out_of_the_way(name: str, noun: str, made: str) -> None:
    part = render(name, noun)[f"agentkit_{name}/{noun}.py"]
    assert f"class {made}:" in part
    ast.parse(part)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["Shout", "--noun", "tool"], "not a plugin's name"),
        (["../shout", "--noun", "tool"], "not a plugin's name"),
        (["shout_loud", "--noun", "tool"], "not a plugin's name"),
        (["2-shout", "--noun", "tool"], "not a plugin's name"),
        (["x" * 41, "--noun", "tool"], "not a plugin's name"),
        (["shout", "--noun", "tol"], "did you mean 'tool'"),
        (["agentkit", "--noun", "tool"], "taken by agentkit-host"),
        (["host", "--noun", "tool"], "taken by agentkit-host"),
        (["sources", "--noun", "tool"], "taken by agentkit-sources"),
        (["python", "--noun", "tool"], "taken by agentkit"),
        (["shout", "--noun", "tool", "--into", "nowhere"], "no folder nowhere"),
        (["there", "--noun", "tool"], "left as it is"),
        (["dangling", "--noun", "tool"], "left as it is"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], says: str) -> None:
    Path("there").mkdir()
    Path("dangling").symlink_to("nothing")
    with pytest.raises(UsageError, match=re.escape(says)):
        new_plugin(*arguments)
    assert sorted(os.listdir()) == ["dangling", "there"] and not os.listdir("there")


def test_a_fault_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        new_plugin("shout", "--noun", "tool")
    assert not os.listdir()


def test_it_says_what_comes_next(capsys: pytest.CaptureFixture[str]) -> None:
    new_plugin("shout", "--noun", "tool")
    said = capsys.readouterr().out
    for word in ("pip install -e ./shout", "pytest ./shout", "agentkit plugins shout"):
        assert word in said
    assert Path("shout").stat().st_mode & 0o777 == 0o755


# -- what was written works -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `plugins` with one plugin a noun, `my-<noun>`, beside this repository's settings."""
    folder = tmp_path_factory.mktemp("workshop")
    (folder / "plugins").mkdir()
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (folder / "agentkit").symlink_to(ROOT / "agentkit")
    for noun in NOUNS:
        write(folder / "plugins" / f"my-{noun}", render(f"my-{noun}", noun))
    return folder


# Those of agents and sandboxes take seconds; all suites of all are run below.
@pytest.mark.parametrize("noun", [n for n in NOUNS if n not in ("agent", "sandbox")])
def test_a_new_part_conforms(noun: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentkit.testing.conformance import Conformance, failures

    install(tmp_path, f"my-{noun}", noun)
    monkeypatch.syspath_prepend(str(tmp_path))
    test = tmp_path / "tests" / f"test_{noun}.py"
    space: dict[str, object] = {"__file__": str(test), "__name__": f"written_{noun}"}
    exec(compile(test.read_text(), test, "exec"), space)
    suite = space[f"TestMy{noun.capitalize()}"]
    assert isinstance(suite, type) and issubclass(suite, Conformance)
    found = failures(suite)
    assert not found, found


@pytest.fixture(scope="module")
def installed(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with which Python finds all of them, installed by pip."""
    site = tmp_path_factory.mktemp("site")
    folders = sorted((workshop / "plugins").iterdir())
    pip("install", *OFFLINE, "--target", site, *folders, cwd=site)
    return {"PYTHONPATH": str(site)}


@pytest.mark.slow
def test_the_tests_that_are_written_pass(
    workshop: Path, installed: dict[str, str], tmp_path: Path
) -> None:
    options = ("-o", "addopts=", "--import-mode=importlib", "-p", "no:cacheprovider")
    tests = sorted((workshop / "plugins").glob("*/tests"))
    said = run(sys.executable, "-m", "pytest", *options, *tests, cwd=tmp_path, environ=installed)
    assert re.search(r"^=+ 2\d\d passed in", said, re.M), said


@pytest.mark.slow
@pytest.mark.parametrize("noun", NOUNS)
def test_what_its_readme_says_can_be_done(
    noun: str, workshop: Path, installed: dict[str, str], tmp_path: Path
) -> None:
    readme = (workshop / "plugins" / f"my-{noun}" / "README.md").read_text()
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", readme, re.M | re.S))
    # The small model takes seconds to load, and is not what is tried here.
    small = '[models.small]\nuse = "scripted"\nanswers = ["The Nile."]\n'
    (tmp_path / "agentkit.toml").write_text(small + blocks["toml"])
    assert run(sys.executable, "-c", blocks["python"], cwd=tmp_path, environ=installed).strip()


@pytest.mark.slow
def test_what_is_written_is_in_the_house_style(workshop: Path) -> None:
    binaries = Path(sys.executable).parent
    run(binaries / "ruff", "check", "--no-cache", "plugins", cwd=workshop)
    run(binaries / "ruff", "format", "--no-cache", "--check", "plugins", cwd=workshop)
    plugins = [workshop / "plugins" / f"my-{noun}" for noun in NOUNS]
    code = [next(plugin.glob("agentkit_*")) for plugin in plugins]
    tests = [p / "tests" / f"test_{noun}.py" for p, noun in zip(plugins, NOUNS, strict=True)]
    paths = {"MYPYPATH": os.pathsep.join(map(str, plugins))}
    # What is known of agentkit itself from `make lint` need not be found out again.
    cache = workshop / "cache"
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", cache)
    settings = ("--config-file", ROOT / "pyproject.toml", "--cache-dir", cache)
    run(sys.executable, "-m", "mypy", *settings, *code, *tests, cwd=workshop, environ=paths)


# -- a plugin's whole life ------------------------------------------------------------------------

SETTINGS = """
[models.script]
use = "scripted"
answers = ["hello", "again"]

[models.loud]
use = "shout"
base = "script"

[agents.talker]
use = "tools"
model = "loud"
"""


@pytest.mark.slow
def test_a_plugin_is_found_used_and_removed_again(tmp_path: Path) -> None:
    """Outside this repository, in an environment of its own on top of this one."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path)
                .strip())  # fmt: skip
    below = [p for p in sys.path if "site-packages" in p or (Path(p) / "agentkit").is_dir()]
    (site / "below.pth").write_text("\n".join(below))
    home = tmp_path / "home"
    home.mkdir()

    def agentkit(*arguments: str, code: int = 0) -> str:
        environ = {"AGENTKIT_DATA": str(home / "data"), "AGENTKIT_CONFIG": str(home / "config")}
        return run(python, "-m", "agentkit", *arguments, cwd=home, environ=environ, code=code)

    agentkit("new-plugin", "shout", "--noun", "model")
    assert "no plugin 'shout' is installed" in agentkit("plugins", "shout", code=4)

    pip("install", *OFFLINE, "-e", home / "shout", cwd=home, python=python)
    said = agentkit("plugins", "shout")
    assert "shout 0.1.0 (agentkit-shout): ready" in said and "model" in said
    agentkit("doctor", "shout")

    (home / "agentkit.toml").write_text(SETTINGS)
    agentkit("config", "check")
    assert "hello" in agentkit("run", "talker", "say hello")
    runs = json.loads(agentkit("runs", "list", "--json"))
    assert len(runs) == 1

    pip("uninstall", "-qq", "-y", "agentkit-shout", cwd=home, python=python)
    for command in (["run", "talker", "say hello"], ["config", "check"]):
        said = agentkit(*command, code=4 if command[0] == "run" else 3)
        assert "agentkit.toml" in said and "models.loud uses 'shout'" in said, said
        assert "Traceback" not in said and len(said.splitlines()) <= 3, said
    assert json.loads(agentkit("runs", "list", "--json")) == runs
    assert "hello" in agentkit("runs", "export", runs[0]["id"])
    assert "shout" not in agentkit("plugins")
