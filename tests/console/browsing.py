"""A console's server with agents for the browser's tests, a real Chromium, and the store beside.

What a test clicks it then reads in the store; the page is never asked whether it did well.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from agentkit.runs.events import Event
from agentkit.runs.sqlite import SqliteRunStore
from tests.console.serving import NOTES, QUESTION, Console, serve, stop, stop_runs

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDTHS = {"wide": (1440, 900), "middle": (800, 900), "small": (390, 844)}
SECONDS = 120_000  # ms that something may take on a machine with other work
expect.set_options(timeout=SECONDS)

SETTINGS = """
[host]
store = "{folder}/runs"

[host.prices]
said = [1.0, 2.0]

[models.said]
use = "scripted"
choose = "request"
answers = ["Nothing was wiped."]
rules = [
    {{ when = "wiped it", answers = ["The disk is wiped."] }},
    {{ when = "use the tool", answers = ['{{"name": "wipe", "arguments": {{"what": "disk"}}}}'] }},
]

[tools.wipe]
use = "python"
function = "desk_agents:wipe"

[guards.careful]
use = "effects"

[sources.notes]
use = "folder"
path = "{folder}/notes"
embedder = ""

[agents.research]
use = "deep-research"
sources = ["notes"]
embedder = ""
width = 1

[agents.wiper]
use = "tools"
model = "said"
tools = ["wipe"]

[agents.trainer]
use = "desk-trainer"

[agents.stuck]
use = "desk-stuck"

[sources.slow]
use = "desk-slow"

[agents.slow]
use = "deep-research"
sources = ["slow"]
embedder = ""
width = 1
"""
PHONE = """
[environments.phone]
use = "android"

[agents.phone]
use = "phone-oracle"
environment = "phone"
"""
AGENTS = '''
"""Agents and views of the browser's tests, as a plugin would bring them."""
import os
import time
from pathlib import Path
from typing import TypedDict

from pydantic import BaseModel

from agentkit import hookimpl
from agentkit.capabilities import AgentInfo
from agentkit.capabilities.guard import Verdict
from agentkit.console.views import Panel, Views, code, facts, series, table
from agentkit.testing.fakes import FakeSource


def wipe(what: str) -> str:
    "Wipes it."
    with open("wiped", "a") as file:
        file.write(what)
    return "wiped it"


class Task(BaseModel):
    task: str


class Out(BaseModel):
    text: str = ""


class State(TypedDict, total=False):
    task: str
    text: str


class Trainer:
    """Reports a falling number, slowly, until a person says "enough"."""

    input, output = Task, Out

    def __init__(self, settings, parts):
        self.info = AgentInfo("trainer", "trains something")

    def build(self, parts):
        from langgraph.graph import END, START, StateGraph

        from agentkit.runs import node

        def train(state, rt):
            for step in range(4000):
                rt.emit("metric", {"name": "loss", "step": step, "value": 3 / (1 + step)})
                rt.progress(f"step {step}")
                time.sleep(0.02)
                if any("enough" in message.text for message in rt.inbox()):
                    break
            return {"text": "# Trained\\n\\n- <b>it</b> ended at step " + str(step)}

        graph = StateGraph(State)
        graph.add_node("train", node(train))
        graph.add_edge(START, "train")
        graph.add_edge("train", END)
        return graph


class Stuck:
    """Fails where the task says so; else holds on while the file "held" is there."""

    input, output = Task, Out

    def __init__(self, settings, parts):
        self.info = AgentInfo("stuck", "gets nowhere")

    def build(self, parts):
        from langgraph.graph import END, START, StateGraph

        from agentkit.runs import node

        def hold(state, rt):
            if state["task"] == "fail":
                raise RuntimeError("the wheel came off")
            while Path("held").exists():
                time.sleep(0.02)
            return {"text": "let go"}

        graph = StateGraph(State)
        graph.add_node("hold", node(hold))
        graph.add_edge(START, "hold")
        graph.add_edge("hold", END)
        return graph


class Slow(FakeSource):
    """Says "begun" and does not come back before "go" is there, when it is asked for a windmill."""

    def __init__(self, settings, parts):
        super().__init__({name: Path("notes", name).read_text() for name in os.listdir("notes")})

    def search(self, query, k=10):
        if "windmill" in query:
            Path("begun").touch()
            while not Path("go").exists():
                time.sleep(0.02)
        return super().search(query, k)


class Panels(Views):
    def panels(self, run):
        if run.row.agent != "trainer":
            return ()
        return [Panel("shape", "Shape", [
            facts([("layers", 3), ("<img src=x onerror=alert(1)>", "<b>x</b>")]),
            table(["layer", "size"], [[1, 2.5], [2, 4.0]]),
            series({"norm": [(0, 1.0), (1, 2.0)]}), code("<script>alert(1)</script>"),
        ])]


class Broken(Views):
    def panels(self, run):
        raise ValueError("no such layer")


@hookimpl
def agentkit_guard(proposal):
    """Every tap on a phone is asked about."""
    if proposal.target == "phone" and proposal.name == "tap":
        return Verdict("ask", "it taps")
    return None


@hookimpl
def agentkit_register(registry):
    registry.agent("desk-trainer", "desk_agents:Trainer", summary="reports a falling number")
    registry.agent("desk-stuck", "desk_agents:Stuck", summary="gets nowhere")
    registry.source("desk-slow", "desk_agents:Slow", summary="waits for a file")
    registry.views("desk", "desk_agents:Panels", summary="shapes")
    registry.views("broken", "desk_agents:Broken", summary="never works")
'''


class Desk:
    """The server, its store, and a browser that nobody has let in yet."""

    def __init__(self, console: Console, browser: Browser) -> None:
        self.console, self.browser = console, browser
        self.store = SqliteRunStore(console.folder / "runs")
        self.asked: list[str] = []  # every address that a page has asked for
        self.faults: list[str] = []  # what pages complained of

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.console.port}"

    @contextmanager
    def page(
        self,
        path: str = "/",
        *,
        role: str = "operator",
        width: str = "wide",
        theme: str = "light",
        language: str = "en",
    ) -> Iterator[Page]:
        """A browser of its own that came in by the address that was printed."""
        wide, high = WIDTHS[width]
        context = self.browser.new_context(
            viewport={"width": wide, "height": high},
            color_scheme="dark" if theme == "dark" else "light",
            locale=language,
            accept_downloads=True,
            reduced_motion="reduce",
        )
        context.set_default_timeout(SECONDS)
        context.on("request", lambda request: self.asked.append(request.url))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        try:
            page = context.new_page()
            token = self.console.token if role == "operator" else self.console.viewer
            page.goto(f"{self.address}{path}#token={token}")
            page.wait_for_selector(".bar")
            yield page
        finally:
            context.close()

    def events(self, run: str, *kinds: str) -> list[Event]:
        return self.store.tail(run, kinds=kinds)

    @staticmethod
    def until(good: Callable[[], Any], what: str = "") -> Any:
        """What `good` gives, once it is true. The page's own waiting needs `eval`, which its policy
        forbids."""
        end = time.monotonic() + SECONDS / 1000
        while time.monotonic() < end:
            if found := good():
                return found
            time.sleep(0.05)
        raise AssertionError(f"never so: {what or good}")


def chromium(playwright: Playwright) -> Browser:
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    assert path, "no Chromium (Debian: chromium)"
    return playwright.chromium.launch(
        executable_path=path, args=FLAGS, chromium_sandbox=os.geteuid() != 0
    )


@contextmanager
def desk(folder: Path, settings: str = "") -> Iterator[Desk]:
    """A server over a fresh folder, and a browser."""
    (folder / "notes").mkdir(parents=True)
    for name, text in NOTES.items():
        (folder / "notes" / name).write_text(text)
    (folder / "agentkit.toml").write_text(settings or SETTINGS.format(folder=folder))
    brought = folder / "brought"
    (brought / "desk_agents-0.dist-info").mkdir(parents=True)
    (brought / "desk_agents.py").write_text(AGENTS)
    info = brought / "desk_agents-0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: desk-agents\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[agentkit]\ndesk = desk_agents\n")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{brought}:{Path(__file__).parents[2]}"
    try:
        console = serve(folder)
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    try:
        with sync_playwright() as playwright:
            browser = chromium(playwright)
            made = Desk(console, browser)
            yield made
            made.store.close()
            browser.close()
    finally:
        stop(console)
        stop_runs(folder)


def switch_off(folder: Path) -> None:
    """Phones outlive the runs that started them; each says in a file which process it is."""
    for path in folder.glob("data/**/phones/*.json"):
        with suppress(ProcessLookupError):
            os.kill(json.loads(path.read_text())["pid"], signal.SIGTERM)


# -- steps that several tests take ----------------------------------------------------------------


def new_run(page: Page, task: str = QUESTION, *, agent: str = "", approve: bool = False) -> str:
    """Starts a run as a person does; gives its id."""
    page.get_by_role("button", name="New run").click()
    if agent:
        page.get_by_label("Agent").select_option(agent)
    if approve:
        page.get_by_label("Show me the plan").check()
    page.get_by_label("Question or task").fill(task)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/*")
    return page.url.rsplit("/", 1)[1].split("?")[0]


def state_is(page: Page, state: str) -> None:
    page.wait_for_selector(f".head [data-state={state}]")


def steer(page: Page, text: str) -> None:
    box = page.get_by_label("Tell the agent something")
    box.fill(text)
    box.press("Enter")
    expect(box).to_have_value("")
