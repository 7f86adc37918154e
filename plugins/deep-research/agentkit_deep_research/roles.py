"""What models may add: numbers for the ranking and words for a query. Never a quote, never a check.

Each role is tried at most twice in vain per run; then the floor goes on alone. What a role did, and
how often it failed, is an event and stands in the report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

import jsonschema

from agentkit.capabilities import Grammar, Message, Request
from agentkit.errors import AgentkitError
from agentkit_deep_research.grammar import RULES, CommandKind
from agentkit_deep_research.words import content, folded, stem

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts
    from agentkit_deep_research.desk import Desk

T = TypeVar("T")
FAULTS = 2
REPAIRS = 1  # so that a call that fails is made FAULTS times in all
PROPOSED = 5
MEANINGS = 48  # candidates that an embedder sees
LIKELIHOODS = 8  # candidates that a ranker sees
_TURNS = (
    ("How do I keep my program from running twice?", "single instance lock file"),
    ("Why is my picture so blurry when I print it?", "image resolution dpi printing"),
    ("Can I get back a letter that I threw away?", "restore deleted document trash"),
)


def available(desk: Desk, parts: Parts, role: str, tokens: int | None) -> bool:
    """Whether a model has this role, has not failed twice, and may still spend tokens."""
    if not parts.names(role):
        return False
    seen = desk.roles.get(role)
    return (seen is None or seen.faults < FAULTS) and (tokens is None or desk.tokens < tokens)


def meanings(
    rt: Runtime, parts: Parts, question: str, readings: Sequence[tuple[str, ...]]
) -> list[float] | None:
    """Cosine of the question with each candidate, -1..1, as the mean over its readings, of which
    each has as many; None where the model failed."""
    texts = [text for each in readings for text in each]

    def do() -> list[float]:
        from agentkit.capabilities import Embed

        vectors = parts["embedder"].ability(Embed).embed([question, *texts])
        cosines = (vectors[1:] @ vectors[0]).reshape(len(readings), -1)
        return [round(float(v), 5) for v in cosines.mean(axis=1)]

    args = {"question": question, "texts": _digest(texts)}
    return _try(rt, "embedder", lambda: rt.record("embed", args, contained(do)))


def likelihoods(
    rt: Runtime, parts: Parts, question: str, texts: Sequence[str]
) -> list[float] | None:
    """Mean log p(question token | text) in nats for each text; None where the model failed."""
    pairs = [
        (f"Passage: {folded(text)}\nQuestion answered by the passage:", f" {question}")
        for text in texts
    ]
    return _try(rt, "ranker", lambda: [s / max(n, 1) for s, n in rt.score("ranker", pairs)])


def keywords(rt: Runtime, question: str, known: Callable[[list[str]], list[str]]) -> list[str]:
    """Words to add to a query, at most five; only such as the sources know and the
    question lacks.

    Args:
        known: keeps of some words those that the sources hold.
    """
    turns = [
        message
        for asked, answered in _TURNS
        for message in (Message.user(asked), Message.assistant(answered))
    ]
    request = Request((*turns, Message.user(question)), max_tokens=24, stop=("\n",))

    def do() -> list[str]:
        made = rt.model("keywords").complete(request)
        if made.finish == "error":
            raise AgentkitError(made.error or "the model gave an error")
        return _fresh(made.text, question)

    fresh = _try(rt, "keywords", do) or []
    return known(fresh)[:5]


def proposals(rt: Runtime, question: str, known: Sequence[str]) -> list[str]:
    """Further things to find out for a question, at most PROPOSED, in a model's words."""
    listed = "\n".join(f"- {folded(title)}" for title in known)
    request = Request(
        (
            Message.system(
                "You plan research. Name further things to find out, as short questions."
            ),
            Message.user(f"Question: {question}\nAlready on the list:\n{listed}"),
        ),
        grammar=_json({"tasks": {"type": "array", "maxItems": PROPOSED, "items": _SHORT}}),
        max_tokens=200,
    )
    found = _structured(rt, "planner", request)
    return [folded(text) for text in (found or {}).get("tasks", ()) if folded(text)][:PROPOSED]


def instruction(rt: Runtime, text: str) -> tuple[Any, str] | None:
    """A steering message as (kind, value) of the grammar; None where the model could not."""
    request = Request(
        (
            Message.system("You turn a wish about a running research into one instruction."),
            Message.user(text[:1000]),
        ),
        grammar=_json({"kind": {"enum": [*RULES, *_COMMANDS]}, "value": _SHORT}),
        max_tokens=80,
    )
    found = _structured(rt, "steerer", request)
    return None if found is None else (found["kind"], folded(found["value"]))


def sentences(rt: Runtime, request: Request, cut: Callable[[str], list[str]]) -> list[str]:
    """What the writer says, cut into sentences; none where it failed."""

    def do() -> list[str]:
        made = rt.model("writer").complete(request)
        if made.finish == "error":
            raise AgentkitError(made.error or "the model gave an error")
        return cut(made.text)

    return _try(rt, "writer", do) or []


_COMMANDS = get_args(CommandKind)
_SHORT = {"type": "string", "maxLength": 200}


def _json(properties: dict[str, Any]) -> Grammar:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return Grammar("json", {**schema, "additionalProperties": False})


def _structured(rt: Runtime, role: str, request: Request) -> dict[str, Any] | None:
    """A model's JSON object, asked for REPAIRS times more where it gave none."""
    for _ in range(1 + REPAIRS):

        def do() -> list[Any]:
            made = rt.model(role).complete(request)
            if made.finish == "error":
                raise AgentkitError(made.error or "the model gave an error")
            try:
                value = json.loads(made.text)
                jsonschema.validate(value, cast(Grammar, request.grammar).value)
            except (ValueError, jsonschema.ValidationError) as error:
                raise AgentkitError(f"no JSON of that shape: {made.text[:60]!r}") from error
            return [value]

        made = _try(rt, role, do)
        if made is not None:
            return dict(made[0])
    return None


def _fresh(answer: str, question: str) -> list[str]:
    """Content words of an answer that are in neither the question nor the example turns."""
    ours = {stem(w) for w in content(question)}
    shown = {stem(w) for _, answered in _TURNS for w in content(answered)} - ours
    return [w for w in content(answer[:200]) if stem(w) not in ours | shown and len(w) > 2]


def _try(rt: Runtime, role: str, do: Callable[[], list[Any]]) -> list[Any] | None:
    """The role's answer, None where it failed; either way it is noted."""
    try:
        made = do()
    except AgentkitError as error:
        rt.emit("role.used", {"role": role, "faults": 1, "fault": error.message})
        return None
    rt.emit("role.used", {"role": role, "calls": 1})
    return made


def contained(do: Callable[[], T]) -> Callable[[], T]:
    """Whatever a model raises is an error of its role, not of the run."""

    def careful() -> T:
        try:
            return do()
        except AgentkitError:
            raise
        except Exception as error:
            raise AgentkitError(f"{type(error).__name__}: {error}") from error

    return careful


def _digest(texts: Sequence[str]) -> str:
    return hashlib.blake2b(json.dumps(list(texts)).encode(), digest_size=12).hexdigest()
