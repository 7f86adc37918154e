"""One run: its todo list, its timeline, what it was told and what it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, OptionList, RichLog, Static
from textual.widgets.option_list import Option

from agentkit.cli.context import printable
from agentkit.cli.watch import lines
from agentkit.cli.watch.dialogs import Choose, Read, Say
from agentkit.cli.watch.spoken import Spoken

if TYPE_CHECKING:
    from agentkit.cli.watch.sight import Held

OVER = ("done", "failed", "cancelled")
STILL = ("paused", "interrupted", "failed")  # what can go on
REVISE = "revise"  # the plan's answer that needs words


class RunScreen(Spoken[None]):
    """Follows the run that the application's sight holds."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "steer", "key.steer"),
        Binding("a", "answer", "key.answer"),
        Binding("p", "pause", "key.pause"),
        Binding("r", "resume", "key.resume"),
        Binding("c", "cancel", "key.cancel"),
        Binding("x", "stop", "key.stop"),
        Binding("f", "fork", "key.fork"),
        Binding("e", "revise", "key.revise"),
        Binding("o", "report", "key.read"),
        Binding("escape", "back", "key.runs"),
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

    # -- showing ----------------------------------------------------------------------------------

    def refresh_run(self) -> None:
        """Shows what is held."""
        held, state = self.held, self.held.state
        self.query_one("#head", Static).update(lines.head(self.words, state, held.passing))
        self.query_one("#steered", Static).update(lines.steered(self.words, state))
        self._show_tasks(lines.tasks(state))
        log = self.query_one("#log", RichLog)
        rows, held.rows = held.rows, []
        for row in rows:
            log.write(lines.event(row))
        asked, asks = self.query_one("#asked", Static), held.question
        asked.display = asks is not None
        if asks is not None:
            told, key = lines.question(self.words, asks), f"  ({self.words('question.key')})"
            asked.update(Text.assemble(f"{self.words('question.question')}: ", told, (key, "dim")))
        can = (held.status, asks is None, bool(self._tasks), bool(held.steps), "report" in state)
        if self._last != (now := can):
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
            "fork": bool(self.held.steps),
            "revise": over and "report" in self.held.state,
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

        words = self.words
        self.app.push_screen(Say(Text(words("steer")), words("steer.hint")), send)

    def action_answer(self) -> None:
        asks = self.held.question
        if asks is None:
            return
        words, number, title = self.words, int(asks["number"]), lines.question(self.words, asks)

        def answer(said: str | None) -> None:
            if said is not None:
                self._command("answer", question=number, answer=said)

        if asks["kind"] == "plan":
            self._ask_plan(title, [str(one) for one in asks["options"]])
        elif asks["options"]:
            answers = [(str(o), words.named("option", str(o))) for o in asks["options"]]
            self.app.push_screen(Choose(title, answers), answer)
        else:
            self.app.push_screen(Say(title, words("question.answer")), answer)

    def _ask_plan(self, title: Text, options: list[str]) -> None:
        words = self.words

        def decided(said: str | None) -> None:
            if said == REVISE:
                self.app.push_screen(Say(Text(words("plan.what")), words("plan.hint")), revise)
            elif said is not None:
                self._command(said)

        def revise(said: str | None) -> None:
            if said:
                self._command("plan.edit", text=said)

        answers = [(kind, words(kind)) for kind in ("plan.approve", "plan.reject")]
        if not options:  # the plan of an agent that can change it
            answers.insert(1, (REVISE, words("plan.change")))
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

        answers = [("", self.words("stay")), ("stop", self.words("stop.yes"))]
        self.app.push_screen(Choose(Text(self.words("stop.sure")), answers), sure)

    def action_fork(self) -> None:
        """A new run from a step of this one, told something else first; it is opened."""
        words, steps = self.words, self.held.steps

        def chosen(step: str | None) -> None:
            if step is not None:
                title = Text(words("fork.title", step=step), "bold")
                title.append(f"\n{words('fork.how')}\n{words('fork.text')}", "not bold")
                self.app.push_screen(Say(title, words("steer.hint"), optional=True), fork(step))

        def fork(step: str) -> Callable[[str | None], None]:
            def send(said: str | None) -> None:
                if said is not None:
                    told = {"text": said} if said.strip() else {}
                    self._command("fork", step=int(step), **told)

            return send

        answers = [(str(one["step"]), lines.step(words, one)) for one in reversed(steps)]
        self.app.push_screen(Choose(Text(words("fork.which")), answers), chosen)

    def action_revise(self) -> None:
        """The finished report again, otherwise: a new run, which is opened."""

        def send(said: str | None) -> None:
            if said:
                self._command("revise", text=said)

        words = self.words
        self.app.push_screen(Say(Text(words("key.revise")), words("steer.revise")), send)

    def action_report(self) -> None:
        self.run_worker(self._read(), group="read", exclusive=True)

    async def _read(self) -> None:
        run, held = self.held.run, self.held.state
        text = ""
        if "report" in held or held["run"]["result"]:
            text = await self.home.read_result(run, "report" in held)
        self.app.push_screen(Read(printable(text) or self.words("result.none")))

    def _command(self, kind: str, **args: Any) -> None:
        self.home.send(self.held.run, kind, **args)
