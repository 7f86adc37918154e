"""Texts that a walk writes into fields: made of plain words by chance, fitting what a field is
called where that asks for a number, a time or an address."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any


@cache
def table() -> dict[str, Any]:
    """The words of `exploring.toml`."""
    text = files("agentkit_android.demos").joinpath("exploring.toml").read_text("utf-8")
    return tomllib.loads(text)


def text_for(field: str, random: Random) -> str:
    """What may stand in a field of that name."""
    name = field.casefold()
    if name in ("hour", "hours"):
        return f"{random.randrange(24):02}"
    if name in ("minute", "minutes", "second", "seconds"):
        return f"{random.randrange(60):02}"
    if "phone" in name or "number" in name:
        numbers = [random.randrange(most) for most in (90, 900, 90_000)]
        return f"+{numbers[0] + 1} {numbers[1] + 100} {numbers[2] + 10_000}"
    if "mail" in name:
        one, other = random.choices(table()["things"], k=2)
        return f"{one}{random.randrange(100)}@{other}.example"
    if name.replace(".", "").isdecimal() or "amount" in name or "price" in name:
        if "." not in name and name.isdecimal() and len(name) < 3:
            return (
                f"{random.randrange(1, 13):02}" if int(name) < 24 else f"{random.randrange(60):02}"
            )
        return f"{random.randrange(1, 400)}.{random.randrange(100):02}"
    if "name" in name and random.random() < 0.3:
        return f"{random.choice(table()['people'])} {random.choice(table()['families'])}"
    return phrase(random)


def phrase(random: Random) -> str:
    """One to five words, sometimes like a title, sometimes like a sentence."""
    words = table()
    thing, quality, verb = (random.choice(words[k]) for k in ("things", "qualities", "doings"))
    made = random.choice(
        (
            thing, f"{quality} {thing}", f"{quality} {thing}", f"{verb} the {thing}",
            f"{thing} and {random.choice(words['things'])}", f"{verb} {quality} {thing}",
            f"the {thing} is {quality}", f"{thing} {random.randrange(2, 60)}",
        )
    )  # fmt: skip
    style = random.random()
    if style < 0.5:
        return made[0].upper() + made[1:]
    return made.title() if style < 0.65 else made


def label(random: Random) -> str:
    """What a part of a screen could be called."""
    words = table()
    thing, quality = random.choice(words["things"]), random.choice(words["qualities"])
    made = random.choice((thing, f"{quality} {thing}", f"{thing} {random.choice(words['things'])}"))
    return made[0].upper() + made[1:]
