"""`agentkit route …`: routers over models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import typer

from agentkit.cli.context import for_stdout, note, open_kit, show_json, show_table
from agentkit.cli.progress import progress
from agentkit.errors import ConfigError, DataError, UsageError
from agentkit.unicode import split_lines

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit_lookahead.model import LookaheadModel
    from agentkit_lookahead.router import Router
    from agentkit_lookahead.rows import Table
    from agentkit_lookahead.settings import RouterSettings

app = typer.Typer(no_args_is_help=True)
Part = Annotated[str, typer.Argument(help='a model of the settings with use = "lookahead"')]
Rows = Annotated[
    Path, typer.Option("--rows", "-r", help="what `collect` wrote, or a table of scores")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="a setting of the training, as epochs=8")
]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]


@app.command()
def collect(
    model: Part,
    prompts: Annotated[
        Path | None, typer.Argument(help='JSON lines {"prompt", "answer", "set", "check"}')
    ] = None,
    out: Annotated[Path, typer.Option(help="where answers are appended")] = Path("answers.jsonl"),
    record: Annotated[
        Path | None, typer.Option(help="instead of prompts: a part's record of decisions")
    ] = None,
    outcomes: Annotated[
        Path | None, typer.Option(help="with --record: JSON lines {id or run, score}")
    ] = None,
    max_tokens: Annotated[int, typer.Option(help="of an answer")] = 96,
) -> None:
    """Gather answers and scores of all candidates; the same command goes on after a stop."""
    from agentkit_lookahead import collecting

    kit = open_kit()
    settings = _settings(kit, model)
    if record is not None:
        found = _outcomes(outcomes) if outcomes else collecting.outcomes_of_runs(kit, record)
        table = collecting.from_record(record, found, settings.candidates)
        if not table.rows:
            raise DataError(
                f"{record}: no decision has an outcome yet",
                "name outcomes: --outcomes FILE, or let the runs finish",
            )
        _write(out, table)
        click.echo(f"{out}: {len(table.rows)} decisions with an outcome; train with feedback=dr")
        return
    if prompts is None:
        raise UsageError("no prompts were named", "name a file of prompts, or --record FILE")
    read = collecting.read_prompts(prompts)
    with progress("collecting") as told:
        table = collecting.collect(
            kit,
            settings.candidates,
            read,
            out,
            told,
            max_tokens=max_tokens,
            costs=settings.costs,
        )
    click.echo(f"{out}: {len(table.rows)} prompts answered by {len(table.candidates)} candidates")
    _means(table)


@app.command()
def train(
    model: Part,
    rows: Rows = Path("answers.jsonl"),
    out: Annotated[
        Path | None, typer.Option(help="the router's folder; the part's checkpoint by default")
    ] = None,
    names: Annotated[str, typer.Option(help="candidates of plain score lists: a,b,c")] = "",
    settings: Set = None,
    as_json: AsJson = False,
) -> None:
    """Train a router for a part's candidates; the same command goes on after a stop."""
    from agentkit_lookahead import training
    from agentkit_lookahead.router import fit
    from agentkit_lookahead.trainer import finish, key_of

    kit = open_kit()
    part = _settings(kit, model)
    wanted = _training(settings, part)
    table = _read(rows, names).order(part.candidates)
    folder = out or _checkpoint(kit, model, part)
    state = folder.with_name(f".{folder.name}.{key_of(wanted, table)}")
    with progress("training") as told:
        made = fit(wanted, table, told, state=state, resume=True)
    steps = training.steps_of(wanted, len(table.rows))
    done = finish(kit, made, folder, state, steps)
    if as_json:
        show_json({"folder": str(folder), "data": table.hash, **done.metrics})
        return
    click.echo(f"{folder}: {', '.join(made.candidates)}; default {made.about.default}")
    for name, value in done.metrics.items():
        click.echo(f"  {name:<20} {value:.4f}")


@app.command("eval")
def evaluate(
    model: Part,
    rows: Rows = Path("answers.jsonl"),
    names: Annotated[str, typer.Option(help="candidates of plain score lists: a,b,c")] = "",
    train_on: Annotated[
        float, typer.Option("--train-on", help="share of rows that baselines learn from")
    ] = 0.5,
    as_json: AsJson = False,
) -> None:
    """The part's router beside every baseline on rows with all scores."""
    from agentkit_lookahead import scorecard
    from agentkit_lookahead.baselines import all_baselines

    kit = open_kit()
    router = _router(kit, model)
    table = _read(rows, names).order(router.candidates).informative()
    if not table.complete:
        raise DataError("some scores are missing", "collect them: agentkit route collect")
    if table.hash == router.about.data:
        note("these are the rows that the router was trained on: its figures flatter it")
    learn, test = table.split(train_on)
    if not learn.rows or not test.rows:
        raise DataError("too few rows to judge on", "collect more")
    best = scorecard.best_fixed(learn.scores, learn.sets)
    chosen: dict[str, Any] = {
        "lookahead": router.logits(test.texts).argmax(1),
        "oracle": test.scores.argmax(1),
    }
    for one in all_baselines():
        chosen[one.name] = one.fit(learn, 0).utilities(test.texts, test.sets).argmax(1)
    cards = {
        name: scorecard.card(test.scores, test.sets, picks, best, test.candidates)
        for name, picks in chosen.items()
    }
    if as_json:
        show_json(
            {n: {"mu": c.mu, "within": c.within, "accuracy": c.accuracy} for n, c in cards.items()}
        )
        return
    show_table(
        ("router", "mu", "within-set mu", "best score got", *test.candidates),
        [
            (
                name,
                f"{c.mu:.1f}",
                f"{c.within:.1f}",
                f"{c.accuracy:.0%}",
                *(f"{(picks == n).mean():.0%}" for n in range(len(test.candidates))),
            )
            for (name, c), picks in zip(cards.items(), chosen.values())
        ],
    )


@app.command()
def explain(
    model: Part,
    prompt: Annotated[str, typer.Argument(help="what would be asked")],
    node: Annotated[str, typer.Option(help="the graph node that asks")] = "",
    as_json: AsJson = False,
) -> None:
    """What would be decided and why; nobody is asked. What is foreseen is a guess, no answer."""
    from agentkit.capabilities import CallContext, Request
    from agentkit_lookahead.reading import read

    kit = open_kit()
    part = _part(kit, model)
    request = Request.of(prompt, context=CallContext(node=node))
    decision = part.route(request)
    router = _router(kit, model)
    foreseen = router.foreseen(read(request))
    if as_json:
        show_json({**decision.to_json(), "foreseen": foreseen})
        return
    click.echo(f"{decision.model}: {decision.reason}, {1000 * decision.seconds:.1f} ms")
    for name in decision.order:
        if name not in decision.chances:
            continue
        tokens = [place[0][0] for place in foreseen[name]]
        click.echo(
            f"  {name:<16} {decision.chances[name]:6.1%}  utility {decision.utility[name]:.3f}  "
            f"foreseen: {for_stdout(' '.join(''.join(tokens).split()))[:60]}"
        )


@app.command()
def add(
    model: Part,
    candidate: Annotated[str, typer.Argument(help="its name")],
    rows: Rows,
    out: Annotated[Path, typer.Option(help="the new router's folder")],
) -> None:
    """A candidate joins a trained router, from about 50 scored answers, without retraining."""
    from dataclasses import replace

    from agentkit_lookahead.identity import identity
    from agentkit_lookahead.newcomer import add_candidate

    kit = open_kit()
    made = add_candidate(_router(kit, model), candidate, _read(rows, ""))
    if candidate in kit.names("model"):
        known = {**made.about.identities, candidate: identity(kit, candidate)}
        made.about = replace(made.about, identities=known)
    made.save(out)
    click.echo(f"{out}: {', '.join(made.candidates)}")


# -- shared ---------------------------------------------------------------------------------------


def _settings(kit: Kit, name: str) -> RouterSettings:
    from agentkit_lookahead.settings import RouterSettings

    found = kit.validated("model", name)
    if not isinstance(found, RouterSettings):
        raise ConfigError(
            f"models.{name} is no router", 'name one with use = "lookahead", or declare one'
        )
    return found


def _part(kit: Kit, name: str) -> LookaheadModel:
    from agentkit_lookahead.model import LookaheadModel

    _settings(kit, name)
    found = kit.model(name)
    assert isinstance(found, LookaheadModel)
    return found


def _router(kit: Kit, name: str) -> Router:
    found = _part(kit, name).router
    if found is None:
        raise ConfigError(f"models.{name} has no router yet", "agentkit route train")
    return found


def _training(pairs: list[str] | None, part: RouterSettings) -> Any:
    import tomllib

    from pydantic import ValidationError

    from agentkit.settings import explain_validation
    from agentkit_lookahead.settings import TrainSettings

    given: dict[str, Any] = {"default": part.default}
    for pair in pairs or ():
        key, sign, value = pair.partition("=")
        if not sign:
            raise UsageError(f"{pair!r} is no setting", "--set epochs=8")
        try:
            given[key] = tomllib.loads(f"v = {value}")["v"]
        except tomllib.TOMLDecodeError:
            given[key] = value
    try:
        return TrainSettings.model_validate(given)
    except ValidationError as error:
        lines = explain_validation(error, "set", {}, TrainSettings)
        raise UsageError("; ".join(lines), "see TrainSettings in the README") from None


def _checkpoint(kit: Kit, name: str, part: RouterSettings) -> Path:
    if part.checkpoint is None or part.checkpoint == Path("shipped"):
        raise UsageError(
            f"models.{name} has no checkpoint of its own", "set one, or name a folder: --out"
        )
    origin = kit.values("model", name).values["checkpoint"]
    return origin.base / part.checkpoint.expanduser()


def _read(path: Path, names: str) -> Table:
    """A table, or answers one by one as `collect` writes them."""
    from agentkit_lookahead.collecting import read_answers
    from agentkit_lookahead.rows import read_table

    try:
        first = json.loads(path.open().readline()) if path.suffix != ".gz" else {}
    except (OSError, ValueError):
        first = {}
    if isinstance(first, dict) and {"model", "score"} <= first.keys():
        return read_answers(path)
    return read_table(path, [n.strip() for n in names.split(",") if n.strip()])


def _outcomes(path: Path) -> dict[str, float]:
    found = {}
    for number, line in enumerate(split_lines(path.read_text()), 1):
        if not line.strip():
            continue
        try:
            plain = json.loads(line)
            found[str(plain.get("id") or plain["run"])] = float(plain["score"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}, line {number}: {error}", '{"run": …, "score": …}') from error
    return found


def _write(out: Path, table: Table) -> None:
    from agentkit.files import write_atomic

    write_atomic(out, "".join(f"{line}\n" for line in table.write()))


def _means(table: Table) -> None:
    import numpy as np

    groups = sorted({*table.sets})
    show_table(
        ("candidate", *(g or "all" for g in groups)),
        [
            (
                name,
                *(f"{np.nanmean(table.scores[np.array(table.sets) == g, n]):.0%}" for g in groups),
            )
            for n, name in enumerate(table.candidates)
        ],
    )
