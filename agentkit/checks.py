"""What is checked of a part before anything is loaded, and of an object that claims to be one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import ABILITIES, NOUNS
from agentkit.errors import AgentkitError, ConfigError, PluginError, Unsupported
from agentkit.settings import TABLE_OF

if TYPE_CHECKING:
    from agentkit.capabilities import LanguageModel
    from agentkit.kit import Key, Kit


def faults(
    kit: Kit, key: Key, seen: set[Key] | None = None, above: tuple[Key, ...] = ()
) -> Iterator[AgentkitError]:
    """What is wrong with a part and with all that it needs.

    Args:
        seen: parts that were looked at already; the ones looked at now are added.
        above: the parts that led here, to find circles.
    """
    seen = set() if seen is None else seen
    if key in above:
        chain = " -> ".join(f"{TABLE_OF[n]}.{m}" for n, m in [*above[above.index(key) :], key])
        yield ConfigError(f"parts need each other in a circle: {chain}", "break the circle")
        return
    if key in seen or kit.is_added(*key):
        return
    seen.add(key)
    try:
        registration, references = kit.registration(*key), kit.references(key)
    except AgentkitError as error:
        yield error
        return
    for field, (noun, names, _) in references.items():
        for name in names:
            below = list(faults(kit, (noun, name), seen, (*above, key)))
            yield from below
            if not below and noun == "model":
                yield from _lacking(kit, key, field, name, registration.needs[field])


def members(part: Any, noun: str, what: str) -> None:
    """Raises PluginError where an object lacks what the noun's protocol asks for. No property
    is evaluated: some ask a server."""
    asked = _asked(NOUNS[noun])
    missing = [m for m in asked if not (hasattr(type(part), m) or hasattr(part, m))]
    if missing:
        raise PluginError(
            f"{what} is no {noun}: it lacks {', '.join(missing)}",
            f"see agentkit.capabilities.{NOUNS[noun].__name__}",
        )


def _lacking(kit: Kit, key: Key, field: str, model: str, need: str) -> Iterator[AgentkitError]:
    """A fault per ability that a field needs and the model does not have."""
    if need in NOUNS:
        return
    label = f"{TABLE_OF[key[0]]}.{key[1]}"
    has = kit.abilities(model)
    if any(has.issuperset(choice) for choice in choices(need)):
        return
    for ability in choices(need)[0]:
        if ability not in ABILITIES:
            yield ConfigError(
                f"{label}: its plugin asks for an ability {ability!r} that does not exist",
                f"known: {', '.join(ABILITIES)}",
            )
        elif ability not in has:
            yield Unsupported(
                f"{label} needs {field} to have the ability {ability!r}, which models.{model} "
                f"({_origin(kit, model)}) lacks",
                f"models that have it: {', '.join(_models_with(kit, ability)) or 'none'}",
            )


def choices(need: str) -> list[list[str]]:
    """The sets of abilities of which one is needed, from "tokens+hidden|logprobs"."""
    return [choice.split("+") for choice in need.split("|")]


def give(model: LanguageModel, need: str) -> None:
    """Raises Unsupported where a model gives none of the sets of abilities that are needed."""
    *others, last = choices(need)
    for choice in others:
        try:
            return _all(model, choice)
        except Unsupported:
            continue
    _all(model, last)


def _all(model: LanguageModel, abilities: list[str]) -> None:
    for ability in abilities:
        model.ability(ABILITIES[ability])


def _origin(kit: Kit, model: str) -> str:
    if kit.is_added("model", model):
        return "added from code"
    return f"use = {kit.values('model', model).use!r}"


def _models_with(kit: Kit, ability: str) -> list[str]:
    found = []
    for name in kit.names("model"):
        try:
            if ability in kit.abilities(name):
                found.append(name)
        except AgentkitError:
            continue
    return found


def _asked(protocol: type) -> list[str]:
    """The names that a protocol asks for."""
    names = {n for n in vars(protocol) if not n.startswith("_") and callable(vars(protocol)[n])}
    return sorted(names | set(getattr(protocol, "__annotations__", {})))
