"""`agentkit memory …`: facts in a model's weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from agentkit.cli.context import open_kit
from agentkit.cli.progress import progress
from agentkit.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from agentkit_sparse_memory.facts import Fact
    from agentkit_sparse_memory.model import SparseMemoryModel
    from agentkit_sparse_memory.patches import Entry

app = typer.Typer(no_args_is_help=True)
Model = Annotated[str, typer.Argument(help='a model of the settings with use = "sparse-memory"')]
Facts = Annotated[
    list[str] | None, typer.Argument(help="each 'subject | relation | answer'", metavar="[FACT]…")
]
File = Annotated[Path | None, typer.Option("--file", "-f", help="facts, one a line, or JSON lines")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]


@app.command()
def attach(
    model: Model,
    texts: Annotated[list[Path] | None, typer.Argument(help="ordinary text")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a new memory to its model: how slots are used, and what ordinary text reads."""
    memory = _opened(model)
    with progress("background") as told:
        usage = memory.prepare(texts or (), told)
        spread = memory.background().spread()
    if as_json:
        layers = {number: asdict(u) for number, u in usage.items()}
        _show({"folder": str(memory.folder), "layers": layers, "idf": spread.idf})
        return
    click.echo(f"{memory.folder}: {memory.memory.config.slots} slots")
    for number, u in usage.items():
        click.echo(
            f"  layer {number}: {u.read:.0%} of slots read, usage perplexity {u.perplexity:.2f}, "
            f"busiest 1 % take {u.busiest:.1%} of reads"
        )
    click.echo(f"  idf spread {spread.idf:.2f} nats; {spread.always:.1%} of slots always read")
    if spread.warning:
        click.echo(f"  note: {spread.warning}", err=True)


@app.command()
def background(
    model: Model, texts: Annotated[list[Path], typer.Argument(help="more ordinary text")]
) -> None:
    """Count what more ordinary text reads, on top of what was counted before."""
    memory = _opened(model)
    with progress("background") as told:
        index = memory.count_more(texts, told)
    click.echo(f"{index.batches} batches, {index.tokens} tokens counted")


@app.command()
def learn(
    model: Model,
    facts: Facts = None,
    file: File = None,
    t: Annotated[int | None, typer.Option(help="rows that a step may change")] = None,
    rate: Annotated[float | None, typer.Option(help="length of a step")] = None,
    policy: Annotated[str | None, typer.Option(help="tfidf, kl, tf, random, oracle")] = None,
    steps: Annotated[int | None, typer.Option(help="at most")] = None,
    max_forget: Annotated[
        float | None, typer.Option(help="by how much the loss on ordinary text may rise: 0.02")
    ] = None,
    note: Annotated[str, typer.Option(help="kept with the patch")] = "",
    as_json: AsJson = False,
) -> None:
    """Write facts into the weights, as one patch that can be taken back."""
    from pydantic import ValidationError

    from agentkit.settings import explain_validation
    from agentkit_sparse_memory.settings import LearnSettings

    given = {"t": t, "rate": rate, "policy": policy, "steps": steps, "max_forget": max_forget}
    told = _facts(facts, file)
    memory = _opened(model)
    try:
        settings = LearnSettings.model_validate(
            memory.learning.model_dump() | {k: v for k, v in given.items() if v is not None}
        )
    except ValidationError as error:
        lines = explain_validation(error, "learn", {}, LearnSettings)
        raise UsageError("; ".join(lines), "agentkit memory learn --help") from None
    before = [memory.believes(fact) for fact in told]
    with progress("learning") as watched:
        entry = memory.learn(told, settings, progress=watched, note=note)
    now = [memory.believes(fact) for fact in told]
    if as_json:
        _show(_plain(entry))
        return
    click.echo(_line(entry))
    for fact, was, said in zip(told, before, now):
        click.echo(f"  {fact}: it said {was!r}, it says {said!r}")


@app.command()
def score(model: Model, facts: Facts = None, file: File = None, as_json: AsJson = False) -> None:
    """How well facts are known, in phrasings they were learned in and in others."""
    from agentkit_sparse_memory.facts import PHRASINGS, UNSEEN, Fact

    memory = _opened(model)
    told = _facts(facts, file) if facts or file else _known(memory, Fact)
    seen, unseen = memory.score(told, PHRASINGS), memory.score(told, UNSEEN)
    plain = memory.forgetting() if memory.prepared else None
    found = {
        "facts": len(told),
        "learned phrasings": {"right": seen.right, "nll": seen.nll},
        "other phrasings": {"right": unseen.right, "nll": unseen.nll},
        "ordinary text": {"nll": plain.nll} if plain else None,
    }
    if as_json:
        _show(found)
        return
    click.echo(f"{len(told)} facts: greedy answers right, and nats a token of the answer")
    click.echo(f"  learned phrasings  {seen.right:6.1%}  {seen.nll:.3f}")
    click.echo(f"  other phrasings    {unseen.right:6.1%}  {unseen.nll:.3f}")
    if plain:
        click.echo(f"  ordinary text              {plain.nll:.4f}")


@app.command("list")
def patches(model: Model, as_json: AsJson = False) -> None:
    """What was learned, oldest first."""
    memory = _opened(model)
    entries = memory.patches()
    if as_json:
        _show([_plain(entry) for entry in entries])
        return
    for entry in entries:
        click.echo(_line(entry))
    if not entries:
        click.echo("nothing was learned yet")


@app.command()
def show(model: Model, patch: Annotated[str, typer.Argument(help="its id, or last")]) -> None:
    """Where a patch came from: facts, settings, measurements, rows."""
    memory = _opened(model)
    entry = memory.find(patch)
    found = memory.patch(entry)
    _show({**found.about, "id": entry.id, "created": entry.created, "rows": found.rows.tolist()})


@app.command()
def forget(
    model: Model, text: Annotated[str, typer.Argument(help="a word or words of the facts")]
) -> None:
    """Take back every fact that mentions a text; others of the same patches are learned anew."""
    memory = _opened(model)
    with progress("learning anew") as told:
        gone = memory.forget(text, told)
    for entry in gone:
        click.echo(f"taken back: {_line(entry)}")


@app.command()
def revert(
    model: Model,
    patch: Annotated[str, typer.Argument(help="its id, or last")],
    cascade: Annotated[bool, typer.Option(help="with later patches that changed its rows")] = False,
) -> None:
    """Take a patch back: its rows get the bits of before."""
    memory = _opened(model)
    gone = memory.revert(patch, cascade=cascade)
    for entry in gone:
        click.echo(f"taken back: {_line(entry)}")


def _opened(name: str) -> SparseMemoryModel:
    from agentkit_sparse_memory.model import SparseMemoryModel

    kit = open_kit()
    if kit.registration("model", name).name != "sparse-memory":
        raise ConfigError(
            f"models.{name} has no memory",
            f'declare one: [models.{name}-memory] use = "sparse-memory", base = "{name}"',
        )
    model = kit.model(name)
    assert isinstance(model, SparseMemoryModel)
    return model


def _facts(facts: list[str] | None, file: Path | None) -> list[Fact]:
    from agentkit_sparse_memory.facts import parse, read_facts

    found = [parse(text) for text in facts or ()] + (read_facts(file) if file else [])
    if not found:
        raise UsageError("no fact was given", "'subject | relation | answer', or --file")
    return found


def _known(memory: SparseMemoryModel, kind: type[Fact]) -> list[Fact]:
    found = [kind.from_json(f) for e in memory.patches() for f in memory.patch(e).about["facts"]]
    if not found:
        raise UsageError("nothing was learned yet", "name facts, or learn some")
    return found


def _line(entry: Entry) -> str:
    before, after = (entry.metrics.get(f"held_out_{n}", 1.0) for n in ("before", "after"))
    facts = entry.facts[0] + (f" and {len(entry.facts) - 1} more" if len(entry.facts) > 1 else "")
    return f"{entry.id}  {entry.rows} rows  ordinary text {after / before - 1:+.2%}  {facts}" + (
        f"  ({entry.note})" if entry.note else ""
    )


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "created": entry.created,
        "rows": entry.rows,
        "facts": list(entry.facts),
        "metrics": dict(entry.metrics),
        "note": entry.note,
    }


def _show(plain: Any) -> None:
    click.echo(json.dumps(plain, ensure_ascii=False, indent=2))
