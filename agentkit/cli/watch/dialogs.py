"""What the terminal asks: a line of text, one of several answers, and what is read in peace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from agentkit.cli.watch.lines import plain

BACK = Binding("escape", "back", "Back")


class _Dialog(ModalScreen[str | None]):
    """Ends with what was said; None where it was left by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [BACK]

    def action_back(self) -> None:
        self.dismiss(None)


class Say(_Dialog):
    """A line of text."""

    def __init__(self, title: Text, hint: str) -> None:
        super().__init__()
        self._title, self._hint = title, hint

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title)
            yield Input(placeholder=self._hint, id="said")
        yield Footer()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value)


class Choose(_Dialog):
    """One of several answers. shown: what to know beforehand, a line each. Ends with the answer's
    own word."""

    def __init__(
        self, title: Text, answers: Sequence[tuple[str, str]], shown: Sequence[Text] = ()
    ) -> None:
        super().__init__()
        self._title, self._answers, self._shown = title, answers, shown

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title)
            if self._shown:
                with VerticalScroll(classes="shown"):
                    yield Static(Text("\n").join(self._shown))
            yield OptionList(*(Option(Text(plain(told))) for _, told in self._answers), id="said")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#said", OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._answers[event.option_index][0])


class Read(_Dialog):
    """A text of others, scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [BACK, Binding("q", "back", "Back", show=False)]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page", id="page"):
            yield Static(Text(self._text))
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#page").focus()
