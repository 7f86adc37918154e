"""`agentkit plugins`: what is installed, what it offers, what is wrong with it."""

from __future__ import annotations

from typing import Annotated

import typer

from agentkit.cli.context import note, options, show_json, show_table
from agentkit.errors import PluginError
from agentkit.host import PluginRecord


def plugins(
    name: Annotated[str, typer.Argument(help="one plugin, with all that it offers")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """List plugins with their state; faults come with cause and cure."""
    records = options().host.records
    if name:
        from agentkit.names import nearest

        records = [r for r in records if r.name == name]
        if not records:
            known = [r.name for r in options().host.records]
            raise PluginError(
                f"no plugin {name!r} is installed{nearest(name, known)}",
                f"installed: {', '.join(known)}",
            )
    if as_json:
        show_json([_plain(r) for r in records])
    elif name:
        for record in records:
            typer.echo(f"{record.name} {record.version} ({record.distribution}): {record.state}")
            for offer in record.offers:
                typer.echo(f"  {offer.kind:12} {offer.name:20} {offer.summary}")
    else:
        show_table(
            ("plugin", "version", "state", "offers"), [(*_row(r), _offers(r)) for r in records]
        )
    for record in records:
        if record.error:
            note(f"{record.name}: {record.error}\n  {record.hint}")
    for kind, part, owners in options().host.registry.duplicates():
        note(f"{kind} {part!r} is registered by {' and '.join(owners)}\n  uninstall or disable one")


def _row(record: PluginRecord) -> tuple[str, str, str]:
    return record.name, record.version, record.state


def _offers(record: PluginRecord) -> str:
    return ", ".join(f"{offer.kind} {offer.name}" for offer in record.offers)


def _plain(record: PluginRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "version": record.version,
        "distribution": record.distribution,
        "state": record.state,
        "error": record.error,
        "hint": record.hint,
        "seconds": round(record.seconds, 4),
        "offers": [
            {"kind": o.kind, "name": o.name, "summary": o.summary, "target": o.target}
            for o in record.offers
        ],
    }
