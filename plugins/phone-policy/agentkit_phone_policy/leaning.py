"""Ways that a prompt tells: what its notes of the kind `way` name is said more readily.

A fixed bonus on the scores of the words that say it, as shallow fusion gives to phrases that are
expected (Williams et al., Interspeech 2018). The weights were not trained on such notes, so that a
way is followed where the policy is in doubt, and not where it is sure of something else.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from agentkit.agents.acting import StepPrompt
from agentkit_phone_policy.encoding import Encoded
from agentkit_phone_policy.refusing import Said
from agentkit_phone_policy.saying import Unsayable

SURE = 0.9
"""Of a word that is likelier than this the policy is sure, and no way is followed. That costs
little where it is lost (44 instead of 47 of 98 tasks of templates that were left out of a training;
24 without ways) and spares what it knows (56 instead of 54 of 60 tasks that it does alone)."""
BONUS = 4.0
"""In nats a word; 2 is too little (30 of the 98), 8 does no more."""


def ways(prompt: StepPrompt, encoded: Encoded) -> frozenset[Said]:
    """In the policy's words; what cannot be done on this screen is left out."""
    found = set()
    for note in prompt.notes:
        kind, _, line = note.partition(": ")
        if kind == "way":
            for action in _meant(line, prompt):
                try:
                    found.add(tuple(encoded.say(action)))
                except (Unsayable, KeyError):
                    continue
    return frozenset(found)


def _meant(line: str, prompt: StepPrompt) -> list[dict[str, object]]:
    """What a line of history would do here: `open "…"`, `tap icon "…"`."""
    verb, _, rest = line.partition(" ")
    role, _, said = ("", "", rest) if verb == "open" else rest.partition(" ")
    try:
        text = json.loads(said)
    except ValueError:
        return []
    if verb == "open":
        return [{"kind": "open", "app": text}]
    return [
        {"kind": verb, "element": number}
        for number, one in enumerate(prompt.screen.elements)
        if one.role == role and text and one.text.startswith(text)
    ]


def bonus(said: Sequence[str], token: str, towards: Collection[Said]) -> float:
    """Of a word that may come after those said."""
    ahead = (*said, token)
    return BONUS if any(way[: len(ahead)] == ahead for way in towards) else 0.0
