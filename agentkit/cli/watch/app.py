"""The terminal's application: the list of runs, the run that is open, and the one stream that tells
of both."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Static

from agentkit.cli.watch import lines
from agentkit.cli.watch.client import PAUSE, Client, Unknown
from agentkit.cli.watch.run import RunScreen
from agentkit.cli.watch.sight import Sight
from agentkit.errors import AgentkitError, BackendUnavailable

COLUMNS = ("state", "done", "asks", "agent", "task")
STYLE = """
#head { padding: 0 1; height: auto; border-bottom: solid $surface-lighten-2; }
#away { padding: 0 1; display: none; background: $warning; color: $text; }
#left { width: 40%; border-right: solid $surface-lighten-2; }
#tasks { height: 1fr; border: none; }
#steered { height: auto; max-height: 40%; padding: 0 1; }
#log { width: 1fr; }
#asked { padding: 0 1; height: auto; max-height: 8; border-top: solid $warning; }
#none { padding: 1 2; }
.dialog { width: 80%; height: auto; max-height: 80%; padding: 1 2; background: $surface; }
.dialog OptionList { height: auto; max-height: 10; margin-top: 1; }
.shown { height: auto; max-height: 12; margin-top: 1; }
.page { padding: 1 2; background: $surface; }
ModalScreen { align: center middle; }
"""


class Runs(DataTable[Any]):
    """The list; its own binding of Enter is not shown in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Open")]


class Watch(App[None]):
    """A console's terminal. `fault` is what ended it, None where the person did.

    Args:
        client: that was let in.
        run: the one to open at once, "" for the list.
    """

    CSS = STYLE
    TITLE = "agentkit"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "waiting", "Next question"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, client: Client, run: str = "") -> None:
        super().__init__()
        self.client, self.sight = client, Sight(client)
        self.fault: AgentkitError | None = None
        self.away = ""
        self._first = run

    @property
    def operator(self) -> bool:
        return self.client.role == "operator"

    def compose(self) -> ComposeResult:
        yield Static(id="away")
        yield Static("No runs yet. Start one: agentkit run AGENT TASK", id="none")
        yield Runs(id="runs", cursor_type="row")
        yield Footer()

    async def on_mount(self) -> None:
        table = self.query_one("#runs", DataTable)
        table.add_columns(*COLUMNS)
        table.display = False  # until there is something in it
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
            except Unknown:
                if not await self._try(self.client.enter_again()):
                    return
                continue
            except BackendUnavailable:
                self._told("The console is away. Trying again; nothing is lost.")
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
            self._told("The console is away. Trying again; nothing is lost.")
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
        table = self.screen_stack[0].query_one("#runs", DataTable)
        runs = self.sight.listed()
        if table.display != bool(runs):
            table.display = bool(runs)
            table.focus()
        self.screen_stack[0].query_one("#none").display = not runs
        if [str(key.value) for key in table.rows] != [row["id"] for row in runs]:
            chosen = self._chosen()
            table.clear()
            for row in runs:
                table.add_row(*lines.row(row), key=row["id"])
            if chosen in self.sight.runs:
                table.move_cursor(row=table.get_row_index(chosen))
            return
        keys = list(table.columns)
        for row in runs:
            for key, cell in zip(keys, lines.row(row), strict=True):
                if table.get_cell(row["id"], key) != cell:
                    table.update_cell(row["id"], key, cell, update_width=True)

    def _chosen(self) -> str:
        """The run that the cursor is on."""
        table = self.screen_stack[0].query_one("#runs", DataTable)
        if not table.row_count:
            return ""
        return str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return len(self.screen_stack) == 1 if action == "waiting" else True

    # -- doing ------------------------------------------------------------------------------------

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.open_run(str(event.row_key.value))

    def action_waiting(self) -> None:
        """Opens the run that has waited longest for an answer."""
        if self.sight.inbox:
            self.open_run(self.sight.inbox[0]["run"]["id"])
        else:
            self.notify("Nothing waits for an answer.")

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
        await self.push_screen(RunScreen(held))
        self._follow()

    def close_run(self) -> None:
        self.sight.close()
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._follow()

    def send(self, run: str, kind: str, **args: Any) -> None:
        """A command; what is said against it is shown."""
        self.run_worker(self._send(run, kind, args))

    async def _send(self, run: str, kind: str, args: dict[str, Any]) -> None:
        try:
            await self.client.command(run, kind, **args)
        except Unknown as error:
            self._end(error)
        except AgentkitError as error:
            self.notify(str(error), severity="error", markup=False, timeout=10)

    async def read_result(self, run: str, report: bool) -> str:
        """The report as Markdown, or what the agent gave back."""
        try:
            if report:
                return await self.client.text(f"/api/runs/{run}/exports/report.md")
            return str((await self.client.get(f"/api/runs/{run}/result"))["text"])
        except AgentkitError as error:
            return str(error)
