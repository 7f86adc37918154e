"""`agentkit run`: give an agent a task, watch it work, answer its questions."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.context import aside, for_stdout, note, open_kit, printable, tell
from agentkit.cli.live import View, view
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.runs.agent import Run
    from agentkit.runs.store import Budget, OpenQuestion


def run(
    agent: Annotated[str, typer.Argument(help="the agent's name")],
    task: Annotated[str, typer.Argument(help="what it shall do; - reads standard input")],
    seed: Annotated[int | None, typer.Option(help="every random number comes from it")] = None,
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="a setting of the agent")
    ] = [],  # noqa: B006
    inputs: Annotated[
        list[str], typer.Option("--input", metavar="KEY=VALUE", help="a further field of its input")
    ] = [],  # noqa: B006
    tokens: Annotated[int | None, typer.Option(help="stop after so many tokens")] = None,
    seconds: Annotated[float | None, typer.Option(help="stop after so much work")] = None,
    steps: Annotated[int | None, typer.Option(help="stop after so many node visits")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one event a line")] = False,
) -> None:
    """Give an agent a task. Ctrl-C pauses the run; `agentkit runs resume` goes on with it."""
    from agentkit.settings import parse_value

    if task == "-":
        task = sys.stdin.read().strip()
    if not task.strip():
        raise UsageError("the task is empty", f'agentkit run {agent} "what it shall do"')
    kit = open_kit(*(f"agents.{agent}.{pair}" for pair in pairs(settings)))
    given = {key: parse_value(value) for key, _, value in (p.partition("=") for p in inputs)}
    limits = limited(kit.settings.host.budget.model_dump(), tokens, seconds, steps)
    follow(kit.agent(agent).run(task, seed=seed, budget=limits, **given), as_json)


def pairs(texts: list[str]) -> list[str]:
    """Checks that each is KEY=VALUE."""
    for text in texts:
        if "=" not in text:
            raise UsageError(f"{text!r} is no KEY=VALUE", "write for instance --set loops=2")
    return texts


def limited(
    base: dict[str, Any], tokens: int | None, seconds: float | None, steps: int | None
) -> Budget:
    """The base limits, with those that the command line names in their place."""
    from agentkit.runs.store import Budget

    named = {"tokens": tokens, "seconds": seconds, "steps": steps}
    return Budget(**{**base, **{k: v for k, v in named.items() if v is not None}})


def follow(run: Run, as_json: bool = False) -> None:
    """Shows a run until it ends or stops, asks its questions, and prints what it made."""
    tell(run.notices)
    if not as_json:
        note(f'run {run.id}  (steer it: agentkit runs send {run.id[-6:]} "…")')
    shown = view(as_json, run)
    try:
        while True:
            with _pausing(run, shown) as interrupted:
                for event in run:
                    shown.show(event)
            shown.close()
            if interrupted or run.status != "waiting" or not _ask(run, as_json):
                break
    except KeyboardInterrupt:  # at a question, where the run stands still
        note("")
        interrupted = ["Ctrl-C"]
    finally:
        shown.close()
    _end(run, as_json, bool(interrupted))


@contextlib.contextmanager
def _pausing(run: Run, shown: View) -> Iterator[list[str]]:
    """The first Ctrl-C asks the run to pause, the second does not wait for that. Gives a list that
    is empty as long as there was none."""
    seen: list[str] = []

    def pause() -> None:
        shown.say("pausing … (Ctrl-C again stops at once; nothing recorded is lost)")
        run.pause()

    def leave() -> None:
        try:
            shown.close()  # gives the terminal back as it was
            note(f"stopped at once; go on with: agentkit runs resume {run.id}")
        finally:
            os._exit(130)  # threads that compute would keep the interpreter from ending

    def stop(signum: int, frame: FrameType | None) -> None:
        aside(leave if seen else pause)
        seen.append("Ctrl-C")

    old = signal.getsignal(signal.SIGINT)
    if old is not signal.SIG_IGN:  # in the background of a script nobody means us
        signal.signal(signal.SIGINT, stop)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, old)


def _ask(run: Run, as_json: bool) -> bool:
    """Puts the open questions to the person at the terminal; False where there is none."""
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for asked in run.questions:
        while asked in run.questions:  # nobody answered it elsewhere meanwhile
            try:
                run.answer(_answer(asked), asked.number)
            except UsageError as error:
                note(f"{error.message}; {error.hint}")
            except EOFError:
                return False
    return True


def _answer(asked: OpenQuestion) -> str:
    """The line that was typed; of an option its beginning is enough."""
    question = asked.question
    options = f" [{'/'.join(question.options)}]" if question.options else ""
    default = f" ({question.default})" if question.default is not None else ""
    if question.kind == "approval" and question.data.get("args"):
        note(f"  with {json.dumps(question.data['args'], ensure_ascii=False)}")
    sys.stderr.write(printable(f"? {question.text}{options}{default} "))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    typed = line.strip() or question.default or ""
    meant = [o for o in question.options if typed and o.casefold().startswith(typed.casefold())]
    return meant[0] if len(meant) == 1 and typed not in question.options else typed


def _end(run: Run, as_json: bool, interrupted: bool = False) -> None:
    status = run.status
    if status == "waiting":
        for asked in run.questions:
            note(f"it asks ({asked.number}): {asked.question.text}")
        note(f'it waits; answer with: agentkit runs answer {run.id} "…" and it goes on')
        raise typer.Exit(130 if interrupted else 1)
    if interrupted and status != "done":
        note(f"{status}; go on with: agentkit runs resume {run.id}")
        raise typer.Exit(130)
    result = run.result  # raises what stopped it
    if as_json:
        return
    _print_result(result.model_dump(mode="json"))
    for artifact in {a["name"]: a for a in run.artifacts}.values():
        note(f"{artifact['name']}: {run.path(artifact['name'])}")


def _print_result(result: Mapping[str, Any]) -> None:
    """The first text of the output, formatted on a terminal; other outputs as JSON."""
    from agentkit.runs.export import result_text

    text = result_text(result)
    if sys.stdout.isatty() and text in result.values():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(printable(text)))
    else:
        typer.echo(for_stdout(text))
