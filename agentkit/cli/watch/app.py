"""The terminal's application: the list of runs, the run that is open, and the one stream that tells
of both."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.widgets import Static

from agentkit.cli.watch.client import PAUSE, Client, Message, Unknown
from agentkit.cli.watch.list import RunList
from agentkit.cli.watch.run import RunScreen
from agentkit.cli.watch.sight import Sight
from agentkit.cli.watch.words import Words
from agentkit.errors import AgentkitError, BackendUnavailable

TYPING = 0.2  # seconds without a key until what was typed is searched for
STYLE = """
#head { padding: 0 1; height: auto; border-bottom: solid $surface-lighten-2; }
#away { padding: 0 1; display: none; background: $warning; color: $text; }
#left { width: 40%; border-right: solid $surface-lighten-2; }
#tasks { height: 1fr; border: none; }
#steered { height: auto; max-height: 40%; padding: 0 1; }
#log { width: 1fr; }
#asked { padding: 0 1; height: auto; max-height: 8; border-top: solid $warning; }
#none { padding: 1 2; }
#search { display: none; }
.dialog { width: 80%; height: auto; max-height: 80%; padding: 1 2; background: $surface; }
.dialog OptionList { height: auto; max-height: 10; margin-top: 1; }
.form { max-height: 90%; }
.form Label { margin-top: 1; }
.form Checkbox { margin-top: 1; }
.form Vertical, .form SelectionList { height: auto; max-height: 12; }
.form #settings { max-height: 1000; }
#about { color: $text-muted; height: auto; }
#problem { color: $text-error; height: auto; margin-top: 1; }
.shown { height: auto; max-height: 12; margin-top: 1; }
.page { padding: 1 2; background: $surface; }
ModalScreen { align: center middle; }
"""


class Watch(App[None]):
    """A console's terminal. `fault` is what ended it, None where the person did.

    Args:
        client: that was let in.
        run: the one to open at once, "" for the list.
        language: of what it says.
    """

    CSS = STYLE
    TITLE = "agentkit"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "key.quit"),
    ]

    def __init__(self, client: Client, run: str = "", language: str = "en") -> None:
        super().__init__()
        self.words = Words(language)
        self.client, self.sight = client, Sight(client)
        self.fault: AgentkitError | None = None
        self.away = ""
        self._first, self._sought = run, ""

    @property
    def operator(self) -> bool:
        return self.client.role == "operator"

    def get_default_screen(self) -> RunList:
        return RunList(id="_default")

    @property
    def runs(self) -> RunList:
        found = self.screen_stack[0]
        assert isinstance(found, RunList)
        return found

    async def on_mount(self) -> None:
        await self._try(self.sight.load())
        self._show()
        if self._first:
            await self._open(self._first)
        else:
            self._follow()

    # -- following --------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Begins the stream anew, for what is looked at now."""
        self.run_worker(self._listen(), group="stream", exclusive=True)

    async def _listen(self) -> None:
        """For as long as the terminal is open: a stream that breaks is begun again where it was."""
        while True:
            try:
                async for message in self.client.stream(self.sight.query, self.sight.last):
                    self._told("")
                    if message.kind == "gone":
                        self.close_run()
                        return
                    if not self.sight.take(message) and self.sight.held is not None:
                        await self._reopen(self.sight.held.run)
                        break
                    self._show()
                    self._search_on(message)
            except Unknown:
                if not await self._try(self.client.enter_again()):
                    return
                continue
            except BackendUnavailable:
                self._told(self.words("connection.lost"))
            except AgentkitError as error:
                self._end(error)
                return
            await asyncio.sleep(PAUSE)

    async def _reopen(self, run: str) -> None:
        held = await self.sight.open(run)
        if isinstance(self.screen_stack[-1], RunScreen):
            self.screen_stack[-1].held = held

    def _told(self, words: str) -> None:
        """What there is to say of the connection."""
        if words != self.away:
            self.away = words
            for screen in self.screen_stack:
                for banner in screen.query("#away").results(Static):
                    banner.update(words)
                    banner.display = bool(words)

    async def _try(self, asked: Any) -> bool:
        """Whether it was answered. A console that is away is waited for; what else goes wrong ends
        the terminal."""
        try:
            await asked
            return True
        except BackendUnavailable:
            self._told(self.words("connection.lost"))
            await asyncio.sleep(PAUSE)
            return True
        except AgentkitError as error:
            self._end(error)
            return False

    def _end(self, error: AgentkitError) -> None:
        self.fault = error
        self.exit()

    # -- showing ----------------------------------------------------------------------------------

    def _show(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, RunScreen) and screen.is_mounted:
                screen.refresh_run()
        self.runs.refresh_list()

    # -- doing ------------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        """Lists what holds the text, once it is not being typed any more."""
        self._sought = text
        self.run_worker(self._search(), group="search", exclusive=True)

    async def _search(self) -> None:
        await asyncio.sleep(TYPING)
        text = self._sought
        try:
            found = await self.sight.search(text)
        except AgentkitError as error:
            self.notify(error.message, severity="warning", markup=False)
            return
        if text == self._sought:  # else another one is on its way
            self.sight.found = found
            self._show()

    def _search_on(self, message: Message) -> None:
        """A run that is not among those found may hold the text by now."""
        found = self.sight.found
        if message.kind != "runs" or found is None:
            return
        new = any(row["id"] not in found for row in message.data["runs"])
        if new and not any(one.group == "again" and one.is_running for one in self.workers):
            self.run_worker(self._search(), group="again")

    def open_run(self, run: str) -> None:
        self.run_worker(self._open(run), group="open", exclusive=True)

    async def _open(self, run: str) -> None:
        try:
            held = await self.sight.open(run)
        except BackendUnavailable as error:
            self.notify(error.message, severity="warning", markup=False)
            return
        except AgentkitError as error:
            self._end(error)
            return
        await self._leave()
        await self.push_screen(RunScreen(held))
        self._follow()

    def close_run(self) -> None:
        self.sight.close()
        self.run_worker(self._leave(), group="open", exclusive=True)
        self._follow()

    async def _leave(self) -> None:
        """Back to the list."""
        while len(self.screen_stack) > 1:
            await self.pop_screen()

    def send(self, run: str, kind: str, **args: Any) -> None:
        """A command; what is said against it is shown. The run that it makes is opened."""
        self.run_worker(self._send(run, kind, args))

    async def _send(self, run: str, kind: str, args: dict[str, Any]) -> None:
        try:
            made = await self.client.command(run, kind, **args)
        except Unknown as error:
            self._end(error)
        except AgentkitError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
        else:
            if "run" in made["result"]:
                self.open_run(str(made["result"]["run"]["id"]))

    async def read(self, path: str) -> Any:
        """What stands at a path of the API; None where it cannot be had, which is shown."""
        try:
            return await self.client.get(path)
        except AgentkitError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)
            return None

    async def read_result(self, run: str, report: bool) -> str:
        """The report as Markdown, or what the agent gave back."""
        try:
            if report:
                return await self.client.text(f"/api/runs/{run}/exports/report.md")
            return str((await self.client.get(f"/api/runs/{run}/result"))["text"])
        except AgentkitError as error:
            return str(error)
