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
from agentkit.cli.watch.spoken import Spoken

BACK = Binding("escape", "back", "key.back")


class Dialog(Spoken[str | None], ModalScreen[str | None]):
    """Ends with what was said; None where it was left by Escape."""

    BINDINGS: ClassVar[list[BindingType]] = [BACK]

    def action_back(self) -> None:
        self.dismiss(None)


class Say(Dialog):
    """A line of text. optional: whether nothing may be said, too."""

    def __init__(self, title: Text, hint: str, optional: bool = False) -> None:
        super().__init__()
        self._title, self._hint, self._optional = title, hint, optional

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(self._title)
            yield Input(placeholder=self._hint, id="said")
        yield Footer()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() or self._optional:
            self.dismiss(event.value)


class Choose(Dialog):
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


class Read(Dialog):
    """A text of others, scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [BACK, Binding("q", "back", "key.back", show=False)]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page", id="page"):
            yield Static(Text(self._text))
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#page").focus()
