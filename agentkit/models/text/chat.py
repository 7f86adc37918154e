"""Messages to token ids, and a generated text back to an answer with tool calls.

One convention for tools, whatever the model: calls are written

    <tool_call>
    {"name": "…", "arguments": {…}}
    </tool_call>

Models whose own chat template speaks it (Qwen, Hermes) get the tools through their template. All
others, also those trained on a different notation, get the same words in the system message: with a
grammar that allows nothing else, calls are valid from any model, and one parser reads them all.
Small models forget the tags or write a ```json fence instead: an answer that begins with "{" or
such a fence is one call, too, and held to be a valid one.

No message means an empty one: a system message is always given, because templates such as
SmolLM2's and Qwen's otherwise put in a line of their own that nobody wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agentkit.capabilities.language_model import (
    Embeds,
    Grammar,
    Image,
    Message,
    Request,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from agentkit.errors import ModelFileError, Unsupported, UsageError
from agentkit.models.text.schemas import JSON_STYLE, closed

OPEN, CLOSE = "<tool_call>", "</tool_call>"
MOST_CALLS = 8  # in one answer
ROLES = ("system", "user", "assistant", "tool")

_PREAMBLE = """# Tools

You may call functions. Their signatures, one a line:
<tools>
{tools}
</tools>

To call one, answer with its name and arguments as JSON in these tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""
_CALL = re.compile(re.escape(OPEN) + r"(.*?)" + re.escape(CLOSE), re.DOTALL)
_FENCE = "```json"
_BARE = re.compile(r"\s*(?:```json\s*)?(\{.*\})\s*(?:```)?\s*", re.DOTALL)
# Texts that begin neither with a brace nor a fence, for the grammar.
_PROSE = r"/(.|\n)*/ & ~/\s*(\{|```json)(.|\n)*/"


class Chat:
    """Renders and parses for one tokenizer. Thread-safe, keeps no state."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        template = tokenizer.chat_template
        self._template = template if isinstance(template, str) else None
        if isinstance(template, Mapping):
            self._template = template.get("tool_use") or template.get("default")
        text = self._template or ""
        self.native_tools = OPEN in text and "arguments" in text and "tools" in text
        decoder: Mapping[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
        self._special = sorted({str(t) for t in decoder.values() if t.special and len(str(t)) > 1})
        self._call_is_token = OPEN in tokenizer.get_added_vocab()

    # -- to the model -----------------------------------------------------------------------------

    def render(self, request: Request) -> tuple[int, ...]:
        """The request's messages through the chat template, ready for an answer.

        A model without a template gets the texts alone, with empty lines between: it goes on
        writing. A plain prompt is taken as it is.

        Raises:
            UsageError: no messages, an unknown role, or a text that is not valid Unicode.
            Unsupported: a picture or embeddings, or a plain prompt with tools.
        """
        if request.prompt is not None and request.tools:
            raise Unsupported("a plain prompt with tools", "pass messages: tools need a template")
        if request.prompt is not None and not isinstance(request.prompt, str):
            return request.prompt
        text = self.text(request) if request.prompt is None else valid_text(request.prompt)
        ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        raw = self._template is None or request.prompt is not None
        if raw and getattr(self._tokenizer, "add_bos_token", False):
            ids = [self._tokenizer.bos_token_id, *ids]
        if not ids:
            raise UsageError("the prompt is empty", "write something in at least one message")
        return tuple(ids)

    def text(self, request: Request) -> str:
        """What `render` turns into ids."""
        if not request.messages:
            raise UsageError("a request has no messages", "pass at least one")
        messages = [m for message in request.messages for m in self._plain(message)]
        if self._template is None:
            return "\n\n".join(m["content"] for m in messages if m["content"])
        tools = [function_schema(t) for t in request.tools] if self.native_tools else None
        if messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": ""})
        if request.tools and not self.native_tools:
            signatures = "\n".join(json.dumps(function_schema(t)) for t in request.tools)
            head = messages[0]["content"]
            told = _PREAMBLE.format(tools=signatures)
            messages[0] = {"role": "system", "content": f"{head}\n\n{told}" if head else told}
        return self._apply(messages, tools or None)

    def _apply(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> str:
        """The template's text; a template that knows no system role gets it with the user's."""
        from jinja2 import TemplateError

        attempts = [messages, _without_system(messages)]
        for number, attempt in enumerate(attempts):
            try:
                return str(
                    self._tokenizer.apply_chat_template(
                        attempt,
                        chat_template=self._template,
                        tools=tools,
                        tokenize=False,
                        add_generation_prompt=True,
                    )
                )
            except TemplateError as error:
                if number + 1 == len(attempts):
                    raise ModelFileError(
                        f"the model's chat template does not take these messages: {error}",
                        "put them into another order, or use another model",
                    ) from error
        raise AssertionError("unreachable")

    def _plain(self, message: Message) -> Iterable[dict[str, Any]]:
        """One message as templates take it; a tool message with several results becomes several."""
        if message.role not in ROLES:
            raise UsageError(f"unknown role {message.role!r}", f"one of {', '.join(ROLES)}")
        texts: list[str] = []
        calls: list[ToolCall] = []
        results: list[str] = []
        for part in message.parts:
            if isinstance(part, Text):
                texts.append(self._safe(part.text))
            elif isinstance(part, ToolCall):
                calls.append(part)
            elif isinstance(part, ToolResult):
                results.append(self._safe(part.content))
            elif isinstance(part, Image | Embeds):
                raise Unsupported(
                    "this model reads text only, and a message holds "
                    + ("a picture" if isinstance(part, Image) else "embeddings"),
                    "use a model with the ability vision",
                )
        for result in results:
            yield self._result(result)
        if calls and self.native_tools:
            yield {
                "role": message.role,
                "content": "".join(texts),
                "tool_calls": [
                    {"type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                    for c in calls
                ],
            }
        elif texts or calls or not results:
            written = [_written(c) for c in calls]
            lead = ["".join(texts)] if texts or not written else []
            yield {"role": message.role, "content": "\n".join(lead + written)}

    def _result(self, content: str) -> dict[str, Any]:
        if self.native_tools:
            return {"role": "tool", "content": content}
        return {"role": "user", "content": f"<tool_response>\n{content}\n</tool_response>"}

    def _safe(self, text: str) -> str:
        """Text as data: what reads like one of the model's control tokens is broken by an invisible
        character (U+200B), so that no document and no user can open a turn of their own."""
        text = valid_text(text)
        for special in self._special:
            if special in text:
                text = text.replace(special, f"{special[0]}\u200b{special[1:]}")
        return text

    # -- from the model ---------------------------------------------------------------------------

    def grammar_for(self, request: Request) -> Grammar | None:
        """The grammar of the answer: the request's own, or with tools text or calls to them.

        Where there are both, the answer is either what the grammar says or calls; calls alone where
        the request says so.

        Raises:
            Unsupported: tools together with a Lark grammar.
        """
        if not request.tools:
            return request.grammar
        # Where the tag is a token of its own, the library's notation for it is bare.
        opened, ended = (OPEN, CLOSE) if self._call_is_token else (f'"{OPEN}"', f'"{CLOSE}"')
        own = request.grammar
        rules = [
            f'calls: call ("\\n" call){{0,{MOST_CALLS - 1}}}',
            f'call: {opened} "\\n" body "\\n" {ended}',
            "body: " + " | ".join(f"tool_{i}" for i in range(len(request.tools))),
            *(f"tool_{i}: %json {_call_schema(t)}" for i, t in enumerate(request.tools)),
        ]
        if request.must_call and own is None:
            rules.insert(0, "start: calls")
        elif own is None:
            # No text may spell the tag, so that a call which is begun is a call.
            rules.append(f"TEXT: {_PROSE} & ~/(.|\\n)*{OPEN}(.|\\n)*/")
            rules.append(f'bare: body | "{_FENCE}\\n" body "\\n```"')
            if self._call_is_token:
                rules.insert(0, "start: TEXT | TEXT? calls | bare")
            else:
                rest = f'"\\n" body "\\n" {ended} ("\\n" call){{0,{MOST_CALLS - 1}}}'
                rules.insert(0, f"start: TEXT | lead {rest} | bare")
                rules.append(f'lead[suffix="{OPEN}"]: {_PROSE}')
        elif own.kind == "lark":
            raise Unsupported(
                "tools and a Lark grammar in one request", "name the calls in the grammar itself"
            )
        else:
            rules.insert(0, "start: own | calls")
            rules.append(_own_rule(own))
        return Grammar("lark", "\n".join(rules))

    def parse(self, text: str, request: Request) -> tuple[str, tuple[ToolCall, ...]]:
        """(text, tool calls). A call that is cut, malformed or to an unknown tool stays text.

        Ids go on from those in the request's messages, so that they are the same when a run is
        repeated: call_0, call_1, …
        """
        if not request.tools:
            return text, ()
        names = {t.name for t in request.tools}
        number = sum(isinstance(p, ToolCall) for m in request.messages for p in m.parts)
        calls: list[ToolCall] = []
        kept: list[str] = []
        at = 0
        for match in _CALL.finditer(text):
            found = _read_call(match.group(1), names)
            if found is None:
                continue
            calls.append(ToolCall(f"call_{number + len(calls)}", *found))
            kept.append(text[at : match.start()])
            at = match.end()
        kept.append(text[at:])
        if not calls and (bare := _BARE.fullmatch(text)) and (found := _read_call(bare[1], names)):
            return "", (ToolCall(f"call_{number}", *found),)
        return ("".join(kept).strip() if calls else text), tuple(calls)

    def visible(self, text: str, request: Request) -> str:
        """The part of an unfinished answer that is surely text: what a person may already see."""
        if not request.tools:
            return text
        begun = text.lstrip()
        if begun.startswith(("{", _FENCE)) or _FENCE.startswith(begun):
            return ""  # a call, or not yet to be told from one
        start = text.find(OPEN)
        if start >= 0:
            return text[:start].rstrip()
        for length in range(min(len(OPEN) - 1, len(text)), 0, -1):
            if OPEN.startswith(text[-length:]):
                text = text[:-length]
                break
        return text.rstrip()  # white space before a call belongs to nothing


def valid_text(text: str) -> str:
    """The text itself.

    Raises:
        UsageError: it holds a lone surrogate, as bytes decoded with "surrogateescape" do.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"a message holds a character that is not valid Unicode at {error.start}",
            'decode bytes with errors="replace"',
        ) from error
    return text


def _without_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The system message's text moved to the front of the first user message."""
    system = [m["content"] for m in messages if m["role"] == "system" and m["content"]]
    rest = [dict(m) for m in messages if m["role"] != "system"]
    if system and rest:
        rest[0]["content"] = "\n\n".join([*system, rest[0]["content"]])
    elif system:
        rest = [{"role": "user", "content": "\n\n".join(system)}]
    return rest


def function_schema(tool: ToolSpec) -> dict[str, Any]:
    """A tool in the form that templates and endpoints take."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        },
    }


def _written(call: ToolCall) -> str:
    body = {"name": call.name, "arguments": dict(call.arguments)}
    return f"{OPEN}\n{json.dumps(body, ensure_ascii=False)}\n{CLOSE}"


def _call_schema(tool: ToolSpec) -> str:
    """The JSON Schema of a call to one tool, in the notation of Lark's %json."""
    arguments = closed(tool.parameters)
    arguments.setdefault("type", "object")
    # References in the arguments start at the root, which is now one level up.
    definitions: dict[str, Any] = {
        key: arguments.pop(key) for key in ("$defs", "definitions") if key in arguments
    }
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
        "x-guidance": JSON_STYLE,
        **definitions,
    }
    return json.dumps(schema)


def _own_rule(grammar: Grammar) -> str:
    if grammar.kind == "json":
        value = json.loads(grammar.value) if isinstance(grammar.value, str) else grammar.value
        schema: dict[str, Any] = {**closed(value), "x-guidance": JSON_STYLE}
        return f"own: %json {json.dumps(schema)}"
    pattern = str(grammar.value).replace("/", "\\/")
    return f"own: OWN\nOWN: /{pattern}/"


def _read_call(body: str, names: set[str]) -> tuple[str, Mapping[str, Any]] | None:
    try:
        found = json.loads(body)
        name, arguments = found["name"], found["arguments"]
    except (ValueError, KeyError, TypeError):
        return None
    return (name, arguments) if name in names and isinstance(arguments, dict) else None
