"""A kit's model as a LangChain `BaseChatModel`, for LangGraph agents and other people's graphs."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap, RunnablePassthrough
from langchain_core.runnables.config import run_in_executor
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel, ConfigDict, Field

from agentkit.capabilities import Cancel, Completion, Delta, LanguageModel, Request
from agentkit.errors import error_from
from agentkit.models.asking import flat, generate
from agentkit.models.http.inbound import ChatBody
from agentkit.models.langchain.translate import answer, chunk, last_chunk, to_openai


class KitChatModel(BaseChatModel):  # type: ignore[misc]  # its bases are not checked
    """`kit.chat_model("name")`. Answers are the model's own: tools and structured output go through
    its grammar, so that they are valid whatever its size.

    max_tokens: of an answer; where it is not given, up to 1,024 or what room the prompt leaves.
    temperature: 0 is greedy. seed: of the drawing, where it is not. extra: settings of parts by
    name, such as {"power-sampling": {"alpha": 4}}.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: Any = Field(exclude=True, repr=False)
    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "agentkit"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self._own.info.name, "fingerprint": self._own.info.fingerprint}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        made = super()._get_ls_params(stop, **kwargs)
        return {**made, "ls_provider": "agentkit", "ls_model_name": self._own.info.name}

    @property
    def _own(self) -> LanguageModel:
        found: LanguageModel = self.model
        return found

    # -- answering --------------------------------------------------------------------------------

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._whole(messages, stop, kwargs, Cancel())

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        cancel = Cancel()
        try:
            return await run_in_executor(None, self._whole, messages, stop, kwargs, cancel)
        except asyncio.CancelledError:
            cancel.set()
            raise

    def _whole(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        settings: dict[str, Any],
        cancel: Cancel,
    ) -> ChatResult:
        request, limited = self._request(messages, stop, settings)
        made = flat(generate(self._own, [request], None, cancel, limited=limited))
        return ChatResult(
            generations=[ChatGeneration(message=answer(_checked(one))) for one in made]
        )

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Text as it becomes certain; tool calls and usage at the end."""
        request, limited = self._request(messages, stop, kwargs)
        told: queue.SimpleQueue[Delta | list[Completion] | BaseException] = queue.SimpleQueue()
        cancel = Cancel()

        def work() -> None:
            try:
                told.put(generate(self._own, [request], told.put, cancel, limited=limited))
            except BaseException as error:  # raised where the chunks are read
                told.put(error)

        threading.Thread(target=work, name="agentkit-chat", daemon=True).start()
        try:
            while isinstance(item := told.get(), Delta):
                yield self._told(chunk(item), run_manager)
            if isinstance(item, BaseException):
                raise item
            yield self._told(last_chunk(_checked(item[0])), run_manager)
        finally:
            cancel.set()  # a reader that stops early stops the model, too

    @staticmethod
    def _told(
        message: AIMessageChunk, run_manager: CallbackManagerForLLMRun | None
    ) -> ChatGenerationChunk:
        made = ChatGenerationChunk(message=message)
        if run_manager is not None:
            run_manager.on_llm_new_token(made.text, chunk=made)
        return made

    def _request(
        self, messages: list[BaseMessage], stop: list[str] | None, settings: dict[str, Any]
    ) -> tuple[Request, bool]:
        """(request, whether its length was limited).

        Raises:
            UsageError: a setting that is unknown or cannot be honoured, by name.
        """
        given = {**settings}
        extra = {**self.extra, **given.pop("extra", {})}
        body = ChatBody.of(
            {
                "model": self._own.info.name,
                "messages": [to_openai(message) for message in messages],
                "max_tokens": self.max_tokens,
                "temperature": self.temperature,
                "top_p": self.top_p,
                "seed": self.seed,
                "stop": stop,
                **extra,
                **{k: v for k, v in given.items() if not k.startswith("ls_")},
            }
        )
        return body.request(extra), body.limited

    # -- what programs ask of it ------------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | Any],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """tool_choice: "auto", "none", "any" or "required" (True), or a tool's name."""
        made = [convert_to_openai_tool(tool) for tool in tools]
        names = [tool["function"]["name"] for tool in made]
        choice: Any = tool_choice or None
        if choice in ("any", True):
            choice = "required"
        elif isinstance(choice, str) and choice in names:
            choice = {"type": "function", "function": {"name": choice}}
        return super().bind(tools=made, tool_choice=choice, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal["json_schema", "json_mode", "function_calling"] = "json_schema",
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answers that match the schema, by the model's grammar; `method` "function_calling" asks
        for a tool call in its place."""
        if method == "function_calling":
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        plain = {**convert_to_json_schema(schema)}
        name = plain.pop("title", "answer")
        form = {"type": "json_schema", "json_schema": {"name": name, "schema": plain}}
        model = self.bind(response_format=form, **kwargs)
        parser: Any = JsonOutputParser()
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            parser = PydanticOutputParser(pydantic_object=schema)
        if not include_raw:
            return model | parser
        none = RunnableLambda(lambda _: None)
        parsed = RunnablePassthrough.assign(
            parsed=lambda found: parser.invoke(found["raw"]), parsing_error=none
        )
        failed = RunnablePassthrough.assign(parsed=none)
        return RunnableMap(raw=model) | parsed.with_fallbacks(
            [failed], exception_key="parsing_error"
        )


def _checked(completion: Completion) -> Completion:
    """The completion itself.

    Raises:
        AgentkitError: it carries an error.
    """
    if completion.finish == "error":
        raise error_from({"code": completion.code or "error", "message": completion.error})
    return completion
