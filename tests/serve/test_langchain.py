"""LangChain's models and ours, each in the other's place."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Literal, TypedDict

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from agentkit.capabilities import (
    Cancel,
    Delta,
    Grammar,
    Request,
)
from agentkit.capabilities.language_model import Reasoning
from agentkit.errors import BackendUnavailable, ConfigError, Unsupported, UsageError
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.models.langchain.part import LangChainModel, LangChainSettings
from agentkit.serve.server import Server
from agentkit.settings import Settings
from agentkit.testing.conformance import LanguageModelConformance
from agentkit.testing.scripted import ScriptedModel
from agentkit.testing.tiny import tiny_model_folder
from tests.serve.conftest import TOKEN, Serve, serving, until

pytestmark = pytest.mark.slow


class Verdict(BaseModel):
    """What was decided."""

    sure: bool
    colour: Literal["red", "blue"]


class Plain(TypedDict):
    sure: bool


@tool
def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def scripted(*answers: Any, **settings: Any) -> Kit:
    kit = Kit(Host.load(), Settings())
    kit.add("model", "m", ScriptedModel.of(*answers, **settings))
    return kit


# -- a kit's model in LangChain's place --------------------------------------------------------


def test_an_answer_with_what_belongs_to_it(tiny_kit: Kit) -> None:
    chat = tiny_kit.chat_model("sharp", max_tokens=8, extra={"power-sampling": {"alpha": 2}})
    made = chat.invoke([("system", "You answer."), ("human", "Say something.")])
    usage = made.usage_metadata
    assert usage["output_tokens"] <= 8 and usage["input_tokens"] > 8
    assert made.response_metadata["path"] == ["sharp", "tiny"]
    assert made.response_metadata["spent_tokens"] > usage["output_tokens"]
    with pytest.raises(UsageError, match="top_p"):
        chat.invoke("x", top_p=0.5)
    with pytest.raises(UsageError, match="top_k"):
        chat.invoke("x", top_k=5)


def test_all_ways_to_call_give_the_same(tiny_kit: Kit) -> None:
    chat = tiny_kit.chat_model("tiny", temperature=1.0, seed=3, max_tokens=10)
    said = chat.invoke("hello")
    streamed: Any = None
    for piece in chat.stream("hello"):
        streamed = piece if streamed is None else streamed + piece
    assert streamed.content == said.content and streamed.usage_metadata == said.usage_metadata
    assert chat.batch(["hello", "bye"])[0].content == said.content

    async def awaited() -> tuple[str, str]:
        whole = await chat.ainvoke("hello")
        return whole.content, "".join([piece.content async for piece in chat.astream("hello")])

    assert asyncio.run(awaited()) == (said.content, said.content)
    assert chat.invoke("hello", stop=[said.content[3]]).content == said.content[:3]
    other = chat.bind(seed=4).invoke("hello")
    assert other.content != said.content


def test_tools_are_bound_and_called(tiny_kit: Kit) -> None:
    chat = tiny_kit.chat_model("tiny", max_tokens=400)
    for choice in ("any", "add", True):
        bound = chat.bind_tools([add], tool_choice=choice)
        made = bound.invoke("What is 2 and 3?")
        assert made.tool_calls and {call["name"] for call in made.tool_calls} == {"add"}
        streamed: Any = None
        for piece in bound.stream("What is 2 and 3?"):
            streamed = piece if streamed is None else streamed + piece
        assert streamed.tool_calls == made.tool_calls
    assert not chat.bind_tools([add], tool_choice="none").invoke("hi", max_tokens=4).tool_calls


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_structured_output(tiny_kit: Kit, method: Any) -> None:
    chat = tiny_kit.chat_model("tiny", max_tokens=600, temperature=1.0)
    found = chat.with_structured_output(Verdict, method=method).invoke("Red or blue?")
    assert isinstance(found, Verdict)
    plain = chat.with_structured_output(Plain, method=method).invoke("Sure?")
    assert set(plain) == {"sure"}
    raw = chat.with_structured_output(Verdict, include_raw=True, method=method).invoke("Which?")
    assert isinstance(raw["parsed"], Verdict) and raw["raw"].content is not None
    assert raw["parsing_error"] is None


def test_what_cannot_be_parsed_is_reported_beside_the_raw_answer() -> None:
    with scripted("no json") as kit:
        kit.part("model", "m").check_grammar = lambda _: None
        chat = kit.chat_model("m")
        with pytest.raises(Exception, match="JSON"):
            chat.with_structured_output(Verdict).invoke("x")


def test_a_conversation_goes_over_whole() -> None:
    with scripted("fine") as kit:
        call = {"name": "add", "args": {"a": 1, "b": 2}, "id": "c1", "type": "tool_call"}
        kit.chat_model("m").invoke(
            [
                HumanMessage([{"type": "text", "text": "Add."}]),
                AIMessage("", tool_calls=[call], additional_kwargs={"reasoning_content": "hm"}),
                ToolMessage("3", tool_call_id="c1"),
            ]
        )
        asked = kit.part("model", "m").requests[-1]
    assert asked.messages[0].text == "Add."
    assert asked.messages[1].parts[0] == Reasoning("hm")
    assert asked.messages[1].parts[-1].arguments == {"a": 1, "b": 2}
    assert asked.messages[2].parts[0].content == "3"


def test_a_reader_that_stops_early_stops_the_model(tiny_kit: Kit) -> None:
    schema = {"type": "string", "minLength": 880, "maxLength": 895}
    form = {"type": "json_schema", "json_schema": {"schema": schema}}
    chat = tiny_kit.chat_model("tiny", max_tokens=900).bind(response_format=form)
    engine = tiny_kit.model("tiny")._core.backend  # type: ignore[attr-defined]
    stream = chat.stream("x")
    next(iter(stream))
    (row,) = engine._rows
    stream.close()
    until(lambda: not engine._rows, "the row is free")
    assert row.finish == "cancelled" and len(row.ids) < 880

    async def given_up() -> None:
        task = asyncio.ensure_future(chat.ainvoke("x"))
        while not engine._rows:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(given_up())
    until(lambda: not engine._rows, "the row is free again")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # it moved to the package langchain
def test_a_ready_made_agent_works_on_it() -> None:
    """LangGraph's own, unchanged: it calls the tool and reads what came of it."""
    from langgraph.prebuilt import create_react_agent

    def clerk(request: Request) -> str:
        last = request.messages[-1]
        if last.role == "tool":
            return f"It is {last.parts[0].content}."  # type: ignore[union-attr]
        return '{"name": "add", "arguments": {"a": 2, "b": 3}}'

    with scripted(clerk) as kit:
        agent = create_react_agent(kit.chat_model("m"), [add])
        found = agent.invoke({"messages": [("human", "What is 2 and 3?")]})
    assert found["messages"][-1].content == "It is 5."


# -- LangChain's own client on our server ------------------------------------------------------


@pytest.fixture(scope="module")
def server(tiny_kit: Kit, serve: Serve) -> Server:
    return serve(tiny_kit)


def chat_openai(server: Server, model: str, **settings: Any) -> ChatOpenAI:
    return ChatOpenAI(base_url=server.url, api_key=TOKEN, model=model, max_retries=0, **settings)


def test_langchains_client_chats_streams_and_calls(server: Server) -> None:
    chat = chat_openai(server, "tiny", max_tokens=300, seed=1, stream_usage=True)
    said = chat.invoke("hello", max_tokens=12)
    streamed: Any = None
    for piece in chat.stream("hello", max_tokens=12):
        streamed = piece if streamed is None else streamed + piece
    assert streamed.content == said.content
    assert streamed.usage_metadata["output_tokens"] == said.usage_metadata["output_tokens"]
    called = chat.bind_tools([add], tool_choice="any").invoke("What is 2 and 3?")
    assert {call["name"] for call in called.tool_calls} == {"add"}
    found = chat.with_structured_output(Verdict).invoke("Red or blue?")
    assert isinstance(found, Verdict)
    sharp = chat_openai(server, "sharp", extra_body={"power-sampling": {"steps": 0}})
    assert sharp.invoke("hello", max_tokens=6).usage_metadata["output_tokens"] <= 6


@pytest.mark.slow
def test_langchains_embeddings(serve: Serve, kit: Any) -> None:
    server = serve(kit(), "minilm")
    client = OpenAIEmbeddings(
        base_url=server.url, api_key=TOKEN, model="minilm", check_embedding_ctx_length=False
    )
    one, two = client.embed_documents(["a cat", "a kitten"])
    assert len(one) == 384 and sum(a * b for a, b in zip(one, two)) > 0.5


# -- LangChain's models in ours ----------------------------------------------------------------


def chain(model: Any, **settings: Any) -> LangChainModel:
    return LangChainModel("c", model, LangChainSettings(model="x:y", **settings))


def test_thought_is_kept_apart() -> None:
    thinking = AIMessage("Yes.", additional_kwargs={"reasoning_content": "Let me see."})
    model = chain(GenericFakeChatModel(messages=iter([thinking])))
    (made,) = model.generate([Request.of("Is it so?")])
    assert (made.text, made.reasoning) == ("Yes.", "Let me see.")


def test_who_hears_may_stop_it_at_any_piece() -> None:
    model = chain(GenericFakeChatModel(messages=iter(["one two three"] * 4)))
    cancel, told = Cancel(), list[str]()

    def hear(delta: Delta) -> None:
        told.append(delta.text)
        cancel.set()

    made = model.generate([Request.of("x")], on_delta=hear, cancel=cancel)[0]
    assert (made.finish, made.text, told) == ("cancelled", "one", ["one"])

    def fails(_: Delta) -> None:
        raise LookupError("the listener's own")

    for requests in ([Request.of("x")], [Request.of("x"), Request.of("x")]):
        with pytest.raises(LookupError, match="the listener's own"):
            model.generate(requests, on_delta=fails)


def test_what_the_class_cannot_do_is_said() -> None:
    model = chain(GenericFakeChatModel(messages=iter([])), takes=())
    with pytest.raises(Unsupported, match="structured"):
        model.generate([Request.of("x", grammar=Grammar("json", {"type": "integer"}))])
    with pytest.raises(BackendUnavailable):
        model.generate([Request.of("x")])  # the script of the fake is at its end
    with pytest.raises(Unsupported, match="plain prompt"):
        model.generate([Request((), prompt="x")])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere:Model", "cannot be imported"),
        ("langchain_core.language_models:Nothing", "cannot be imported"),
        ("json", "cannot be imported"),
        ("collections:Counter", "is no BaseChatModel"),
        ("langchain_openai:ChatOpenAI", "models.c"),
    ],
)
def test_wrong_classes_are_refused_when_the_part_is_built(
    name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Kit(Host.load(), Settings()) as kit:
        kit.define("model", "c", use="langchain", model=name)
        with pytest.raises(ConfigError, match=words):
            kit.model("c")


@pytest.mark.slow
class TestRoundTrip(LanguageModelConformance):
    """A model, our server, LangChain's client of it, and a part around that: the suite holds."""

    use = "langchain"
    running: ClassVar[Any] = None
    folder: ClassVar[Any] = None

    def make(self) -> Any:
        cls = type(self)
        if cls.running is None:
            cls.folder = TemporaryDirectory()
            folder = tiny_model_folder(Path(cls.folder.name) / "tiny")
            kit = Kit(Host.load(), Settings())
            kit.define("model", "ref", use="transformers", model=str(folder), threads=1)
            cls.running = serving(kit)
            server = cls.running.__enter__()
            cls.toml = (
                '[models.part]\nuse = "langchain"\nmodel = "langchain_openai:ChatOpenAI"\n'
                'structured = "json_schema"\n'
                f'settings = {{ base_url = "{server.url}", api_key = "{TOKEN}", model = "ref", '
                "stream_usage = true, max_retries = 0 }\n"
                f"context = {kit.model('ref').info.context}\n"
                'takes = ["max_tokens", "temperature", "top_p", "seed", "logprobs"]\n'
            )
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls.running is not None:
            cls.running.__exit__(None, None, None)
            cls.running = None
            cls.folder.cleanup()
