"""One run: its todo list, its timeline, what it was told and what it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer, OptionList, RichLog, Static
from textual.widgets.option_list import Option

from agentkit.cli.context import printable
from agentkit.cli.watch import lines
from agentkit.cli.watch.dialogs import Choose, Read, Say

if TYPE_CHECKING:
    from agentkit.cli.watch.app import Watch
    from agentkit.cli.watch.sight import Held

OVER = ("done", "failed", "cancelled")
STILL = ("paused", "interrupted", "failed")  # what can go on
REVISE = "revise"  # the plan's answer that needs words


class RunScreen(Screen[None]):
    """Follows the run that the application's sight holds."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "steer", "Steer"),
        Binding("a", "answer", "Answer"),
        Binding("p", "pause", "Pause"),
        Binding("r", "resume", "Go on"),
        Binding("c", "cancel", "Cancel task"),
        Binding("x", "stop", "Stop run"),
        Binding("o", "report", "Read result"),
        Binding("escape", "back", "Runs"),
    ]

    def __init__(self, held: Held) -> None:
        super().__init__()
        self.held = held
        self._tasks: list[dict[str, Any]] = []
        self._last: tuple[Any, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield Static(id="away")
        with Horizontal():
            with Vertical(id="left"):
                yield OptionList(id="tasks")
                yield Static(id="steered")
            yield RichLog(id="log", wrap=True, min_width=0, max_lines=5000)
        yield Static(id="asked")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#tasks").focus()
        self.refresh_run()

    @property
    def home(self) -> Watch:
        return cast("Watch", self.app)

    # -- showing ----------------------------------------------------------------------------------

    def refresh_run(self) -> None:
        """Shows what is held."""
        held, state = self.held, self.held.state
        self.query_one("#head", Static).update(lines.head(state, held.passing))
        self.query_one("#steered", Static).update(lines.steered(state))
        self._show_tasks(lines.tasks(state))
        log = self.query_one("#log", RichLog)
        rows, held.rows = held.rows, []
        for row in rows:
            log.write(lines.event(row))
        asked, asks = self.query_one("#asked", Static), held.question
        asked.display = asks is not None
        if asks is not None:
            told = lines.question(asks)
            asked.update(Text.assemble("It asks: ", told, ("  (a: answer)", "dim")))
        if self._last != (now := (held.status, asks is None, bool(self._tasks))):
            self._last = now
            self.refresh_bindings()

    def _show_tasks(self, tasks: list[dict[str, Any]]) -> None:
        if tasks == self._tasks:
            return
        found = self.query_one("#tasks", OptionList)
        at, known = found.highlighted, [t["id"] for t in self._tasks]
        chosen = known[at] if at is not None and at < len(known) else ""
        self._tasks = [dict(one) for one in tasks]
        found.clear_options()
        found.add_options([Option(lines.task(one)) for one in tasks])
        ids = [one["id"] for one in tasks]  # the highlight stays with its task
        found.highlighted = ids.index(chosen) if chosen in ids else (0 if ids else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done now stands in the footer, and nothing else."""
        now = self.held.status
        over = now in OVER
        fits = {
            "steer": not over,
            "answer": self.held.question is not None,
            "pause": now in ("created", "running"),
            "resume": now in STILL,
            "cancel": not over and bool(self._tasks),
            "stop": not over,
            "report": over,
        }
        allowed = self.home.operator or action == "report"
        return (fits[action] and allowed) if action in fits else True

    # -- doing ------------------------------------------------------------------------------------

    def action_back(self) -> None:
        self.home.close_run()

    def action_steer(self) -> None:
        def send(said: str | None) -> None:
            if said:
                self._command("steer", text=said)

        title = Text("Tell the agent something")
        self.app.push_screen(Say(title, '"exclude X", "focus on Y", "T3 first"'), send)

    def action_answer(self) -> None:
        asks = self.held.question
        if asks is None:
            return
        number, title = int(asks["number"]), lines.question(asks)

        def answer(said: str | None) -> None:
            if said is not None:
                self._command("answer", question=number, answer=said)

        if asks["kind"] == "plan":
            self._ask_plan(title, [str(one) for one in asks["options"]])
        elif asks["options"]:
            answers = [(str(one), str(one)) for one in asks["options"]]
            self.app.push_screen(Choose(title, answers), answer)
        else:
            self.app.push_screen(Say(title, "your answer"), answer)

    def _ask_plan(self, title: Text, options: list[str]) -> None:
        def decided(said: str | None) -> None:
            if said == REVISE:
                hint = '"drop T2", "add when was it sold", "T3 first"'
                self.app.push_screen(Say(Text("What shall change?"), hint), revise)
            elif said is not None:
                self._command(said)

        def revise(said: str | None) -> None:
            if said:
                self._command("plan.edit", text=said)

        answers = [("plan.approve", "Approve the plan"), ("plan.reject", "Stop here")]
        if not options:  # the plan of an agent that can change it
            answers.insert(1, (REVISE, "Change it"))
        shown = [lines.task(one) for one in lines.tasks(self.held.state)]
        self.app.push_screen(Choose(title, answers, shown), decided)

    def action_pause(self) -> None:
        self._command("pause")

    def action_resume(self) -> None:
        self._command("retry" if self.held.status == "failed" else "resume")

    def action_cancel(self) -> None:
        at = self.query_one("#tasks", OptionList).highlighted
        if at is not None and at < len(self._tasks):
            self._command("task.cancel", task=self._tasks[at]["id"])

    def action_stop(self) -> None:
        def sure(said: str | None) -> None:
            if said == "stop":
                self._command("stop")

        answers = [("", "No, let it be"), ("stop", "Stop it; what it found is kept")]
        self.app.push_screen(Choose(Text("Stop this run for good?"), answers), sure)

    def action_report(self) -> None:
        self.run_worker(self._read(), group="read", exclusive=True)

    async def _read(self) -> None:
        run, held = self.held.run, self.held.state
        text = ""
        if "report" in held or held["run"]["result"]:
            text = await self.home.read_result(run, "report" in held)
        self.app.push_screen(Read(printable(text) or "It gave back nothing to read."))

    def _command(self, kind: str, **args: Any) -> None:
        self.home.send(self.held.run, kind, **args)
