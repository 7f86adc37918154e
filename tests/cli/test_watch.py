"""`agentkit watch` against a console that is served in this process: keys are pressed, and what
came of it is read in the store."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, OptionList, RichLog, Select, Static

from agentkit.cli.watch import lines
from agentkit.cli.watch.app import Watch
from agentkit.cli.watch.client import Client, Message, Unknown, _messages, read_address
from agentkit.cli.watch.command import find
from agentkit.cli.watch.dialogs import Read
from agentkit.cli.watch.new import NewRun
from agentkit.cli.watch.run import RunScreen
from agentkit.cli.watch.sight import Held
from agentkit.cli.watch.words import CATALOGUES, EN, KO, language_of
from agentkit.console.server import Server
from agentkit.errors import BackendUnavailable, UsageError
from agentkit.kit import Kit, load
from agentkit.runs.sqlite import SqliteRunStore
from tests.console.serving import NOTES, QUESTION, SETTINGS, stop_runs

pytestmark = pytest.mark.slow

TOKEN = "a-token-of-the-tests"
HANGUL = re.compile("[가-힣]")
WEB_WORDS = Path(__file__).parents[2] / "agentkit/console/web/src/words"
SLOW = '''
"""An agent that counts until somebody says enough, as a plugin would bring it."""
import time
from typing import TypedDict

from pydantic import BaseModel

from agentkit import hookimpl
from agentkit.capabilities import AgentInfo
from agentkit.capabilities.agent import Question


class Task(BaseModel):
    task: str


class Out(BaseModel):
    text: str = ""


class State(TypedDict, total=False):
    task: str
    text: str


class Counter:
    input, output = Task, Out

    def __init__(self, settings, parts):
        self.info = AgentInfo("counter", "counts")

    def build(self, parts):
        from langgraph.graph import END, START, StateGraph

        from agentkit.runs import node

        def count(state, rt):
            said = rt.ask(Question("How far?", options=("far", "[b]near[/b]")))
            while not any("enough" in message.text for message in rt.inbox()):
                rt.progress("counting")
                time.sleep(0.02)
            return {"text": "counted " + said}

        graph = StateGraph(State)
        graph.add_node("count", node(count))
        graph.add_edge(START, "count")
        graph.add_edge("count", END)
        return graph


@hookimpl
def agentkit_register(registry):
    registry.agent("watch-counter", "watch_counter:Counter", summary="counts")
'''


class Home:
    """A folder with a store, and a console that can be started and stopped over it."""

    def __init__(self, folder: Path, kit: Kit) -> None:
        self.folder, self.kit = folder, kit
        self.store = SqliteRunStore(folder / "runs")
        self.port = 0
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def serve(self, token: str = TOKEN) -> None:
        config = str(self.folder / "agentkit.toml")
        self._server = Server(self.kit, port=self.port, token=token, config=config)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_here)
        self._thread.start()

    def stop(self) -> None:
        assert self._server is not None and self._thread is not None
        self._server.stop()
        self._thread.join(30)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/#token={TOKEN}"

    def events(self, run: str, *kinds: str) -> list[dict[str, Any]]:
        return [e.data for e in self.store.tail(run, kinds=kinds)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("watch")
    (folder / "notes").mkdir()
    for name, text in NOTES.items():
        (folder / "notes" / name).write_text(text)
    settings = SETTINGS.format(folder=folder) + '\n[agents.counter]\nuse = "watch-counter"\n'
    (folder / "agentkit.toml").write_text(settings)
    info = folder / "watch_counter-0.dist-info"
    info.mkdir()
    (folder / "watch_counter.py").write_text(SLOW)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: watch-counter\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[agentkit]\nwatch = watch_counter\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_DATA", str(folder / "data"))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.syspath_prepend(folder)
        with load(str(folder / "agentkit.toml")) as kit:
            made = Home(folder, kit)
            made.serve()
            yield made
            made.stop()
            made.store.close()
        stop_runs(folder)


# -- how a test presses keys ----------------------------------------------------------------------


@asynccontextmanager
async def opened(
    home: Home, run: str = "", language: str = "en"
) -> AsyncIterator[tuple[Watch, Pilot[None]]]:
    async with Client(read_address(home.address)) as client:
        await client.enter()
        app = Watch(client, run, language)
        async with app.run_test(size=(120, 40)) as pilot:
            yield app, pilot
        assert app.fault is None, app.fault


async def until(pilot: Pilot[None], good: Callable[[], Any], what: str) -> Any:
    for _ in range(1200):
        if found := good():
            return found
        await pilot.pause(0.025)
    raise AssertionError(f"never so: {what}")


async def start(app: Watch, agent: str, task: str, **settings: Any) -> str:
    """A run, started over the API as another client would."""
    body = {"client_id": f"test-{os.urandom(8).hex()}", "agent": agent, "task": task}
    made = await app.client.ask("POST", "/api/runs", {**body, "settings": settings})
    return str(made["run"]["id"])


def run_screen(app: Watch) -> RunScreen | None:
    return app.screen if isinstance(app.screen, RunScreen) else None


async def look_at(app: Watch, pilot: Pilot[None], run: str) -> RunScreen:
    """Chooses a run in the list and opens it by Enter."""
    await until(pilot, lambda: run in app.sight.runs, "the run is listed")
    table: Any = app.query_one("#runs")
    table.move_cursor(row=table.get_row_index(run))
    await pilot.press("enter")
    screen = await until(pilot, lambda: run_screen(app), "the run is open")
    return screen  # type: ignore[no-any-return]


def shown(screen: RunScreen, id: str) -> str:
    return str(screen.query_one(id, Static).visual)


async def said(app: Watch, pilot: Pilot[None], text: str) -> None:
    """Types into the line that is asked for."""
    field = await until(pilot, lambda: app.screen.query("Input").first(), "a line to type into")
    assert isinstance(field, Input)
    field.value = text
    await pilot.press("enter")


async def choose(app: Watch, pilot: Pilot[None], number: int) -> None:
    await until(pilot, lambda: not isinstance(app.screen, RunScreen), "a choice")
    await pilot.press(*["down"] * number, "enter")


def in_terminal(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


# -- tests ----------------------------------------------------------------------------------------


def test_a_plan_is_steered_approved_and_followed_to_its_report(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            run = await start(app, "research", QUESTION, approve=True)
            screen = await look_at(app, pilot, run)
            await until(pilot, lambda: screen.held.question, "the plan is asked about")
            await pilot.press("s")
            await said(app, pilot, "exclude monks")
            await until(pilot, lambda: "exclude monks" in shown(screen, "#steered"), "the message")
            await pilot.press("a")
            await choose(app, pilot, 0)
            await until(pilot, lambda: screen.held.status == "done", "the end")
            assert screen.held.seq == home.store.last(run)
            assert "Applied" in shown(screen, "#steered")
            todo = screen.query_one("#tasks", OptionList)
            texts = [str(todo.get_option_at_index(n).prompt) for n in range(todo.option_count)]
            assert texts and all(text.startswith("[x]") for text in texts)
            log = screen.query_one("#log", RichLog)
            await until(pilot, lambda: len(log.lines) >= home.store.last(run), "the whole timeline")
            await pilot.press("o")
            page = await until(pilot, lambda: isinstance(app.screen, Read), "the report")
            assert page and "1821" in str(app.screen.query_one(Static).visual)
        assert [r["text"] for r in home.events(run, "directive.added")] == ["exclude monks"]
        (answer,) = home.events(run, "question.answered")
        assert answer["answer"] == "approve"

    in_terminal(test())


def test_a_question_is_answered_and_a_run_paused_resumed_and_stopped(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            run = await start(app, "counter", "[red]count[/red] \x1b[31m and \u2028 so on")
            await until(pilot, lambda: app.sight.inbox, "a question in the inbox")
            await pilot.press("w")
            screen = await until(pilot, lambda: run_screen(app), "the run that waits")
            assert screen.held.run == run
            head = shown(screen, "#head")
            assert "[red]count[/red]" in head and "\x1b" not in head
            await until(pilot, lambda: "How far?" in shown(screen, "#asked"), "the question")
            assert screen.check_action("pause", ()) is False
            await pilot.press("a")
            await choose(app, pilot, 1)
            await until(pilot, lambda: screen.held.status == "running", "it counts")
            await pilot.press("p")
            await until(pilot, lambda: screen.held.status == "paused", "paused")
            await pilot.press("r")
            await until(pilot, lambda: screen.held.status == "running", "it goes on")
            await pilot.press("x")
            await choose(app, pilot, 0)  # no
            await until(pilot, lambda: run_screen(app), "the question is gone")
            assert screen.held.status == "running"
            await pilot.press("x")
            await choose(app, pilot, 1)
            await until(pilot, lambda: screen.held.status == "cancelled", "stopped")
            assert screen.check_action("steer", ()) is False
            await pilot.press("escape")
            await until(pilot, lambda: not run_screen(app), "the list")
        told = [e["status"] for e in home.events(run, "run.status")]
        assert told[-1] == "cancelled" and "paused" in told
        assert home.events(run, "question.answered")[0]["answer"] == "[b]near[/b]"

    in_terminal(test())


def test_a_task_is_cancelled_by_a_key(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            run = await start(app, "research", QUESTION, approve=True)
            screen = await look_at(app, pilot, run)
            await until(pilot, lambda: screen.held.question, "the plan is asked about")
            first = screen.held.question
            await pilot.press("down", "c")
            await until(pilot, lambda: screen.held.question not in (None, first), "asked again")
            await pilot.press("a")
            await choose(app, pilot, 0)
            await until(pilot, lambda: screen.held.status == "done", "the end")
            states = [t["status"] for t in screen.held.state["tasks"].values()]
            assert sorted(states) == ["cancelled", "done"]

    in_terminal(test())


def test_a_run_is_started_from_a_form_and_one_that_is_wrong_says_why(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            before = {row.id for row in home.store.runs(200)}
            await pilot.press("n")
            described = lambda: isinstance(app.screen, NewRun) and app.screen.described  # noqa: E731
            await until(pilot, described, "the form, with what the default agent lets be set")
            app.screen.query_one("#agent", Select).value = "research"
            await until(pilot, lambda: described() == "research", "what this one lets be set")
            await pilot.press("ctrl+s")
            told = lambda: str(app.screen.query_one("#problem", Static).visual)  # noqa: E731
            await until(pilot, lambda: "Write what" in told(), "that a question is missing")
            app.screen.query_one("#task", Input).value = QUESTION
            app.screen.query_one("#limit-steps", Input).value = "many"
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "Steps: many is no number" in told(), "that it is none")
            app.screen.query_one("#limit-steps", Input).value = "40"
            app.screen.query_one("#limit-minutes", Input).value = "1.5"
            app.screen.query_one("#set-approve", Checkbox).value = True
            app.screen.query_one("#set-mode", Select).value = "quick"
            await pilot.press("ctrl+s")
            screen = await until(pilot, lambda: run_screen(app), "the run is open")
            await until(pilot, lambda: screen.held.question, "the plan is asked about")
            (run,) = {row.id for row in home.store.runs(200)} - before
            assert screen.held.run == run
            row = home.store.get(run)
            assert (row.agent, row.task) == ("research", QUESTION)
            assert (row.budget.steps, row.budget.seconds, row.budget.tokens) == (40, 90.0, None)
            recipe = str(row.recipe)
            assert "'mode': 'quick'" in recipe and "'approve': True" in recipe
            await app.client.command(run, "stop")

    in_terminal(test())


def test_runs_are_found_by_what_they_say(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            mill = await start(app, "research", "What does the tidal mill of Carn mill?")
            count = await start(app, "counter", "count the sheep")
            table: Any = app.query_one("#runs")
            ids = lambda: [str(key.value) for key in table.rows]  # noqa: E731
            await until(pilot, lambda: {mill, count} <= set(ids()), "both are listed")
            ended = lambda: app.sight.runs[mill]["status"] == "done"  # noqa: E731
            await until(pilot, ended, "its report is there")
            await pilot.press("slash", *"1640")  # which stands in the report alone
            await until(pilot, lambda: ids() == [mill], "the one that holds it")
            assert (
                "1640" in str(table.get_row(mill)[-1])
                and "1640" not in app.sight.runs[mill]["task"]
            )
            later = await start(app, "research", "Who built the tidal mill of Carn, 1640?")
            await until(pilot, lambda: ids() == [later, mill], "one that began to hold it")
            await pilot.press(*" nobody said this")
            none = app.query_one("#none", Static)
            await until(pilot, lambda: none.display and not ids(), "nothing")
            assert str(none.visual) == "Nothing matches"
            await pilot.press("escape")
            await until(pilot, lambda: {mill, count, later} <= set(ids()), "all again")
            assert app.runs.check_action("clear", ()) is False and table.has_focus
            await app.client.command(count, "stop")
            done = lambda: app.sight.runs[later]["status"] == "done"  # noqa: E731
            await until(pilot, done, "the other one ends by itself")

    in_terminal(test())


def test_a_run_is_forked_from_a_step_and_revised_and_stays_as_it_is(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            run = await start(app, "research", QUESTION)
            screen = await look_at(app, pilot, run)
            await until(pilot, lambda: screen.held.status == "done", "the end")
            before = [e.to_json() for e in home.store.tail(run)]
            steps = screen.held.steps
            at = len(steps) - 1 - next(n for n, one in enumerate(steps) if "plan" in one["nodes"])
            await pilot.press("f")
            await choose(app, pilot, at)  # the latest stands first
            await said(app, pilot, "exclude watermill")
            fork = await another(app, pilot, run)
            await until(pilot, lambda: fork.held.status == "done", "the fork's end")
            row = home.store.get(fork.held.run)
            assert (row.parent, row.parent_step) == (run, steps[len(steps) - 1 - at]["step"])
            assert [r["text"] for r in home.events(row.id, "directive.added")] == [
                "exclude watermill"
            ]
            await pilot.press("e")
            await said(app, pilot, "shorter")
            again = await another(app, pilot, row.id)
            assert home.store.get(again.held.run).parent == row.id
            assert [e.to_json() for e in home.store.tail(run)] == before, "the origin was changed"
            await pilot.press("escape")
            await until(pilot, lambda: not run_screen(app), "the list")
            family = (run, row.id, again.held.run)
            await until(pilot, lambda: set(family) <= set(app.sight.runs), "all are listed")
            depth = {one["id"]: depth for one, depth in app.sight.listed()}
            order = [one["id"] for one, _ in app.sight.listed() if one["id"] in family]
            assert [depth[one] for one in family] == [0, 1, 2] and tuple(order) == family

    in_terminal(test())


async def another(app: Watch, pilot: Pilot[None], run: str) -> RunScreen:
    """The screen of the run that was made of this one."""
    good = lambda: (screen := run_screen(app)) and screen.held.run != run  # noqa: E731
    await until(pilot, good, "the new run is open")
    assert isinstance(app.screen, RunScreen)
    return app.screen


def test_it_speaks_korean(home: Home) -> None:
    async def test() -> None:
        async with opened(home, language="ko") as (app, pilot):
            run = await start(app, "research", QUESTION, approve=True)
            await until(pilot, lambda: run in app.sight.runs, "the run is listed")
            table: Any = app.query_one("#runs")
            columns = [str(column.label) for column in table.columns.values()]
            assert all(HANGUL.search(name) for name in columns), columns
            assert korean_keys(app) >= {"n", "slash", "w", "q", "enter"}
            screen = await look_at(app, pilot, run)
            await until(pilot, lambda: screen.held.question, "the plan is asked about")
            await pilot.press("s")
            await said(app, pilot, "exclude monks")
            await until(pilot, lambda: "대기" in shown(screen, "#steered"), "the message")
            assert "답을 기다림" in shown(screen, "#head")
            assert "이 계획대로 실행할까요?" in shown(screen, "#asked")
            assert korean_keys(app) >= {"s", "a", "c", "x", "f", "escape", "q"}
            await pilot.press("a")
            await until(pilot, lambda: not isinstance(app.screen, RunScreen), "the answers")
            answers = app.screen.query_one(OptionList)
            told = [str(answers.get_option_at_index(n).prompt) for n in range(3)]
            assert told == ["계획 승인", "고치기", "실행하지 않기"]
            await pilot.press("enter")
            await until(pilot, lambda: screen.held.status == "done", "the end")
            assert "완료" in shown(screen, "#head") and "적용됨" in shown(screen, "#steered")

    in_terminal(test())


def korean_keys(app: Watch) -> set[str]:
    """The keys that the footer shows, all of them told in Korean."""
    found = {key: one.binding for key, one in app.screen.active_bindings.items()}
    told = {key: one.description for key, one in found.items() if one.show}
    assert all(HANGUL.search(text) for text in told.values()), told
    return set(told)


def test_the_languages_say_the_same_things_in_the_words_of_the_page() -> None:
    keys = lambda text: sorted(re.findall(r"\{\w+\}", text))  # noqa: E731
    assert EN.keys() == KO.keys()
    for key, text in EN.items():
        assert keys(text) == keys(KO[key]), key
    for name, mine in CATALOGUES.items():
        page = (WEB_WORDS / f"{name}.ts").read_text()
        theirs = dict(re.findall(r'^  "?([\w.-]+)"?: "(.*)",$', page, re.MULTILINE))
        shared = mine.keys() & theirs.keys()
        assert len(shared) > 60
        assert {key: mine[key] for key in shared} == {key: theirs[key] for key in shared}
    code = "".join(
        p.read_text() for p in Path(lines.__file__).parent.glob("*.py") if "words" not in p.name
    )
    made = (
        "state",
        "control",
        "message",
        "option",
        "field",
        "choice",
        "column",
        "new",
        "steps",
        "tokens",
    )
    unused = [
        k
        for k in EN
        if not re.search(f"[\"']{re.escape(k)}[\"']", code) and k.split(".")[0] not in made
    ]
    assert unused == [] and not re.findall(r'Binding\("\w+", "\w+", "(?!key\.)', code)


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LC_ALL": "ko", "LANG": "en_US"}, "ko"),
        ({"LC_ALL": "C", "LANG": "ko_KR"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "ko_KR", "LANG": "de_DE"}, "ko"),
        ({"LANG": "fr_FR"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_locale(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


def test_a_server_that_went_away_is_waited_for(home: Home) -> None:
    """Nothing is lost or doubled: not what happened meanwhile, not what was said meanwhile."""

    async def test() -> None:
        async with opened(home) as (app, pilot):
            run = await start(app, "research", QUESTION, approve=True)
            screen = await look_at(app, pilot, run)
            await until(pilot, lambda: screen.held.question, "the plan is asked about")
            await asyncio.to_thread(home.stop)
            await until(
                pilot,
                lambda: "connection is lost" in shown(screen, "#away"),
                "told that it is away",
            )
            await pilot.press("s")
            await said(app, pilot, "focus on rye")  # to nobody, yet
            home.store.send(run, "exclude oak", author="user")  # by somebody else
            home.serve()
            await until(pilot, lambda: not screen.query_one("#away").display, "it is back")
            said_all = lambda: len(screen.held.state.get("messages", {})) == 2  # noqa: E731
            await until(pilot, said_all, "both messages")
            assert not app._notifications
            await pilot.press("a")
            await choose(app, pilot, 0)
            await until(pilot, lambda: screen.held.status == "done", "the end")
            held = screen.held
            whole = await app.client.get(f"/api/runs/{run}")
            for state in (held.state, whole["state"]):
                state["run"].pop("driven")  # who drives a run is no event of it
            assert (held.seq, held.state) == (whole["seq"], whole["state"])
            log = screen.query_one("#log", RichLog)
            starts = [re.match(r" *(\d+) [a-z]+\.?[a-z]+ ", line.text) for line in log.lines]
            numbers = [int(start[1]) for start in starts if start]
            assert numbers == list(range(1, held.seq + 1))
        texts = [m.directive.text for m in home.store.messages(run)]
        assert sorted(texts) == ["exclude oak", "focus on rye"]

    in_terminal(test())


def test_a_console_with_another_token_ends_it_with_one_line(home: Home) -> None:
    async def test() -> None:
        async with Client(read_address(home.address)) as client:
            await client.enter()
            app = Watch(client)
            async with app.run_test() as pilot:
                await asyncio.to_thread(home.stop)
                home.serve("quite-another-token")
                await until(pilot, lambda: app.fault, "the end")
            assert isinstance(app.fault, Unknown) and TOKEN not in str(app.fault)
        await asyncio.to_thread(home.stop)
        home.serve()

    in_terminal(test())


def test_a_viewer_can_look_and_touch_nothing(home: Home) -> None:
    async def test() -> None:
        async with opened(home) as (app, pilot):
            run = await start(app, "research", QUESTION, approve=True)
            app.client.role = "viewer"
            screen = await look_at(app, pilot, run)
            await until(pilot, lambda: screen.held.question, "the plan is asked about")
            able = [
                k
                for k in ("steer", "answer", "pause", "cancel", "stop", "fork", "revise")
                if screen.check_action(k, ())
            ]
            assert able == [] and app.runs.check_action("new", ()) is False
            app.client.role = "operator"
            await app.client.command(run, "stop")

    in_terminal(test())


def test_a_run_is_named_by_a_part_of_its_id(home: Home) -> None:
    async def test() -> None:
        async with Client(read_address(home.address)) as client:
            await client.enter()
            newest = await find(client, "last")
            assert await find(client, newest) == await find(client, newest[:-1]) == newest
            with pytest.raises(UsageError, match="no run with the id"):
                await find(client, "nobody")

    in_terminal(test())


@pytest.mark.parametrize(
    ("words", "token", "told"),
    [
        (
            ("--url", "http://127.0.0.1:9"),
            "long-enough",
            "no console answers at http://127.0.0.1:9",
        ),
        (("--url", "{here}"), "wrong-token", "does not know this token"),
        (("--url", "{here}"), "", "no token"),
        (("--url", "ftp://x"), "long-enough", "no address of a console"),
        (("--url", "{here}"), TOKEN, "no terminal"),
        (("--url", "{here}", "--language", "xx"), TOKEN, "no language 'xx'"),
        (("nobody", "--url", "{here}"), TOKEN, "no run with the id"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    home: Home, words: tuple[str, ...], token: str, told: str
) -> None:
    here = f"http://127.0.0.1:{home.port}"
    done = subprocess.run(
        [sys.executable, "-m", "agentkit", "watch", *(w.format(here=here) for w in words)],
        env={**os.environ, "AGENTKIT_TOKEN": token},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode in (2, 3, 5) and done.stdout == ""
    assert done.stderr.startswith("error: ") and told in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not token or token not in done.stderr


def test_an_address_is_read_with_its_run_and_token() -> None:
    made = read_address("http://127.0.0.1:8401/runs/r1#token=abc", "other")
    assert (made.base, made.run) == ("http://127.0.0.1:8401", "r1")
    assert made.token.get_secret_value() == "abc" and "abc" not in repr(made)
    assert read_address("localhost:8401", "other").token.get_secret_value() == "other"
    for wrong in ("ftp://x", "http://", "http://you:secret@x/", "http://[x/"):
        with pytest.raises(UsageError) as raised:
            read_address(wrong)
        assert "secret" not in str(raised.value)


def test_what_is_no_console_is_named() -> None:
    async def test() -> None:
        async with Client(read_address("http://127.0.0.1:9#token=x")) as client:
            with pytest.raises(BackendUnavailable, match="no console answers"):
                await client.enter()

    in_terminal(test())


def test_a_patch_that_does_not_follow_is_no_patch() -> None:
    held = Held("r", 5, {"run": {"status": "running"}, "tasks": {"T1": {"id": "T1"}}})
    row = {"seq": 6, "text": "x"}
    fits = {"from": 5, "seq": 6, "set": [[["tasks", "T1"], None], [["a", "b"], 1]], "rows": [row]}
    assert held.take(fits) and held.state["tasks"] == {} and held.state["a"] == {"b": 1}
    assert held.take(fits) and held.seq == 6 and held.rows == [row]  # known already
    assert not held.take({**fits, "from": 9, "seq": 12})


def test_a_line_of_the_stream_ends_with_a_line_feed_alone() -> None:
    async def test() -> None:
        async def said() -> AsyncIterator[str]:
            for line in (": hi", "", "event: run", "id: a:1", 'data: {"a": "\u2028"}', "", ""):
                yield line

        assert [m async for m in _messages(said())] == [Message("run", "a:1", {"a": "\u2028"})]

    in_terminal(test())


def test_it_knows_of_runs_what_the_api_says() -> None:
    folder = Path(lines.__file__).parent
    allowed = ("agentkit.cli.watch", "agentkit.cli.context", "agentkit.errors", "agentkit.leaves")
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("agentkit"):
                assert str(node.module).startswith(allowed), f"{path.name}: {node.module}"


def test_text_of_others_is_text() -> None:
    hostile = {"id": "T1", "title": "[red]x[/red]\x1b]0;t\x07\u202e\ny", "status": "pending"}
    text = lines.task(hostile)
    assert text.plain == "[ ] T1 [red]x[/red]�]0;t�� y" and not text.spans
