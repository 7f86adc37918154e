"""Phones whose apps and labels are called otherwise, so that a policy ties the words of a goal to
those on the screen instead of learning the words (domain randomisation; Tobin et al., arXiv
1703.06907, for names)."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from agentkit_android.client.driver import Look
from agentkit_android.demos.made_up import label, table
from agentkit_android.demos.seeing import SAVES, first
from agentkit_android.demos.walking import Walk


def other_names(walked: Walk, app: str, random: Random) -> dict[str, str]:
    """Some of the labels that a walk touched, and the app's, each with what it is called now."""
    made: dict[str, str] = {}
    if random.random() < 0.5:
        made[app] = label(random).split()[-1].capitalize()
    for move in walked.moves:
        said = first(move.label)
        if move.kind in ("focus", "write"):
            said = move.name
        if move.kind in ("stray", "back", "open", "clear") or said in SAVES or len(said) < 4:
            continue
        if random.random() < 0.6 and said not in made and not any(c.isdigit() for c in said):
            made[said] = _like(said, random)
    return made


def _like(said: str, random: Random) -> str:
    """A label of the same kind: with a verb, where it has one."""
    start = said.partition(" ")[0].casefold()
    new = label(random)
    if start in table()["verbs"]:
        verb = random.choice((start, random.choice(list(table()["verbs"]))))
        return f"{verb.capitalize()} {new.casefold()}"
    if random.random() < 0.25:
        word = random.choice(random.choice(table()["alike"])["words"])
        new = random.choice((word, f"{word} {new.split()[-1]}", f"{new.split()[0]} {word}"))
    return new[0].upper() + new[1:].casefold()


def renamed(walked: Walk, names: dict[str, str]) -> Walk:
    """The walk on a phone with those names."""
    moves = tuple(
        replace(
            move,
            look=_look(move.look, names),
            after=_look(move.after, names),
            element=replace(move.element, label=_text(move.label, names)) if move.element else None,
            name=_text(move.name, names),
        )
        for move in walked.moves
    )
    return replace(walked, moves=moves)


def otherwise(goal: str, random: Random) -> str:
    """Words of a goal by others that mean the same."""
    for group in table()["alike"]:
        for word in group["words"]:
            if word in goal.casefold().split() and random.random() < 0.6:
                other = random.choice([w for w in group["words"] if w != word])
                goal = " ".join(other if w.casefold() == word else w for w in goal.split(" "))
    return goal


def _look(look: Look, names: dict[str, str]) -> Look:
    return replace(
        look, elements=tuple(replace(e, label=_text(e.label, names)) for e in look.elements)
    )


def _text(said: str, names: dict[str, str]) -> str:
    parts = said.split(", ")
    return ", ".join(names.get(part, part) for part in parts)
