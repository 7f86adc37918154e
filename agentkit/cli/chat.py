"""`agentkit chat`: talk with a model, or give an agent one task after another."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from agentkit.cli.context import for_stdout, note, open_kit
from agentkit.errors import AgentkitError, ContextOverflow, UnknownPart

if TYPE_CHECKING:
    from agentkit.capabilities import Completion, Delta, Message
    from agentkit.kit import Kit

HELP = "/new forgets the talk, /end leaves; Ctrl-C stops an answer"


def chat(
    name: Annotated[str, typer.Argument(help="a model or an agent; the setting host.model")] = "",
    system: Annotated[str, typer.Option(help="what the model shall be like")] = "",
    max_tokens: Annotated[int, typer.Option(min=1, help="of one answer")] = 512,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is the likeliest answer")] = 0.0,
    seed: Annotated[int, typer.Option(help="of the drawing, where temperature > 0")] = 0,
) -> None:
    """Talk with a model or an agent. Works with pipes too: each line is a turn."""
    kit = open_kit()
    name = name or kit.settings.host.model
    if name in kit.names("model"):
        talk = Talk(kit, name, system, max_tokens, temperature, seed)
        _turns(f"{name} ({HELP})", talk.turn, talk.forget)
    elif name in kit.names("agent"):
        _turns(f"{name} (each line is a task; /end leaves)", lambda task: _task(kit, name, task))
    else:
        from agentkit.names import nearest

        known = [*kit.names("model"), *kit.names("agent")]
        raise UnknownPart(
            f"there is no model or agent {name!r}{nearest(name, known)}",
            f"declared: {', '.join(known) or 'none'}",
        )


def _turns(
    greeting: str, turn: Callable[[str], None], forget: Callable[[], None] = lambda: None
) -> None:
    """Reads lines until the end of input. At a terminal a fault ends the turn, not the talk."""
    person = sys.stdin.isatty()
    if person:
        note(greeting)
        _history()
    while True:
        try:
            line = _line(person)
        except EOFError:
            break
        if line == "/end":
            break
        if line == "/new":
            forget()
        elif line:
            try:
                turn(line)
            except AgentkitError as error:
                if not person:
                    raise
                note(str(error))


def _line(person: bool) -> str:
    if not person:
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.strip()
    try:
        return input("> ").strip()
    except KeyboardInterrupt:
        note("")
        return ""


def _history() -> None:
    """Arrow keys at the prompt, where the system's Python has them."""
    try:
        import readline  # noqa: F401
    except ImportError:
        pass


class Talk:
    """A talk with a model: its turns, as far as they fit into the model's context."""

    def __init__(
        self, kit: Kit, model: str, system: str, max_tokens: int, temperature: float, seed: int
    ) -> None:
        self._kit, self._name, self._system = kit, model, system
        self._settings = {"max_tokens": max_tokens, "temperature": temperature}
        self._seed = seed
        self._turns: list[Message] = []
        self._count = 0

    def forget(self) -> None:
        self._turns.clear()

    def turn(self, text: str) -> None:
        """Prints the answer as it comes. One that was stopped is remembered as far as it went."""
        from agentkit.capabilities import Message

        self._count += 1
        self._turns.append(Message.user(text))
        try:
            made = self._answer()
        except AgentkitError:
            self._turns.pop()
            raise
        self._turns.append(Message.assistant(made.text))

    def _answer(self) -> Completion:
        """Forgets the oldest turns where all of them are too long for the model."""
        while True:
            try:
                return self._generate()
            except ContextOverflow:
                if len(self._turns) < 3:
                    raise
                del self._turns[:2]
                note("(the beginning of the talk no longer fits and was left out)")

    def _generate(self) -> Completion:
        from agentkit.capabilities import CallContext, Cancel, Message, Request
        from agentkit.seeds import derive

        head = [Message.system(self._system)] if self._system else []
        context = CallContext(purpose="chat", seed=derive(self._seed, "chat", self._count))
        request = Request((*head, *self._turns), context=context, **self._settings)  # type: ignore[arg-type]
        model, cancel = self._kit.model(self._name), Cancel()
        made: list[Completion] = []
        over = threading.Event()
        faults: list[Exception] = []
        shown: list[str] = []

        def show(delta: Delta) -> None:
            shown.append(delta.text)
            sys.stdout.write(for_stdout(delta.text))
            sys.stdout.flush()

        def work() -> None:
            try:
                made.extend(model.generate([request], on_delta=show, cancel=cancel))
            except Exception as error:
                faults.append(error)
            finally:
                over.set()

        # In a thread of its own, so that Ctrl-C stops the answer and not the program.
        threading.Thread(target=work, daemon=True).start()
        while not over.is_set():
            try:
                over.wait(0.1)
            except KeyboardInterrupt:
                if cancel:  # it does not listen: out
                    raise
                cancel.set()
        if faults:
            raise faults[0]
        if made[0].finish == "error":
            raise AgentkitError(f"the model {self._name!r} gave no answer: {made[0].error}")
        rest = "" if shown else made[0].text
        typer.echo(for_stdout(rest) + (" …" if made[0].finish == "length" else ""))
        return made[0]


def _task(kit: Kit, name: str, task: str) -> None:
    from agentkit.cli.run import follow

    try:
        follow(kit.agent(name).run(task))
    except typer.Exit:
        pass  # it said why; the next line is another task
