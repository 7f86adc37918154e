"""The wire format from the other side: OpenAI's JSON as it comes in, as a request of ours.

What is known is honoured, what cannot be honoured is refused by its name: a sampler that silently
ignores `top_k` gives answers that nobody asked for. Nothing here does any input or output.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agentkit.capabilities.language_model import CallContext, Grammar, Request, ToolSpec
from agentkit.errors import UsageError
from agentkit.models.http.messages import BadField, message
from agentkit.names import nearest

D = TypeVar("D", bound="Document")
MAX_TOKENS = 1024  # of an answer, where the client does not say
MOST_CHOICES = 64
# Fields that change nothing about the answer.
IGNORED = frozenset(
    "user metadata store service_tier safety_identifier prompt_cache_key prompt_cache_retention "
    "reasoning_effort verbosity".split()
)
# Fields of OpenAI and of other servers that would change the answer, with the value that does not.
REFUSED: Mapping[str, Any] = {
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "logit_bias": {},
    "top_k": -1,
    "min_p": 0,
    "typical_p": 1,
    "min_tokens": 0,
    "best_of": 1,
    "suffix": "",
    "audio": {},
    "modalities": ["text"],
    "parallel_tool_calls": True,
    "prediction": {},
    "web_search_options": {},
    "functions": [],
    "function_call": "none",
}
Finite = Annotated[float, Field(allow_inf_nan=False)]
Stop = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda v: () if v is None else (v,) if isinstance(v, str) else v),
]


class StreamOptions(BaseModel):
    include_usage: bool = False


class Document(BaseModel):
    """A JSON object that a client sends."""

    @classmethod
    def read(cls: type[D], content: bytes) -> D:
        """The body of a request.

        Raises:
            UsageError: it is no JSON object, or (BadField) a field has not the right form.
        """
        try:
            value = json.loads(content)
        except (ValueError, RecursionError) as error:
            said = "nested too deeply" if isinstance(error, RecursionError) else error
            raise UsageError(f"the body is no JSON: {said}", "send one JSON object") from error
        if not isinstance(value, dict):
            raise UsageError("the body is no JSON object", 'send {"model": …}')
        return cls.of(value)

    @classmethod
    def of(cls: type[D], value: dict[str, Any]) -> D:
        """The same, read already.

        Raises:
            BadField: a field has not the right form.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in fault["loc"] if not _is_branch(part))
            raise BadField(field, fault["msg"].removeprefix("Value error, ")) from error


class Body(Document):
    """What chat and plain completions share. Fields that stand in none of the lists above are the
    settings of a part under its name, e.g. {"power-sampling": {"alpha": 4}}."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: Finite | None = Field(default=None, ge=0)
    top_p: Finite | None = Field(default=None, gt=0, le=1)
    stop: Stop = ()
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def limited(self) -> bool:
        """Whether the client said how long the answer may be."""
        return self.max_tokens is not None

    def extra(self, parts: Collection[str]) -> dict[str, Any]:
        """Settings of parts, by name.

        Args:
            parts: those that the model goes through.

        Raises:
            BadField: one would change the answer and cannot be honoured, or nobody knows it.
        """
        found: dict[str, Any] = {}
        for field, value in (self.model_extra or {}).items():
            if field in parts:
                if not isinstance(value, dict):
                    raise BadField(field, "is no object", "give this part's settings by name")
                found[field] = value
            elif field in REFUSED:
                if value is not None and value != REFUSED[field]:
                    raise BadField(field, "cannot be honoured here", f"leave {field} out")
            elif field not in IGNORED:
                known = [*type(self).model_fields, *parts]
                raise BadField(field, f"unknown field{nearest(field, known)}", "leave it out")
        return found

    def _settings(self, parts: Collection[str]) -> dict[str, Any]:
        seed = secrets.randbits(31) if self.seed is None else self.seed
        return {
            "max_tokens": self.max_tokens or MAX_TOKENS,
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "top_p": 1.0 if self.top_p is None else self.top_p,
            "stop": self.stop,
            "n": self.n or 1,
            "context": CallContext(seed=seed & 0x7FFFFFFFFFFFFFFF),
            "extra": self.extra(parts),
        }


class FunctionBody(BaseModel):
    name: str = Field(min_length=1)
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ToolBody(BaseModel):
    type: Literal["function"] = "function"
    function: FunctionBody


class ChatBody(Body):
    """`POST /v1/chat/completions`."""

    messages: list[dict[str, Any]] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    tools: list[ToolBody] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)

    def request(self, parts: Collection[str]) -> Request:
        """Raises BadField: naming what cannot be honoured."""
        settings = self._settings(parts)
        tools, must_call = self._tools()
        if self.top_logprobs and not self.logprobs:
            raise BadField("top_logprobs", "needs logprobs", 'set "logprobs": true')
        return Request(
            tuple(message(m, f"messages.{number}") for number, m in enumerate(self.messages)),
            tools=tools,
            must_call=must_call,
            grammar=self._grammar(),
            logprobs=self.top_logprobs or 0 if self.logprobs else None,
            **{**settings, "max_tokens": self.max_completion_tokens or settings["max_tokens"]},
        )

    @property
    def limited(self) -> bool:
        return (self.max_completion_tokens or self.max_tokens) is not None

    def _tools(self) -> tuple[tuple[ToolSpec, ...], bool]:
        """(tools, whether one must be called)."""
        tools = tuple(
            ToolSpec(
                tool.function.name,
                tool.function.description or "",
                tool.function.parameters or {"type": "object", "properties": {}},
            )
            for tool in self.tools or ()
        )
        choice = self.tool_choice
        if choice in (None, "auto"):
            return tools, False
        if choice == "none":
            return (), False
        if choice == "required" and tools:
            return tools, True
        if isinstance(choice, dict):
            name = (choice.get("function") or {}).get("name")
            chosen = tuple(tool for tool in tools if tool.name == name)
            if chosen:
                return chosen, True
        raise BadField(
            "tool_choice",
            f"{json.dumps(choice)[:80]} fits none of the tools",
            "none, auto, required, or one of the functions in tools",
        )

    def _grammar(self) -> Grammar | None:
        form = self.response_format or {"type": "text"}
        kind = form.get("type")
        if kind == "text":
            return None
        if kind == "json_object":
            return Grammar("json", {"type": "object"})
        if kind == "json_schema":
            schema = (form.get("json_schema") or {}).get("schema")
            if isinstance(schema, dict):
                return Grammar("json", schema)
            raise BadField("response_format.json_schema.schema", "is no object", "give a schema")
        raise BadField(
            "response_format.type", f"{kind!r} is unknown", "text, json_object or json_schema"
        )


class CompletionBody(Body):
    """`POST /v1/completions`: text that is gone on with, without any chat template."""

    prompt: str | list[str] | list[int] | list[list[int]]
    echo: bool | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)
    return_tokens_as_token_ids: bool | None = None

    def requests(self, parts: Collection[str]) -> list[Request]:
        """One request a prompt."""
        prompts: Sequence[Any] = [self.prompt]
        if isinstance(self.prompt, list) and not (self.prompt and isinstance(self.prompt[0], int)):
            prompts = self.prompt
        if not prompts:
            raise BadField("prompt", "is empty", "give at least one prompt")
        settings = {**self._settings(parts), "logprobs": self.logprobs}
        return [
            Request((), prompt=p if isinstance(p, str) else tuple(p), **settings) for p in prompts
        ]


class TokenizeBody(Document):
    """`POST /tokenize`, as vLLM has it: a text, or a conversation through the chat template."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    add_special_tokens: bool = True
    add_generation_prompt: Literal[True] = True

    def request(self) -> Request:
        """Raises BadField: there is neither text nor conversation, or both."""
        if (self.prompt is None) == (self.messages is None):
            raise BadField("prompt", "give prompt or messages, one of the two")
        found = tuple(message(m, f"messages.{n}") for n, m in enumerate(self.messages or ()))
        return Request(found, prompt=self.prompt)


class DetokenizeBody(Document):
    """`POST /detokenize`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    tokens: list[int]


class EmbeddingBody(Document):
    """`POST /v1/embeddings`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)

    def texts(self) -> list[str]:
        """Raises BadField: for token ids, which belong to one tokenizer alone."""
        given = [self.input] if isinstance(self.input, str) else self.input
        if not given:
            raise BadField("input", "is empty", "give at least one text")
        if not all(isinstance(text, str) for text in given):
            raise BadField(
                "input",
                "holds token ids, which this model cannot read",
                "send text (LangChain: OpenAIEmbeddings(check_embedding_ctx_length=False))",
            )
        return [str(text) for text in given]


def _is_branch(part: Any) -> bool:
    """Names of union branches stand in pydantic's locations, too."""
    return isinstance(part, str) and ("[" in part or part in ("str", "int", "float"))
