"""Servers that work, die, hang and lie. They are programs of their own, spoken to over pipes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.errors import AgentkitError, BackendUnavailable, ConfigError
from agentkit.kit import Kit
from agentkit.testing.runtime import runtime

pytestmark = pytest.mark.slow

SERVER = str(Path(__file__).parent / "server.py")
Make = Callable[..., Any]


@pytest.fixture
def kit() -> Iterator[Kit]:
    with agentkit.load(environ={}) as made:
        yield made


@pytest.fixture
def tool(kit: Kit) -> Make:
    def make(how: str, name: str = "thing", *more: str, **settings: object) -> Any:
        part = f"tool-{len(kit.settings.parts)}"
        command = [sys.executable, SERVER, how, *more]
        kit.define("tool", part, use="mcp", command=command, tool=name, **settings)
        return kit.tool(part)

    return make


def call(tool: Any, **arguments: object) -> Any:
    return tool.call(tool.info.arguments.model_validate(arguments), runtime())


def test_a_tool_of_a_server(tool: Make) -> None:
    divide = tool("good", "divide")
    assert divide.info.name == "divide" and divide.info.description.startswith("Divides one")
    assert divide.info.effect == "outside"
    assert call(divide, dividend=3, divisor=2) == {"result": 1.5}
    for wrong in ({"dividend": 3}, {"dividend": "x", "divisor": 1}, {"surely": 1}):
        with pytest.raises(ValueError):
            divide.info.arguments.model_validate(wrong)
    with pytest.raises(AgentkitError, match="divide"):
        call(divide, dividend=1, divisor=0)
    assert call(divide, dividend=1, divisor=4) == {"result": 0.25}  # it lives on


def test_one_process_serves_all_parts(tool: Make, kit: Kit) -> None:
    first, second = tool("good", "divide"), tool("good", "find")
    assert first._server is second._server
    with pytest.raises(ConfigError, match="did you mean") as caught:
        tool("good", "divid")
    assert "find" in str(caught.value)


def test_variables_are_given_and_others_are_not(
    tool: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_SECRET", "hush")
    monkeypatch.setenv("WANTED", "given")
    variable = tool("good", "variable", env={"KEY": "env:WANTED"})
    assert call(variable, name="KEY") == {"result": "given"}
    assert call(variable, name="OTHER_SECRET") == {"result": ""}


def test_a_server_that_dies(tool: Make) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        call(tool("die"), x="y")
    assert "I am dying" in str(caught.value) and len(str(caught.value).splitlines()) == 2


def test_a_server_that_hangs(tool: Make) -> None:
    hanging = tool("hang", seconds=1.0)
    started = time.monotonic()
    with pytest.raises(BackendUnavailable, match="within 1 s"):
        call(hanging, x="y")
    assert time.monotonic() - started < 30  # it sleeps for sixty


def test_a_server_that_sends_a_hundred_megabytes(tool: Make) -> None:
    with pytest.raises(BackendUnavailable, match="more than 2,000,000 bytes"):
        call(tool("huge"), x="y")


def test_a_server_that_died_is_started_again(tool: Make, tmp_path: Path) -> None:
    once = tool("once", "thing", str(tmp_path / "marker"))
    with pytest.raises(BackendUnavailable):
        call(once, x="y")
    assert call(once, x="y") == "alive again"


@pytest.mark.parametrize("how", ["wrong", "garbage"])
def test_a_server_that_does_not_speak_the_protocol(tool: Make, how: str) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        call(tool(how, seconds=2.0, starting=2.0), x="y")
    assert len(str(caught.value)) < 700


def test_lists_without_end(tool: Make) -> None:
    with pytest.raises(BackendUnavailable, match="without end"):
        tool("endless")


@pytest.mark.parametrize(
    ("how", "said"),
    [("schema", "no usable schema"), ("elsewhere", "elsewhere"), ("array", "'object'")],
)
def test_a_schema_that_is_none(tool: Make, how: str, said: str) -> None:
    with pytest.raises(AgentkitError, match=said):
        tool(how)


def test_descriptions_that_give_orders_are_left_out(tool: Make) -> None:
    made = tool("orders")
    told = made.info.description + repr(made.info.arguments.model_json_schema())
    assert "reads like orders" in told
    assert "evil" not in told and "id_rsa" not in told
    own = tool("orders", description="Says fine.")
    assert own.info.description == "Says fine."


def test_a_definition_that_changes_is_not_called(tool: Make) -> None:
    made = tool("changes")
    with pytest.raises(BackendUnavailable, match="describes 'thing' otherwise"):
        call(made, x="y")


def test_what_is_no_text_is_named(tool: Make) -> None:
    assert call(tool("picture"), x="y") == "<image/png>"


def test_commands_that_cannot_be_started(kit: Kit) -> None:
    kit.define("tool", "gone", use="mcp", command=["/no/such/program"], tool="x")
    with pytest.raises(BackendUnavailable, match="cannot be started"):
        kit.tool("gone")
    kit.define("tool", "quits", use="mcp", command=[sys.executable, "-c", "print()"], tool="x")
    with pytest.raises(BackendUnavailable):
        kit.tool("quits")
    kit.define("tool", "none", use="mcp", tool="x")
    with pytest.raises(ConfigError, match="either `command`"):
        kit.tool("none")
    kit.define("tool", "shell", use="mcp", url="file:///etc/passwd", tool="x")
    with pytest.raises(ConfigError, match="begins with http"):
        kit.tool("shell")


def test_closing_ends_the_process(tool: Make, kit: Kit) -> None:
    before = _children()  # of other tests: a browser, say
    call(tool("good", "variable"), name="PATH")
    started = _children() - before
    assert started
    kit.close()
    assert not started & _children()


def _children() -> set[int]:
    own = str(os.getpid())
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == own and fields[0] != "Z":
            found.add(int(status.parent.name))
    return found


# -- the source -----------------------------------------------------------------------------------


def _source(kit: Kit, how: str = "good", **settings: object) -> Any:
    name = f"source-{len(kit.settings.parts)}"
    command = [sys.executable, SERVER, how]
    kit.define("source", name, use="mcp", command=command, embedder=None, **settings)
    return kit.source(name)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("cache")
def test_resources_are_documents(kit: Kit) -> None:
    source = _source(kit)
    found = source.search("who eats crabs")
    assert found.status == "ok" and found.hits[0].document == "note://otters"
    document = source.open("note://otters")
    assert document.quote(found.hits[0].location) == found.hits[0].text
    assert source.info.documents == 3 and source.search("zebra").status == "empty"


@pytest.mark.usefixtures("cache")
def test_what_a_search_tool_finds(kit: Kit) -> None:
    source = _source(kit, search="find", arguments={"most": 2})
    found = source.search("fish")
    assert found.status == "ok" and len({hit.document for hit in found.hits}) == 2
    for hit in found.hits:
        assert source.open(hit.document).quote(hit.location) == hit.text
    fresh = _source(kit, search="find", arguments={"most": 2})
    assert fresh.open(found.hits[0].document) == source.open(found.hits[0].document)
    assert source.search("zebra").status == "empty"


@pytest.mark.usefixtures("cache")
def test_a_source_whose_server_fails_says_so(kit: Kit) -> None:
    result = _source(kit, "fine").search("fish")
    assert result.status == "failed" and "offers no resources" in result.reason
    for how in ("die", "garbage"):
        result = _source(kit, how, search="thing", argument="x", seconds=2.0, starting=2.0).search(
            "fish"
        )
        assert result.status == "failed" and result.reason


# -- a real server --------------------------------------------------------------------------------


def test_the_time_server_of_the_registry(kit: Kit) -> None:
    pytest.importorskip("mcp_server_time", reason="pip install mcp-server-time")
    command = [sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC"]
    kit.define("tool", "convert", use="mcp", command=command, tool="convert_time", effect="none")
    convert = kit.tool("convert")
    arguments = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    said = str(call(convert, **arguments))
    assert "Asia/Tokyo" in said and "T21:00:00+09:00" in said
    with pytest.raises(AgentkitError, match=r"[Tt]imezone"):
        call(convert, **{**arguments, "target_timezone": "Mars/Base"})
