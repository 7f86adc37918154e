"""Messages of the nouns to JSON and back, for the ledger."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agentkit.capabilities.environment import Observation, Step
from agentkit.capabilities.language_model import (
    Completion,
    Embeds,
    Image,
    Part,
    Reasoning,
    Request,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Usage,
)
from agentkit.capabilities.source import Hit, Location, SearchResult

PARTS = {kind.__name__: kind for kind in (Text, Image, ToolCall, ToolResult, Reasoning)}


def part_to(part: Part) -> dict[str, Any]:
    if isinstance(part, Image):
        encoded = base64.b64encode(part.data).decode()
        return {"part": "Image", "data": encoded, "media_type": part.media_type}
    if isinstance(part, Embeds):
        return {"part": "Text", "text": f"[{part.note or 'embeddings'}]"}
    return {"part": type(part).__name__, **asdict(part)}


def part_from(data: Mapping[str, Any]) -> Part:
    values = {key: value for key, value in data.items() if key != "part"}
    if data["part"] == "Image":
        values["data"] = base64.b64decode(values["data"])
    made: Part = PARTS[data["part"]](**values)
    return made


def request_to(request: Request) -> dict[str, Any]:
    """What tells two requests apart, seed included; the run's own id is not part of it."""
    plain = {
        "messages": [
            {"role": m.role, "parts": [part_to(p) for p in m.parts]} for m in request.messages
        ],
        "tools": [
            {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}
            for t in request.tools
        ],
        "grammar": None if request.grammar is None else asdict(request.grammar),
        "seed": request.context.seed,
        "purpose": request.context.purpose,
    }
    for key in ("max_tokens", "temperature", "top_p", "n", "logprobs"):
        plain[key] = getattr(request, key)
    for key in ("must_call", "prompt"):  # younger than the first recorded runs
        if value := getattr(request, key):
            plain[key] = value
    return {**plain, "stop": list(request.stop), "extra": dict(request.extra)}


def completion_to(completion: Completion) -> dict[str, Any]:
    return asdict(completion)


def completion_from(data: Mapping[str, Any]) -> Completion:
    return Completion(
        text=data["text"],
        finish=data["finish"],
        ids=tuple(data["ids"]),
        logprobs=tuple(
            TokenLogprob(
                p["token"],
                p["id"],
                p["logprob"],
                tuple((t, v) for t, v in p["top"]),
                tuple(p.get("top_ids", ())),
            )
            for p in data["logprobs"]
        ),
        tool_calls=tuple(ToolCall(**call) for call in data["tool_calls"]),
        usage=Usage(**data["usage"]),
        path=tuple(data["path"]),
        others=tuple(completion_from(other) for other in data["others"]),
        error=data["error"],
        code=data.get("code", ""),
        reasoning=data.get("reasoning", ""),
    )


def search_to(result: SearchResult) -> dict[str, Any]:
    return asdict(result)


def search_from(data: Mapping[str, Any]) -> SearchResult:
    hits = []
    for hit in data["hits"]:
        place = {**hit["location"], "heading": tuple(hit["location"]["heading"])}
        parts = tuple((name, value) for name, value in hit["parts"])
        hits.append(Hit(**{**hit, "location": Location(**place), "parts": parts}))
    return SearchResult(data["status"], tuple(hits), data["reason"])


def step_to(step: Step) -> dict[str, Any]:
    seen = step.observation
    return {
        "parts": [part_to(p) for p in seen.parts],
        "data": dict(seen.data),
        "reward": step.reward,
        "terminated": step.terminated,
        "truncated": step.truncated,
        "info": dict(step.info),
    }


def step_from(data: Mapping[str, Any]) -> Step:
    seen = Observation(tuple(part_from(p) for p in data["parts"]), data["data"])
    return Step(seen, data["reward"], data["terminated"], data["truncated"], data["info"])
