"""`agentkit config`: every setting with its value and where it came from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agentkit.cli.context import open_kit, show_json, show_table
from agentkit.errors import AgentkitError, UsageError
from agentkit.names import nearest
from agentkit.settings import TABLE_OF, TABLES

app = typer.Typer(help="Explain and check settings.", no_args_is_help=True)


@app.command()
def explain(
    part: Annotated[str, typer.Argument(help="one part, e.g. models.small; none: all")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Show each value and where it came from, defaults included."""
    kit = open_kit()
    rows: list[dict[str, Any]] = []
    for noun, name in [_parse(part)] if part else sorted(kit.settings.parts):
        values = kit.values(noun, name)
        label = values.label
        rows += [
            {"setting": f"{label}.{key}", "value": v.value, "origin": v.origin}
            for key, v in values.values.items()
        ]
        try:
            checked = kit.validated(noun, name).model_dump(mode="json")
        except AgentkitError as error:
            rows.append({"setting": label, "value": error.message, "origin": "fault"})
            continue
        rows += [
            {"setting": f"{label}.{key}", "value": value, "origin": "default"}
            for key, value in checked.items()
            if key not in values.values
        ]
    if not part:
        origins = kit.settings.host_origins
        rows += [
            {"setting": f"host.{key}", "value": value, "origin": origins.get(key, "default")}
            for key, value in kit.settings.host.model_dump(mode="json").items()
        ]
    if as_json:
        show_json(rows)
    else:
        show_table(("setting", "value", "from"), [tuple(r.values()) for r in rows])


@app.command()
def check() -> None:
    """Check every part: names, plugins, settings, abilities, circles. Loads no model."""
    kit = open_kit()
    count = kit.check_all()
    files = ", ".join(str(f) for f in kit.settings.files) or "no file, built-in defaults"
    typer.echo(f"{count} parts are in order ({files})")


@app.command()
def schema(part: Annotated[str, typer.Argument(help="a part, e.g. models.small")]) -> None:
    """The JSON Schema of a part's settings, for editors."""
    kit = open_kit()
    noun, name = _parse(part)
    show_json(type(kit.validated(noun, name)).model_json_schema())


def _parse(part: str) -> tuple[str, str]:
    table, _, name = part.partition(".")
    if table not in TABLES or not name:
        raise UsageError(
            f"{part!r} names no part{nearest(table, TABLES)}",
            f"write it as {TABLE_OF['model']}.small",
        )
    return TABLES[table], name
