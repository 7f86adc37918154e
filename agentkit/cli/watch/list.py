"""The list of runs: forks stand below what they were forked from; the search goes through all."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, Input, Static

from agentkit.cli.watch import lines
from agentkit.cli.watch.new import NewRun
from agentkit.cli.watch.spoken import Spoken

COLUMNS = ("state", "done", "asks", "agent", "task")


class Table(DataTable[Any]):
    """Its own binding of Enter is not shown in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "key.open")]


class RunList(Spoken[None]):
    """Shows what the application's sight lists."""

    AUTO_FOCUS = "#runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "key.new"),
        Binding("slash", "search", "key.search", key_display="/"),
        Binding("w", "waiting", "key.waiting"),
        Binding("escape", "clear", "key.clear"),
        Binding("down", "to_list", show=False),
    ]

    def compose(self) -> ComposeResult:
        yield Static(id="away")
        yield Input(placeholder=self.words("runs.search"), id="search")
        yield Static(id="none")
        yield Table(id="runs", cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one("#runs", Table)
        table.add_columns(*(self.words(f"column.{name}") for name in COLUMNS))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "new":
                return self.home.operator
            case "clear" | "to_list":
                return bool(self.query_one("#search").display)
        return True

    # -- showing ----------------------------------------------------------------------------------

    def refresh_list(self) -> None:
        """Shows what is known."""
        sight, table = self.home.sight, self.query_one("#runs", Table)
        runs = sight.listed()
        self._tell_none(bool(runs), sight.found is not None)
        shown = {run["id"]: lines.row(self.words, run, depth) for run, depth in runs}
        if [str(key.value) for key in table.rows] != list(shown):
            chosen = self._chosen()
            table.clear()
            for id, cells in shown.items():
                table.add_row(*cells, key=id)
            if chosen in shown:
                table.move_cursor(row=table.get_row_index(chosen))
            return
        keys = list(table.columns)
        for id, cells in shown.items():
            for key, cell in zip(keys, cells, strict=True):
                if table.get_cell(id, key) != cell:
                    table.update_cell(id, key, cell, update_width=True)

    def _tell_none(self, some: bool, searched: bool) -> None:
        table, none = self.query_one("#runs", Table), self.query_one("#none", Static)
        if searched:
            told = self.words("runs.nothing")
        else:
            told = f"{self.words('runs.first')}. {self.words('runs.first.key')}"
        none.update(told)
        none.display = not some
        if table.display != some:
            table.display = some
            if some and not self.query_one("#search").has_focus:
                table.focus()

    def _chosen(self) -> str:
        """The run that the cursor is on."""
        table = self.query_one("#runs", Table)
        if not table.row_count:
            return ""
        return str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)

    # -- doing ------------------------------------------------------------------------------------

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.home.open_run(str(event.row_key.value))

    def action_waiting(self) -> None:
        """Opens the run that has waited longest for an answer."""
        inbox = self.home.sight.inbox
        if inbox:
            self.home.open_run(inbox[0]["run"]["id"])
        else:
            self.notify(self.words("inbox.none"))

    def action_search(self) -> None:
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()
        self.refresh_bindings()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.home.search(event.value)

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self.action_to_list()

    def action_to_list(self) -> None:
        self.query_one("#runs").focus()

    def action_clear(self) -> None:
        """Leaves the search."""
        field = self.query_one("#search", Input)
        field.value, field.display = "", False
        self.query_one("#runs").focus()
        self.refresh_bindings()

    def action_new(self) -> None:
        self.run_worker(self._new(), group="new", exclusive=True)

    async def _new(self) -> None:
        found = await self.home.read("/api/agents")
        if found is None:
            return

        def opened(run: str | None) -> None:
            if run:
                self.home.open_run(run)

        self.app.push_screen(NewRun(found["agents"], found["default"]), opened)
