"""A scripted model that answers perfectly from what stands in its context, and from nothing else.

With it, only the context strategy of two systems is compared: what they put before a model, how
often, and what they carry on. It repeats the sentences of a prompt that hold planted facts, looks
for what no sentence answers yet, and stops when everything is answered or was looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from agentkit.capabilities import Request, ToolCall, ToolResult
from agentkit_deep_research.experiments.needles import Needle, says
from agentkit_deep_research.words import folded

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
TRIES = 2  # searches for one question before it is given up
UNITS = 5  # topics at once, as the supervisor may give


class Perfect:
    """Answers requests of both systems; `__call__` fits `ScriptedModel.of`."""

    def __init__(self, needles: Sequence[Needle]) -> None:
        self.needles = needles

    def __call__(self, request: Request) -> str:
        text = "\n".join(_text(m.parts) for m in request.messages)
        match request.context.purpose:
            case "clarify":
                return '{"clarify": false}'
            case "brief":
                return json.dumps({"brief": " ".join(n.question for n in self.needles)})
            case "supervise":
                return self._supervise(request, text)
            case "research":
                return self._research(request, text)
            case "summarise" | "compress" | "report":
                return self._facts(text) or "Nothing relevant."
        if request.grammar is not None:
            return '{"tasks": []}'
        return self._written(request, text)

    # -- what stands there ------------------------------------------------------------------------

    def _facts(self, text: str) -> str:
        """The sentences that hold a planted fact, each once."""
        found = [folded(s) for s in _SENTENCE.split(text) if self._holds(s)]
        return " ".join(dict.fromkeys(found))

    def _holds(self, sentence: str) -> bool:
        return any(says(sentence, value) for n in self.needles for value in n.values)

    def answered(self, needle: Needle, text: str) -> bool:
        return all(says(text, value) for value in needle.values)

    # -- the supervisor and its researchers -------------------------------------------------------

    def _supervise(self, request: Request, text: str) -> str:
        given = " ".join(
            str(part.arguments)
            for m in request.messages
            for part in m.parts
            if isinstance(part, ToolCall)
        )
        open = [n for n in self.needles if not self.answered(n, text) and n.question not in given]
        if not open:
            return json.dumps({"name": "research_complete", "arguments": {}})
        calls = [_call("conduct_research", topic=n.question) for n in open[:UNITS]]
        return json.dumps(calls)

    def _research(self, request: Request, text: str) -> str:
        topic = request.messages[1].text
        needle = next((n for n in self.needles if n.question == topic), None)
        tried = sum(isinstance(p, ToolCall) for m in request.messages for p in m.parts)
        results = "\n".join(_text(m.parts) for m in request.messages[2:])
        if needle is None or self.answered(needle, results) or tried >= TRIES:
            return "I can answer."
        return json.dumps(_call("search", query=topic if not tried else _shorter(topic)))

    # -- the writer of the other system -----------------------------------------------------------

    def _written(self, request: Request, text: str) -> str:
        """The sentences of the quotes that hold a fact, as they are."""
        if "Quotes (JSON):" not in text:
            return ""
        quotes = json.loads(text.split("Quotes (JSON):\n", 1)[1])
        return self._facts("\n".join(map(str, quotes)))


def _call(name: str, **arguments: str) -> dict[str, object]:
    return {"name": name, "arguments": arguments}


def _shorter(question: str) -> str:
    return " ".join(w.strip("?") for w in question.split() if len(w) > 3)


def _text(parts: Sequence[object]) -> str:
    found = []
    for part in parts:
        if isinstance(part, ToolResult):
            found.append(part.content)
        elif hasattr(part, "text"):
            found.append(str(part.text))
    return "\n".join(found)
