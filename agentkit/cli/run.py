"""`agentkit run`: give an agent a task, watch it work, answer its questions."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.context import note, open_kit
from agentkit.cli.live import view
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
    if not as_json:
        note(f'run {run.id}  (steer it: agentkit runs send {run.id} "…")')
    shown = view(as_json)
    try:
        while True:
            for event in run:
                shown.show(event)
            shown.close()
            if run.status != "waiting" or not _ask(run, as_json):
                break
    except KeyboardInterrupt:
        shown.close()
        _interrupted(run)
    finally:
        shown.close()
    _end(run, as_json)


def _interrupted(run: Run) -> None:
    """The first Ctrl-C has asked the run to pause; a second one does not wait for that."""
    try:
        note("pausing … (Ctrl-C again to stop at once; nothing recorded is lost)")
        status = run.pause()
    except KeyboardInterrupt:
        note(f"\nstopped; go on with: agentkit runs resume {run.id}")
        os._exit(130)  # threads that compute would keep the interpreter from ending
    if status != "done":
        note(f"{status}; go on with: agentkit runs resume {run.id}")
        raise typer.Exit(130)


def _ask(run: Run, as_json: bool) -> bool:
    """Puts the open questions to the person at the terminal; False where there is none."""
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for asked in run.questions:
        while True:
            try:
                run.answer(_answer(asked), asked.number)
                break
            except UsageError as error:
                note(f"{error.message}; {error.hint}")
            except (EOFError, typer.Abort):
                return False
    return True


def _answer(asked: OpenQuestion) -> str:
    question = asked.question
    options = f" [{'/'.join(question.options)}]" if question.options else ""
    default = f" ({question.default})" if question.default is not None else ""
    sys.stderr.write(f"? {question.text}{options}{default} ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip() or question.default or ""


def _end(run: Run, as_json: bool) -> None:
    status = run.status
    if status == "waiting":
        for asked in run.questions:
            note(f"it asks ({asked.number}): {asked.question.text}")
        note(f'it waits; answer with: agentkit runs answer {run.id} "…" and it goes on')
        raise typer.Exit(1)
    result = run.result  # raises what stopped it
    if as_json:
        return
    _print_result(result)
    for artifact in {a["name"]: a for a in run.artifacts}.values():
        note(f"{artifact['name']}: {run.path(artifact['name'])}")


def _print_result(result: Any) -> None:
    """The first text of the output as it is; other outputs as JSON."""
    texts = [value for value in result.model_dump().values() if isinstance(value, str)]
    if not texts:
        typer.echo(result.model_dump_json(indent=2))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(texts[0]))
    else:
        typer.echo(texts[0])
