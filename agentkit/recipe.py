"""Recipes: how to make a part again in another process, as JSON. Nothing is pickled."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import ConfigError
from agentkit.settings import TABLE_OF, PartValues, Settings, Value

if TYPE_CHECKING:
    from agentkit.kit import Kit

ORIGIN = "the run's recipe"
FIXED = ("noun", "name", "use", "settings", "bases")


def write(kit: Kit, noun: str, name: str) -> dict[str, Any]:
    """The recipe of a part with those of all parts that it needs.

    settings: all of them, defaults too, so that a later default changes nothing. bases: the folders
    that relative paths in them start at. Holds no secrets: settings only name them. A part that a
    program added has no `use`: nothing else can make it.
    """
    if kit.is_added(noun, name):
        return {"noun": noun, "name": name, "use": None, "settings": {}, "needs": {}}
    registration, values = kit.registration(noun, name), kit.values(noun, name)
    settings = kit.validated(noun, name).model_dump(mode="json")
    record = next(r for r in kit.host.records if r.name == registration.plugin)
    return {
        "noun": noun,
        "name": name,
        "use": registration.name,
        "settings": settings,
        "bases": {
            key: str((values.values.get(key) or values.values["use"]).base) for key in settings
        },
        "distribution": record.distribution,
        "version": record.version,
        "loaded": kit.loaded(noun, name),
        "needs": {
            field: [write(kit, below, n) for n in names]
            for field, (below, names, _) in kit.references((noun, name)).items()
        },
    }


def overlay(
    settings: Settings, recipes: list[Mapping[str, Any]], added: Container[tuple[str, str]]
) -> Settings:
    """The settings with the recipes' parts in place of theirs.

    Args:
        added: (noun, name) of the parts that the program added already.

    Raises:
        ConfigError: a recipe needs a part that only a program can make.
    """
    parts = {key: PartValues(p.noun, p.name, dict(p.values)) for key, p in settings.parts.items()}
    made = Settings(parts, settings.host, settings.host_origins, settings.files)
    for recipe in recipes:
        for one in _all(recipe):
            if one["use"] is None:
                if (one["noun"], one["name"]) in added:
                    continue
                raise ConfigError(
                    f"{TABLE_OF[one['noun']]}.{one['name']} was added by a program",
                    "resume the run from that program: kit.add(…), then kit.resume(run)",
                )
            bases, here = one.get("bases", {}), Path.cwd()
            values = {"use": Value(one["use"], ORIGIN, here)}
            for key, value in one["settings"].items():
                values[key] = Value(value, ORIGIN, Path(bases.get(key, here)))
            made.parts.pop((one["noun"], one["name"]), None)
            made.put(one["noun"], one["name"], values)
    return made


def same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two recipes make the same part: what was loaded and which version may differ."""
    return all(a.get(key) == b.get(key) for key in FIXED) and all(
        len(a["needs"].get(field, ())) == len(b["needs"].get(field, ()))
        and all(same(x, y) for x, y in zip(a["needs"][field], b["needs"][field]))
        for field in {*a["needs"], *b["needs"]}
    )


def _all(recipe: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield recipe
    for recipes in recipe["needs"].values():
        for below in recipes:
            yield from _all(below)
