"""`agentkit induce`: an instruction from labelled examples, judged before it is used."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from agentkit.cli.context import for_stdout, note, open_kit, show_json, show_table
from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit_prompt_mii.examples import Examples
    from agentkit_prompt_mii.inducing import InstructionInducer
    from agentkit_prompt_mii.instruction import Instruction
    from agentkit_prompt_mii.judging import Judged
    from agentkit_prompt_mii.store import PromptStore


class _Group(typer.core.TyperGroup):
    """`induce FILE …` is `induce from FILE …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["from", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    help="Write an instruction from labelled examples; list, show and revert accepted ones. "
    "`induce FILE.csv --label COLUMN` is short for `induce from FILE.csv …`.",
    no_args_is_help=True,
)

Model = Annotated[str, typer.Option(help="the model that will use the instruction")]
Writer = Annotated[str, typer.Option(help="the model that writes it; the same by default")]
Shown = Annotated[int, typer.Option("-n", help="examples to induce from", min=2)]
Held = Annotated[int, typer.Option(help="rows to judge on, none of them induced from", min=4)]
Best = Annotated[int, typer.Option("--best-of", help="instructions to choose from", min=1)]
Scoring = Annotated[str, typer.Option(help="likelihood, or generation")]
Length = Annotated[str, typer.Option(help="of likelihoods: sum, or mean over tokens")]
Most = Annotated[int, typer.Option(help="tokens of an instruction", min=8)]
Seed = Annotated[int, typer.Option(help="of the draw of rows and of the writing")]
Task = Annotated[str, typer.Option(help="name to keep an accepted instruction under")]
Store = Annotated[Path | None, typer.Option(help="folder of accepted prompts")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document")]


@app.command("from")
def induce(
    file: Annotated[Path, typer.Argument(help="CSV with a header")],
    label: Annotated[str, typer.Option(help="the label's column")],
    text: Annotated[
        list[str] | None, typer.Option(help="the text's column; may be given more than once")
    ] = None,
    model: Model = "small",
    generator: Writer = "",
    n: Shown = 20,
    held: Held = 60,
    best_of: Best = 1,
    scoring: Scoring = "likelihood",
    length: Length = "sum",
    most: Most = 256,
    seed: Seed = 0,
    task: Task = "",
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Write an instruction from a CSV file, and judge it on rows that were held out.

    It is kept under its task's name (the file's own by default), and used from there, only where it
    is surely better than what holds now."""
    from agentkit_prompt_mii.table import read_csv

    examples = read_csv(file, label, text or ())
    _told(examples)
    shown, judged = examples.halves(n, held, seed)
    kit = open_kit()
    inducer = _inducer(kit, model, generator or model, scoring, length, most)
    name = task or re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._") or "task"
    _judge(inducer, shown, judged, name, store, best_of, seed, as_json)


@app.command("runs")
def from_runs(
    agent: Annotated[str, typer.Argument(help="whose past runs")],
    node: Annotated[str, typer.Argument(help="the node whose prompt it will be")],
    outcomes: Annotated[Path, typer.Option(help='JSON lines {"run", "label"} or {"run", "score"}')],
    prefix: Annotated[str, typer.Option(help="the node's own prompt, before the input")] = "",
    labels: Annotated[
        str, typer.Option(help="all labels: a,b,c; those that occur by default")
    ] = "",
    model: Model = "small",
    generator: Writer = "",
    best_of: Best = 1,
    scoring: Scoring = "likelihood",
    length: Length = "sum",
    most: Most = 256,
    seed: Seed = 0,
    task: Task = "",
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Write a node's prompt from its agent's past runs; judged on runs that were held out."""
    from agentkit_prompt_mii import past

    kit = open_kit()
    known = [one.strip() for one in labels.split(",") if one.strip()] or None
    calls = past.calls(kit.runs, agent, node)
    shown, judged = past.from_runs(calls, past.outcomes(outcomes), known, prefix=prefix, seed=seed)
    inducer = _inducer(kit, model, generator or model, scoring, length, most)
    _judge(inducer, shown, judged, task or f"{agent}.{node}", store, best_of, seed, as_json)


@app.command("list")
def listing(store: Store = None, as_json: AsJson = False) -> None:
    """Tasks with an accepted instruction."""
    kept = _store(store)
    found = [(task, kept.current(task), kept.history(task)) for task in kept.tasks()]
    if as_json:
        show_json(
            [{"task": t, "hash": c.hash if c else None, "entries": len(h)} for t, c, h in found]
        )
        return
    show_table(
        ("task", "holds", "tokens", "decisions"),
        [(t, c.hash if c else "none", c.tokens if c else "", len(h)) for t, c, h in found],
    )


@app.command()
def show(
    task: Annotated[str, typer.Argument(help="its name")],
    hash: Annotated[str, typer.Option(help="another one of its history")] = "",
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """A task's instruction with its history."""
    kept = _store(store)
    history = kept.history(task)
    chosen = kept.get(task, hash) if hash or not history else kept.current(task)
    if as_json:
        entries = [
            {
                "number": e.number,
                "kind": e.kind,
                "hash": e.instruction.hash if e.instruction else None,
                "why": e.why,
                "when": e.when,
                "scores": dict(e.scores),
            }
            for e in history
        ]
        show_json(
            {"task": task, "current": chosen.to_json() if chosen else None, "history": entries}
        )
        return
    click.echo(for_stdout(chosen.text) if chosen else "none holds")
    click.echo()
    for entry in history:
        when = datetime.fromtimestamp(entry.when, UTC).strftime("%Y-%m-%d %H:%M")
        which = entry.instruction.hash if entry.instruction else "none"
        click.echo(f"{entry.number}  {when}  {entry.kind:<9} {which}  {entry.why}")


@app.command()
def revert(
    task: Annotated[str, typer.Argument(help="its name")],
    hash: Annotated[str, typer.Option(help="the one that shall hold; the parent by default")] = "",
    why: Annotated[str, typer.Option(help="kept with it")] = "",
    store: Store = None,
) -> None:
    """Back to the instruction before, or to any of the history."""
    entry = _store(store).revert(task, hash, why)
    click.echo(f"{task}: {entry.instruction.hash if entry.instruction else 'no instruction'} holds")


# -- shared ---------------------------------------------------------------------------------------


def _store(folder: Path | None) -> PromptStore:
    from agentkit_prompt_mii.store import PromptStore

    return PromptStore(folder)


def _inducer(
    kit: Kit, model: str, generator: str, scoring: str, length: str, most: int
) -> InstructionInducer:
    from agentkit.files import cache_dir
    from agentkit_prompt_mii.follower import Follower
    from agentkit_prompt_mii.inducing import InstructionInducer

    if scoring not in ("likelihood", "generation"):
        raise UsageError(f"there is no scoring {scoring!r}", "likelihood, or generation")
    if length not in ("sum", "mean"):
        raise UsageError(f"there is no length {length!r}", "sum, or mean")
    follower = Follower(kit.model(model), scoring=scoring, length=length)  # type: ignore[arg-type]
    return InstructionInducer(
        kit.model(generator), follower, most=most, cache=cache_dir() / "induced"
    )


def _told(examples: Examples) -> None:
    if examples.repeated or examples.contradicted:
        note(
            f"left out: {examples.repeated} rows that repeat another, {examples.contradicted} that "
            "contradict one"
        )


def _judge(
    inducer: InstructionInducer,
    shown: Examples,
    held: Examples,
    task: str,
    folder: Path | None,
    best_of: int,
    seed: int,
    as_json: bool,
) -> None:
    from agentkit_prompt_mii import judging

    kept = _store(folder)
    incumbent: Instruction | None = kept.current(task)
    if incumbent is not None and incumbent.labels != shown.labels:
        raise UsageError(
            f"the prompt that holds for {task!r} is for other labels", "name another --task"
        )
    note(f"{len(shown.rows)} examples, {len(held.rows)} rows to judge on")
    found = judging.run(inducer, shown, held, incumbent=incumbent, m=best_of, seed=seed)
    entry = kept.add(
        task,
        found.instruction,
        accepted=found.decision.accepted,
        why=found.decision.why,
        scores={line.name: line.to_json() for line in found.lines},
    )
    if as_json:
        show_json({"task": task, "kind": entry.kind, **found.to_json()})
        return
    _print(found, task, entry.kind)


def _print(found: Judged, task: str, kind: str) -> None:
    click.echo(for_stdout(found.instruction.text))
    click.echo()
    rows: list[tuple[Any, ...]] = []
    for line in found.lines:
        even = found.even.get(line.name, "")
        rows.append(
            (
                line.name,
                f"{line.f1.macro:.3f} ± {line.f1.error:.3f}",
                f"{line.f1.invalid:.0%}",
                "" if line.tokens is None else line.tokens,
                "never" if even is None else even,
            )
        )
    show_table(("prompt", "macro-F1", "invalid", "tokens", "pays after calls"), rows)
    for text in found.skipped:
        note(f"left out: {text}")
    click.echo()
    click.echo(f"{kind}: {found.decision.why}")
    if kind == "accepted":
        click.echo(f'use = "prompt-mii", task = "{task}" serves it')
