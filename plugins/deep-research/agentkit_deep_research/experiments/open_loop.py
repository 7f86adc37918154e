"""The baseline: a supervisor with sub-researchers, as langchain's open_deep_research has it.

Its control flow and its default settings (clarify, brief, at most 6 supervisor turns, 5 units a
turn, 10 tool calls a unit, 3 tries at structured output, a summary of every page that a search
gives, one compression a unit, one final write) over any LanguageModel and any Source. The prompts
are our own and much shorter than that project's, which is in its favour where tokens are counted.
Written, and committed, before anything was measured with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit.capabilities import (
    CallContext,
    Completion,
    Grammar,
    LanguageModel,
    Message,
    Request,
    Source,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from agentkit.errors import AgentkitError


@dataclass(frozen=True, slots=True)
class Defaults:
    """That project's default settings. The last ones are output limits in tokens."""

    turns: int = 6  # max_researcher_iterations
    units: int = 5  # max_concurrent_research_units
    calls: int = 10  # max_react_tool_calls
    tries: int = 3  # max_structured_output_retries
    results: int = 5  # of a search
    page: int = 50_000  # characters of a page that are summarised
    research: int = 10_000
    summary: int = 8192
    compression: int = 8192
    report: int = 10_000

    def capped(self, most: int) -> Defaults:
        """With no answer longer than so many tokens, for small models on small machines."""
        names = ("research", "summary", "compression", "report")
        return replace(self, **{name: min(getattr(self, name), most) for name in names})


@dataclass(slots=True)
class Trace:
    """What a run has spent and knows. steps: (tokens so far, the notes so far) after every call."""

    tokens: int = 0
    calls: int = 0
    notes: list[str] = field(default_factory=list)
    steps: list[tuple[int, str]] = field(default_factory=list)


class OutOfTokens(Exception):
    """The token budget, the same for all that are compared, is used up."""


def _spec(name: str, description: str, argument: str) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": {argument: {"type": "string"}} if argument else {},
        "required": [argument] if argument else [],
    }
    return ToolSpec(name, description, schema)


THINK = _spec(
    "think", "Write down a reflection on what is known and what is missing.", "reflection"
)
DELEGATE = _spec("conduct_research", "Give one topic to a researcher, fully described.", "topic")
COMPLETE = _spec("research_complete", "Say that the research is complete.", "")
SEARCH = _spec("search", "Search the sources.", "query")

CLARIFY = "Does this request need a clarifying question before research begins? Request:\n{}"
BRIEF = "Write a research brief: one detailed paragraph that says all that is to be found out.\n{}"
LEAD = (
    "You supervise research. Think, then give topics to researchers with conduct_research, at most "
    "{units} at once and {turns} turns in all. When everything is answered, call research_complete."
)
RESEARCH = (
    "You research one topic with the tools search and think. Reflect after each search. Stop when "
    "you can answer well. At most {calls} tool calls."
)
SUMMARISE = "Summarise this web page. Keep every fact, name, date and number.\n\n{}"
COMPRESS = (
    "Clean up these findings: repeat all that is relevant to the topic with its source, leave out "
    "nothing that was found."
)
REPORT = "Write a complete report that answers the brief, from the findings, with sources.\n\n{}"


class OpenLoop:
    """One run of it.

    Args:
        on_step: told of the trace after every model call, and may stop the run by raising.
        budget: tokens, prompts and answers together; None for no limit.
    """

    def __init__(
        self,
        model: LanguageModel,
        source: Source,
        settings: Defaults = Defaults(),
        budget: int | None = None,
        on_step: Callable[[Trace], None] = lambda trace: None,
    ) -> None:
        self.model, self.source, self.settings = model, source, settings
        self.budget, self.on_step = budget, on_step
        self.trace = Trace()

    def run(self, question: str) -> str:
        """The report; where the budget ends before it, the notes so far."""
        try:
            self._structured("clarify", CLARIFY.format(question), {"clarify": {"type": "boolean"}})
            made = self._structured("brief", BRIEF.format(question), {"brief": {"type": "string"}})
            brief = str(made.get("brief") or question)
            self._supervise(brief)
            findings = "\n\n".join(self.trace.notes)
            prompt = REPORT.format(f"Brief: {brief}\n\nFindings:\n{findings}")
            return self._ask("report", [Message.user(prompt)], self.settings.report).text
        except OutOfTokens:
            return "\n".join(self.trace.notes)

    def _supervise(self, brief: str) -> None:
        s = self.settings
        messages = [
            Message.system(LEAD.format(units=s.units, turns=s.turns)),
            Message.user(brief),
        ]
        for _ in range(s.turns):
            made = self._ask("supervise", messages, s.research, (DELEGATE, COMPLETE, THINK))
            calls = made.tool_calls
            messages.append(Message.assistant(made.text, *calls))
            if not calls or any(c.name == COMPLETE.name for c in calls):
                return
            given = 0
            for call in calls:
                if call.name == DELEGATE.name:
                    given += 1
                    told = (
                        self._research(str(call.arguments.get("topic", "")))
                        if given <= s.units
                        else f"Not run: at most {s.units} topics at once."
                    )
                else:
                    told = f"Noted: {call.arguments.get('reflection', '')}"
                messages.append(Message.tool(ToolResult(call.id, told)))

    def _research(self, topic: str) -> str:
        """One unit: searches, reads summaries, and compresses its whole conversation."""
        s = self.settings
        messages = [Message.system(RESEARCH.format(calls=s.calls)), Message.user(topic)]
        for _ in range(s.calls):
            made = self._ask("research", messages, s.research, (SEARCH, THINK))
            messages.append(Message.assistant(made.text, *made.tool_calls))
            if not made.tool_calls:
                break
            for call in made.tool_calls:
                told = self._tool(call)
                messages.append(Message.tool(ToolResult(call.id, told)))
        asked = [Message.system(COMPRESS), *messages[1:], Message.user(f"Topic: {topic}")]
        note = self._ask("compress", asked, s.compression).text
        self.trace.notes.append(note)
        self._told()
        return note

    def _tool(self, call: ToolCall) -> str:
        if call.name != SEARCH.name:
            return f"Noted: {call.arguments.get('reflection', '')}"
        found = self.source.search(str(call.arguments.get("query", "")), 4 * self.settings.results)
        if not found.hits:
            return f"No results ({found.status}) {found.reason}".strip()
        pages = list(dict.fromkeys(hit.document for hit in found.hits))[: self.settings.results]
        return "\n\n".join(f"[{page}] {self._summary(page)}" for page in pages)

    def _summary(self, page: str) -> str:
        """Every page of every search is summarised anew, as that project does it."""
        try:
            text = self.source.open(page).text[: self.settings.page]
        except AgentkitError as error:
            return f"could not be read: {error.message}"
        prompt = [Message.user(SUMMARISE.format(text))]
        return self._ask("summarise", prompt, self.settings.summary).text

    # -- the model --------------------------------------------------------------------------------

    def _structured(self, purpose: str, prompt: str, fields: dict[str, Any]) -> dict[str, Any]:
        schema = {"type": "object", "properties": fields, "required": list(fields)}
        grammar = Grammar("json", {**schema, "additionalProperties": False})
        for _ in range(self.settings.tries):
            made = self._ask(
                purpose, [Message.user(prompt)], self.settings.research, grammar=grammar
            )
            try:
                found = json.loads(made.text)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
        return {}

    def _ask(
        self,
        purpose: str,
        messages: Sequence[Message],
        most: int,
        tools: tuple[ToolSpec, ...] = (),
        grammar: Grammar | None = None,
    ) -> Completion:
        if self.budget is not None and self.trace.tokens >= self.budget:
            raise OutOfTokens
        request = Request(
            tuple(messages),
            tools=tools,
            grammar=grammar,
            max_tokens=most,
            context=CallContext(purpose=purpose),
        )
        (made,) = self.model.generate([request])
        self.trace.tokens += made.usage.prompt + made.usage.spent
        self.trace.calls += 1
        self._told()
        return made

    def _told(self) -> None:
        self.trace.steps.append((self.trace.tokens, "\n".join(self.trace.notes)))
        self.on_step(self.trace)
