"""Replies that were refused: what a conversation has as the policy's own words behind the prompt is
not said again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agentkit.capabilities import Message
from agentkit_phone_policy.encoding import Encoded
from agentkit_phone_policy.saying import Unsayable
from agentkit_phone_policy.words import END

Said = tuple[str, ...]
ENDS: frozenset[Said] = frozenset({("finish", END), ("finish", "infeasible", END)})
"""Who may not finish now may not give up either: the next likely thing is to be done."""


def refused(encoded: Encoded, messages: Sequence[Message]) -> frozenset[Said]:
    """In the policy's words, END included; what it could not have said is left out."""
    found: set[Said] = set()
    for message in messages:
        if message.role == "assistant":
            try:
                said = tuple(encoded.say(json.loads(message.text)))
            except (Unsayable, ValueError, KeyError, TypeError):
                continue
            found |= ENDS if said in ENDS else {said}
    return frozenset(found)


def left(encoded: Encoded, said: Sequence[str], against: frozenset[Said]) -> frozenset[str]:
    """The tokens that may come next and lead to an answer that was not refused; all that may come
    where there is no such answer."""
    allowed = encoded.next(said)
    if not against:
        return allowed
    return frozenset(t for t in allowed if _free(encoded, (*said, t), against)) or allowed


def _free(encoded: Encoded, said: Said, against: frozenset[Said]) -> bool:
    near = [one for one in against if one[: len(said)] == said]
    if not near:
        return True
    if said in near:
        return False
    return any(_free(encoded, (*said, t), against) for t in encoded.next(said))
