"""Starting a run: what to find out or do, by which agent, with which of its settings and limits."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Checkbox, Footer, Input, Label, Select, SelectionList, Static

from agentkit.cli.watch.dialogs import BACK
from agentkit.cli.watch.lines import plain
from agentkit.cli.watch.spoken import Spoken
from agentkit.cli.watch.words import Words
from agentkit.errors import AgentkitError, BackendUnavailable

FIRST = ("mode", "approve", "sources")  # settings that stand above the others
LIMITS = ("minutes", "tokens", "steps")


class NotOne(ValueError):
    """A text where a number belongs; its words are for the person."""


def field_of(words: Words, one: Mapping[str, Any]) -> Widget:
    """What a setting is chosen with; its id is `set-NAME`."""
    now, id = one["default"], f"set-{one['name']}"
    title = words.named("field", one["name"], plain(one["title"]))
    choices = [(words.named("choice", c, plain(c)) or words("none"), c) for c in one["choices"]]
    match one["kind"]:
        case "switch":
            return Checkbox(title, now is True, id=id)
        case "parts":
            chosen = now or ()
            return SelectionList(*((text, c, c in chosen) for text, c in choices), id=id)
        case "part" | "choice":
            blank = now is None or now not in one["choices"]
            return Select(choices, prompt=words("none"), value=Select.NULL if blank else now, id=id)
    kind = {"integer": "integer", "number": "number"}.get(one["kind"], "text")
    return Input(placeholder="" if now is None else str(now), type=kind, id=id)  # type: ignore[arg-type]


def said_of(words: Words, one: Mapping[str, Any], field: Widget) -> Any:
    """What was chosen; None where it is as it was.

    Raises:
        NotOne: it is no number.
    """
    if isinstance(field, Input):
        return number(words, one["name"], field.value, one["kind"] == "integer")
    if isinstance(field, SelectionList):
        value: Any = list(field.selected)
    else:
        assert isinstance(field, Checkbox | Select)
        value = None if field.value is Select.NULL else field.value
    return None if value == one["default"] else value


def number(words: Words, name: str, text: str, whole: bool) -> float | None:
    """None where nothing was written. Raises NotOne."""
    if not text.strip():
        return None
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        title = words.named("new", name, words.named("field", name))
        raise NotOne(words("new.number", field=title, text=plain(text, 40))) from error


class NewRun(Spoken[str | None], ModalScreen[str | None]):
    """Ends with the id of the run that it started; None where it was left.

    Args:
        agents: as `GET /api/agents` tells of them; those that cannot be built are left out.
        first: the one that is chosen at the beginning.
    """

    BINDINGS: ClassVar[list[BindingType]] = [BACK, Binding("ctrl+s", "start", "key.start")]

    def __init__(self, agents: list[dict[str, Any]], first: str) -> None:
        super().__init__()
        self._agents = {a["name"]: a for a in agents if not a["error"]}
        self._first = first if first in self._agents else next(iter(self._agents), "")
        self.described = ""  # the agent whose settings are shown
        self._fields: list[dict[str, Any]] = []
        self._client = str(uuid.uuid4())  # one for the whole form: a run is started once

    def compose(self) -> ComposeResult:
        words = self.words
        with VerticalScroll(classes="dialog form"):
            yield Label(words("new.agent"))
            names = [(name, name) for name in self._agents]
            if names:
                yield Select(names, value=self._first, allow_blank=False, id="agent")
            yield Static(id="about")
            yield Label(words("new.task"))
            yield Input(placeholder=words("new.task.hint"), id="task")
            yield Vertical(id="settings")
            yield Label(words("new.limits"))
            for name in LIMITS:
                hint = f"{words(f'new.{name}')}: {words('new.nolimit')}"
                yield Input(placeholder=hint, id=f"limit-{name}")
            yield Static(id="problem")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#task").focus()

    async def on_select_changed(self, event: Select.Changed) -> None:
        if event.select.id == "agent" and event.value != self.described:
            self.run_worker(self._describe(str(event.value)), group="about", exclusive=True)

    async def _describe(self, name: str) -> None:
        """Shows what can be set of the agent."""
        try:
            about = await self.home.client.get(f"/api/agents/{name}")
        except AgentkitError as error:
            self._told(str(error))
            return
        self.query_one("#about", Static).update(plain(about["summary"]))
        known = [f for f in about["settings"] if f["kind"] != "other"]
        self._fields = sorted(known, key=lambda f: (f["name"] not in FIRST, f["name"]))
        made: list[Widget] = []
        for one in self._fields:
            if one["kind"] != "switch":  # which bears its own name
                title = self.words.named("field", one["name"], plain(one["title"]))
                made.append(Label(title))
            none = one["kind"] == "parts" and not one["choices"]
            made.append(
                Static(self.words("fields.noparts"), id=f"set-{one['name']}")
                if none
                else field_of(self.words, one)
            )
        box = self.query_one("#settings", Vertical)
        await box.remove_children()
        await box.mount(*made)
        self.described = name

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self.action_start()

    def action_start(self) -> None:
        self.run_worker(self._start(), group="start", exclusive=True)

    async def _start(self) -> None:
        words = self.words
        task = self.query_one("#task", Input).value
        if not task.strip():
            self._told(words("new.empty"))
            self.query_one("#task").focus()
            return
        try:
            body = {"client_id": self._client, "task": task, **self._chosen()}
            made = await self.home.client.start(body)
        except (NotOne, AgentkitError) as error:
            self._told(str(error))
            if not isinstance(error, BackendUnavailable):  # else it may have been started
                self._client = str(uuid.uuid4())  # nothing was, and the form will be another
            return
        self.dismiss(str(made["run"]["id"]))

    def _chosen(self) -> dict[str, Any]:
        """Agent, settings and limits. Raises NotOne."""
        words, settings = self.words, {}
        for one in self._fields:
            field = self.query_one(f"#set-{one['name']}")
            if isinstance(field, Input | SelectionList | Checkbox | Select):
                value = said_of(words, one, field)
                if value is not None:
                    settings[one["name"]] = value
        limits = {
            name: number(words, name, self.query_one(f"#limit-{name}", Input).value, whole)
            for name, whole in (("minutes", False), ("tokens", True), ("steps", True))
        }
        minutes = limits.pop("minutes")
        seconds = None if minutes is None else minutes * 60
        agent = self.query_one("#agent", Select).value if self._agents else ""
        return {"agent": agent, "settings": settings, "budget": {**limits, "seconds": seconds}}

    def _told(self, text: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(plain(text, 1000))
        problem.scroll_visible()
