"""`agentkit bench`: run an experiment that anyone can run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from agentkit.bench.experiment import Experiment, Scale
from agentkit.cli.context import note, open_kit, options, show_json, show_table
from agentkit.cli.progress import progress
from agentkit.errors import AgentkitError, RunInterrupted, UsageError
from agentkit.names import nearest

RESULTS = Path("docs/results")
app = typer.Typer()


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="an experiment; none: list them")] = "",
    every: Annotated[bool, typer.Option("--all", help="run all, one after the other")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="the smallest run that says something")] = (
        False
    ),
    scale: Annotated[str, typer.Option(help="quick, normal or full")] = "normal",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what it needs and check that it could run")
    ] = False,
    seeds: Annotated[str, typer.Option(help="instead of its own, e.g. 0,1,2")] = "",
    setting: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="an option of the experiment")
    ] = [],  # noqa: B006
    out: Annotated[
        Path | None, typer.Option(help="where results go (docs/results; quick: screen only)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Run an experiment: progress on the screen, figures with their spread in docs/results.

    An option of the experiment may also be given as --NAME VALUE.
    Ctrl-C keeps what is done; the same command goes on from there.
    """
    registry = options().host.registry
    extra = _extra(context.args)
    if not name and not every:
        rows = [(e.name, e.plugin, e.summary) for e in registry.all("experiment")]
        if as_json:
            show_json([dict(zip(("name", "plugin", "summary"), row)) for row in rows])
        else:
            show_table(("experiment", "plugin", "what it measures"), rows)
        return
    chosen = "quick" if quick else scale
    if chosen not in ("quick", "normal", "full"):
        raise UsageError(f"there is no scale {chosen!r}", "one of: quick, normal, full")
    names = [e.name for e in registry.all("experiment")] if every else [name]
    failed = []
    for one in names:
        experiment = cast(Experiment, registry.find("experiment", one).load())
        if every and chosen not in experiment.needs:
            continue  # the papers' own rows are asked for by name
        given = [*setting, *_known(extra, experiment)]
        try:
            if dry_run:
                _dry_run(experiment, cast(Scale, chosen), given)
            else:
                _run(experiment, cast(Scale, chosen), _numbers(seeds), given, out, as_json)
        except AgentkitError as error:
            if not every:
                raise
            note(f"{one}: {error}")
            failed.append(one)
    if failed:
        raise typer.Exit(1)


def _run(
    experiment: Experiment,
    scale: Scale,
    seeds: tuple[int, ...],
    settings: list[str],
    out: Path | None,
    as_json: bool,
) -> None:
    from agentkit.bench import pages, runner

    with progress(experiment.name) as moving:
        prepared = runner.prepare(
            experiment, open_kit(), scale, moving, seeds=seeds, options=_pairs(settings)
        )
        try:
            result = runner.run(experiment, prepared, _command(experiment, scale, seeds, settings))
        except RunInterrupted:
            note(f"stopped; the same command goes on from here ({prepared.out})")
            raise
    folder = out or (None if scale == "quick" else RESULTS)
    written = runner.write(result, prepared, folder)
    if as_json:
        show_json(result)
    else:
        typer.echo(pages.page(result))
    for path in written:
        note(f"wrote {path}")


def _dry_run(experiment: Experiment, scale: Scale, settings: list[str]) -> None:
    from agentkit.bench import runner

    with progress(experiment.name) as moving:
        prepared = runner.prepare(experiment, open_kit(), scale, moving, options=_pairs(settings))
        needs = experiment.needs[scale]
        typer.echo(f"{experiment.name} ({scale}): {experiment.question}")
        typer.echo(
            f"  device {needs.device}, {needs.memory / 2**30:.1f} GiB, {needs.hours:.2f} hours; "
            f"weights: {', '.join(needs.weights) or 'none'}; "
            f"data: {', '.join(needs.data) or 'carried'}"
        )
        checked = experiment.dry_run(prepared) if experiment.dry_run else []
        for line in checked or ["nothing beyond this to check before it runs"]:
            typer.echo(f"  {line}")


def _command(
    experiment: Experiment, scale: Scale, seeds: tuple[int, ...], settings: list[str]
) -> str:
    words = ["agentkit", "bench", experiment.name]
    if scale != "normal":
        words += ["--quick"] if scale == "quick" else ["--scale", scale]
    if seeds:
        words += ["--seeds", ",".join(map(str, seeds))]
    for pair in settings:
        name, _, value = pair.partition("=")
        # Results are published; where a file lies on this machine is nobody's business.
        words += ["--set", f"{name}={Path(value).name if Path(value).is_absolute() else value}"]
    return " ".join(words)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise UsageError(f"--seeds {text}: not numbers", "write for instance 0,1,2") from None


def _extra(words: list[str]) -> list[str]:
    """NAME=VALUE pairs from `--NAME VALUE` and `--NAME=VALUE`."""
    made, left = [], list(words)
    while left:
        name, equals, value = left.pop(0).partition("=")
        if not name.startswith("--"):
            raise UsageError(f"what is {name!r}?", "write --NAME VALUE")
        if not equals:
            if not left:
                raise UsageError(
                    f"{name} has no value", "options of an experiment are --NAME VALUE"
                )
            value = left.pop(0)
        made.append(f"{name.removeprefix('--')}={value}")
    return made


def _known(extra: list[str], experiment: Experiment) -> list[str]:
    """The pairs, if the experiment knows them all."""
    for pair in extra:
        option = pair.partition("=")[0]
        if option not in experiment.options:
            own = (*experiment.options, "quick", "scale", "dry-run", "seeds", "set", "out", "json")
            raise UsageError(
                f"no such option of {experiment.name}: --{option}{nearest(option, own)}",
                "agentkit bench --help",
            )
    return extra


def _pairs(settings: list[str]) -> dict[str, str]:
    pairs = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: write it as NAME=VALUE")
        pairs[key.strip()] = value
    return pairs
