"""Explicit and implicit intention flows (IFRAgent, arXiv 2508.08645), by rules.

Explicit: what somebody did for one goal, step by step (their standard way, an "SOP"). Implicit:
what many of these say about them, in a profile of a fixed shape. Each preference names the flows
that taught it, so that forgetting a flow takes what only it taught.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentkit_color_agent.knowledge import Likeness, by_words
from agentkit_color_agent.screens import words

Domain = Literal[
    "food", "journey", "messages", "calls", "shopping", "music", "photos", "time", "money",
    "device", "other",
]  # fmt: skip
_DOMAINS: dict[Domain, str] = {
    "food": "cook recipe recipes servings portion dish eat dinner lunch table coffee cafe café",
    "journey": "route way go walk bike transit car map maps directions trip get drive",
    "messages": "text message messages sms write tell thank send reply greet",
    "calls": "call dial phone ring",
    "shopping": "buy shop shopping order cart list milk groceries browser private",
    "music": "song songs music play playlist album artist sort",
    "photos": "photo photos picture camera shot square",
    "time": "alarm event calendar remind reminder appointment meeting timer",
    "money": "expense expenses spent paid cost money",
    "device": "night sleep quiet dark flight airplane saver battery wifi bluetooth bed",
}


class Flow(BaseModel):
    """One thing that somebody did. steps: lines of history. source: where it was seen: a run, a
    recording."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[\w.-]{1,64}$")
    goal: str = Field(min_length=1, max_length=2000)
    steps: tuple[str, ...] = Field(max_length=200)
    source: str = Field("", max_length=500)

    @property
    def domain(self) -> Domain:
        return domain_of(f"{self.goal} {' '.join(self.steps)}")


class Preference(BaseModel):
    """What somebody prefers. flows: that taught it; none where the person said it themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[\w.-]{1,64}$")
    domain: Domain
    subject: str = Field(min_length=1, max_length=200)
    way: str = Field(min_length=1, max_length=500)
    flows: tuple[str, ...] = Field(default=(), max_length=1000)


class Profile(BaseModel):
    """A person as their flows show them. Its shape is fixed; what does not fit is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: str = Field(pattern=r"^[\w.-]{1,64}$")
    preferences: tuple[Preference, ...] = Field(default=(), max_length=1000)

    def about(self, domain: Domain) -> list[Preference]:
        return [p for p in self.preferences if p.domain in (domain, "other")]


def domain_of(text: str) -> Domain:
    """The domain whose words a text has most of."""
    said = words(text)
    scores = {d: sum(w in known.split() for w in said) for d, known in _DOMAINS.items()}
    best = max(scores, key=lambda d: scores[d])
    return best if scores[best] else "other"


def implied(person: str, flows: Sequence[Flow], said: Sequence[Preference] = ()) -> Profile:
    """The profile that flows teach, beside what the person said.

    For each domain the app that was opened for its goals; for texts that somebody wrote, how they
    begin and end where at least two agree.
    """
    made: list[Preference] = [*said]
    opened: dict[tuple[Domain, str], list[str]] = defaultdict(list)
    typed: list[tuple[str, str]] = []
    for flow in flows:
        for line in flow.steps:
            if match := re.match(r'open "(.+)"', line):
                opened[flow.domain, match.group(1)].append(flow.id)
            if match := re.match(r'type "(.+)"', line):
                typed.append((flow.id, match.group(1).replace("\\n", "\n")))
    for (domain, app), ids in sorted(opened.items()):
        made.append(
            Preference(
                id=_slug(f"{domain}-{app}"),
                domain=domain,
                subject=f"app for {domain}",
                way=f"uses {app}",
                flows=tuple(dict.fromkeys(ids)),
            )
        )
    for subject, texts in (
        ("begins a message", _shared([(i, _first(t)) for i, t in typed if len(words(t)) > 2])),
        ("ends a message", _shared([(i, _last(t)) for i, t in typed if len(words(t)) > 2])),
    ):
        for way, ids in texts:
            made.append(
                Preference(
                    id=_slug(f"messages-{subject}-{way}"),
                    domain="messages",
                    subject=subject,
                    way=f"with “{way}”",
                    flows=tuple(ids),
                )
            )
    unique: dict[str, Preference] = {}
    for one in made:  # what the person said comes first, and stays
        unique.setdefault(one.id, one)
    return Profile(person=person, preferences=tuple(unique.values()))


def _first(text: str) -> str:
    return text.split()[0].strip(",!") if text.split() else ""


def _last(text: str) -> str:
    """What follows the last sentence: a sign-off, with the name."""
    parts = re.split(r"(?<=[.!?])\s+|\n", text.strip())
    return parts[-1] if len(parts) > 1 else ""


def _shared(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Texts that at least two flows have."""
    by_text: dict[str, list[str]] = defaultdict(list)
    for flow, text in pairs:
        if text and flow not in by_text[text]:
            by_text[text].append(flow)
    return [(text, ids) for text, ids in by_text.items() if len(ids) > 1]


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text.casefold()).strip("-")[:64]


def nearest(
    goal: str, flows: Sequence[Flow], floor: float, likeness: Likeness | None = None
) -> tuple[Flow, float] | None:
    """The flow for the most alike goal, where it is alike enough."""
    if not flows:
        return None
    scores = (likeness or by_words)(goal, [f.goal for f in flows])
    best = max(range(len(flows)), key=lambda n: (scores[n], -n))
    return (flows[best], scores[best]) if scores[best] >= floor else None


class Rewritten(BaseModel):
    """A goal in a person's way. instruction: what the operator works on. notes: what it is told
    beside it. flow, preferences: what was used, by id."""

    model_config = ConfigDict(extra="forbid")

    instruction: str
    notes: list[str]
    flow: str = ""
    preferences: list[str] = []
    likeness: float = 0.0


def rewrite(
    goal: str,
    profile: Profile,
    flows: Sequence[Flow],
    floor: float,
    likeness: Likeness | None = None,
) -> Rewritten:
    """The goal with this person's way beside it, by rules: the flow of the most alike goal, and
    the preferences of its domain. The goal's own words stay: what the owner says goes before what
    they usually do."""
    found = nearest(goal, flows, floor, likeness)
    domain = found[0].domain if found else domain_of(goal)
    used = profile.about(domain) if domain != "other" else []
    notes = [f"person: {p.subject} {p.way}" for p in used]
    if found:
        flow, score = found
        notes.append(f"person: for “{flow.goal}” they did: {'; then '.join(flow.steps)}")
        return Rewritten(
            instruction=goal,
            notes=notes,
            flow=flow.id,
            preferences=[p.id for p in used],
            likeness=round(score, 4),
        )
    return Rewritten(instruction=goal, notes=notes, preferences=[p.id for p in used])


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "rewritten_instruction": {"type": "string", "minLength": 3, "maxLength": 600},
        "rewritten_substeps": {
            "type": "array",
            "maxItems": 12,
            "items": {"type": "string", "maxLength": 200},
        },
    },
    "required": ["rewritten_instruction", "rewritten_substeps"],
    "additionalProperties": False,
}
"""What a model in the role `personaliser` gives, after IFRAgent's rewriting agent."""
SYSTEM = (
    "You rewrite a goal so that an assistant does it as this person would. Keep everything that "
    "the goal says; add only what the profile and the example say about this person. JSON."
)
