"""The openai part against a real server: the suites, and everything that endpoints do wrong."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from agentkit.capabilities import (
    CallContext,
    Cancel,
    Delta,
    Embeds,
    Grammar,
    Image,
    Logprobs,
    Message,
    Reasoning,
    Request,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from agentkit.errors import (
    BackendUnavailable,
    ConfigError,
    ContextOverflow,
    Unsupported,
    UsageError,
)
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.models.http.wire import body
from agentkit.models.openai import OpenAIModel
from agentkit.models.settings import OpenAISettings
from agentkit.settings import Settings
from agentkit.testing.conformance import LanguageModelConformance
from agentkit.testing.fakes import ScriptedModel
from tests.models.endpoint import Endpoint, Handler, serving
from tests.testing.reference import ReferenceModel

pytestmark = pytest.mark.slow

KEY = "sk-never-to-be-seen"


@pytest.mark.slow
class TestEndpoint(LanguageModelConformance):
    use = "openai"
    stack: ClassVar[ExitStack | None] = None

    def make(self) -> Any:
        cls = type(self)
        if cls.stack is None:
            cls.stack = ExitStack()
            server = cls.stack.enter_context(serving(ReferenceModel()))  # type: ignore[arg-type]
            cls.toml = (
                f'[models.part]\nuse = "openai"\nmodel = "ref"\nbase_url = "{server.url}"\n'
                "max_logprobs = 5\n"
            )
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls.stack is not None:
            cls.stack.close()
            cls.stack = None


@pytest.mark.slow
class TestBareEndpoint(TestEndpoint):
    """One that offers neither log-probabilities nor grammars."""

    stack = None

    def make(self) -> Any:
        made = super().make()
        cls = type(self)
        if "structured" not in cls.toml:
            made.close()
            cls.toml = cls.toml.replace("max_logprobs = 5", 'max_logprobs = 0\nstructured = "none"')
            return super().make()
        return made


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with serving(ScriptedModel.of("Hello there, how are you?")) as made:
        yield made


@pytest.fixture
def model(server: Endpoint) -> Iterator[OpenAIModel]:
    made = opened(server.url)
    yield made
    made.close()


def opened(url: str, **settings: Any) -> OpenAIModel:
    quick = {"backoff": 0.001, "retries": 2, "timeout": 5.0, "context": 1000, **settings}
    return OpenAIModel("far", OpenAISettings(base_url=url, model="ref", **quick), KEY)


def ask(text: str = "Hi", **settings: Any) -> Request:
    return Request.of(text, **{"max_tokens": 50, **settings})


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_what_is_thought_is_kept_apart(server: Endpoint, model: OpenAIModel, field: str) -> None:
    """As vLLM streams it for a thinking model; servers call the field one of two names."""

    def think(handler: Handler) -> None:
        handler.begin_stream()
        for piece in ("Let me ", "see."):
            handler.event({"choices": [{"index": 0, "delta": {field: piece}}]})
        handler.chunk("Yes")
        handler.chunk("!", finish_reason="stop")
        handler.event("[DONE]")
        handler.end_stream()

    told: list[Delta] = []
    server.plan = [think]
    (made,) = model.generate([ask()], on_delta=told.append)
    assert (made.text, made.reasoning) == ("Yes!", "Let me see.")
    assert [d.text for d in told if d.reasoning] == ["Let me ", "see."]
    assert "".join(d.text for d in told if not d.reasoning) == "Yes!"
    model.generate([Request.of("Is it?", Message.assistant(Reasoning("Hm."), "Yes."), "Sure?")])
    assert server.seen[-1]["messages"][1] == {
        "role": "assistant",
        "content": "Yes.",
        "reasoning_content": "Hm.",
    }


def test_an_answer_may_hold_strange_line_ends(server: Endpoint, model: OpenAIModel) -> None:
    """vLLM sends them as they are. Events end at \\r\\n here, in the middle of a chunk."""
    strange = "a\u2028b\u2029c\x85d"

    def say(handler: Handler) -> None:
        handler.begin_stream()
        event = {"choices": [{"index": 0, "delta": {"content": strange}, "finish_reason": "stop"}]}
        raw = f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\ndata: [DONE]".encode()
        for start in range(0, len(raw), 7):
            handler.raw(raw[start : start + 7])
        handler.end_stream()

    server.plan = [say]
    (made,) = model.generate([ask()])
    assert made.text == strange


# -- what is sent ---------------------------------------------------------------------------------


def test_a_request_travels_whole(server: Endpoint, model: OpenAIModel) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    tool = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})
    request = Request.of(
        Message.system("Be brief."),
        "Rain?",
        Message.assistant(ToolCall("c1", "look", {"at": "ü"})),
        Message.tool(ToolResult("c1", "wet")),
        tools=(tool,),
        grammar=Grammar("json", schema),
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
        logprobs=2,
        context=CallContext(seed=7),
        extra={"far": {"min_p": 0.1}, "other": {"x": 1}},
    )
    server.plan = [say('{"a": true}')]
    assert model.generate([request])[0].finish == "stop"
    (sent,) = server.seen
    assert server.keys == [f"Bearer {KEY}"]
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "tool"]
    call = sent["messages"][2]["tool_calls"][0]
    assert call["id"] == "c1" and json.loads(call["function"]["arguments"]) == {"at": "ü"}
    assert sent["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "wet"}
    assert sent["tools"][0]["function"]["name"] == "look"
    form = sent["response_format"]["json_schema"]
    assert form["strict"] and form["schema"] == {**schema, "additionalProperties": False}
    wanted = {"temperature": 0.5, "top_p": 0.9, "stop": ["END"], "top_logprobs": 2, "seed": 7}
    assert wanted.items() <= sent.items() and sent["min_p"] == 0.1 and "x" not in sent


def test_tool_calls_come_in_pieces(server: Endpoint, model: OpenAIModel) -> None:
    def calls(handler: Handler) -> None:
        handler.begin_stream()
        first = {"index": 0, "id": "c9", "function": {"name": "lo", "arguments": '{"wor'}}
        for call in (first, {"index": 0, "function": {"name": "ok", "arguments": 'd": "x"}'}}):
            handler.event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
        handler.chunk("", finish_reason="tool_calls")
        handler.event("[DONE]")
        handler.end_stream()

    server.plan = [calls]
    made = model.generate([ask()])[0]
    assert made.finish == "tool_calls"
    assert made.tool_calls == (ToolCall("c9", "look", {"word": "x"}),)


def test_an_endpoint_that_does_not_stream(server: Endpoint, model: OpenAIModel) -> None:
    choice = {"index": 0, "message": {"content": "whole"}, "finish_reason": "stop"}
    server.plan = [lambda h: h.document(200, {"choices": [choice]})]
    told: list[Delta] = []
    assert model.generate([ask()], on_delta=told.append)[0].text == "whole"
    assert told == [Delta(0, "whole")]


def test_an_endpoint_that_knows_other_names(server: Endpoint, model: OpenAIModel) -> None:
    choice = {"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}
    server.plan = [
        lambda h: h.document(400, {"error": {"message": "unknown field stream_options"}}),
        lambda h: h.document(400, {"error": {"message": "use max_completion_tokens instead"}}),
        *[lambda h: h.document(200, {"choices": [choice]})] * 2,
    ]
    assert model.generate([ask()])[0].text == "ok"
    assert model.generate([ask()])[0].text == "ok", "what was learned is kept"
    assert len(server.seen) == 4 and server.seen[3]["max_completion_tokens"] == 50
    assert "stream_options" not in server.seen[3] and "max_tokens" not in server.seen[3]


def test_the_context_is_asked_for_once(server: Endpoint) -> None:
    model = opened(server.url, context=None)
    assert model.info.context == 32768 == model.info.context
    model.close()


# -- what goes wrong ------------------------------------------------------------------------------


def garbage(handler: Handler) -> None:
    handler.begin_stream()
    handler.raw(b"<html>not for you</html>\n")
    handler.end_stream()


def no_json(handler: Handler) -> None:
    handler.begin_stream()
    handler.event("{broken")
    handler.end_stream()


def other_form(handler: Handler) -> None:
    handler.begin_stream()
    handler.event({"choices": [{"delta": {"content": 5}}]})
    handler.end_stream()


def ends_early(handler: Handler) -> None:
    handler.begin_stream()
    handler.chunk("Hel")
    handler.end_stream()


def breaks(handler: Handler) -> None:
    handler.begin_stream()
    handler.chunk("Hel")
    handler.hang_up()


def fails_in_the_middle(handler: Handler) -> None:
    handler.begin_stream()
    handler.chunk("Hel")
    handler.event({"error": {"message": "CUDA out of memory", "code": 500}})
    handler.end_stream()


def wrong_document(handler: Handler) -> None:
    handler.document(200, b"[1, 2]")


def not_compressed(handler: Handler) -> None:
    handler.document(200, b"plain", Content_Encoding="gzip")


FAULTS = (garbage, no_json, other_form, ends_early, breaks, fails_in_the_middle, wrong_document)
FAULTS += (not_compressed,)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_fault_that_passes_is_not_noticed(
    server: Endpoint, model: OpenAIModel, fault: Any
) -> None:
    server.plan = [fault, fault]
    made = model.generate([ask()])[0]
    assert made.text == "Hello there, how are you?" and made.finish == "stop"
    assert len(server.seen) == 3


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.__name__)
def test_a_fault_that_stays_is_told_in_a_line(
    server: Endpoint, model: OpenAIModel, fault: Any
) -> None:
    server.plan = [fault] * 3
    with pytest.raises(BackendUnavailable, match=r"models\.far: .*3 tries") as caught:
        model.generate([ask()])
    assert "\n" not in caught.value.message and server.url in str(caught.value)
    assert model.generate([ask()])[0].finish == "stop", "the part works on"


@pytest.mark.parametrize("fault", [ends_early, breaks, fails_in_the_middle])
def test_what_was_shown_is_not_said_again(server: Endpoint, model: OpenAIModel, fault: Any) -> None:
    server.plan = [fault]
    told: list[Delta] = []
    made = model.generate([ask()], on_delta=told.append)[0]
    assert made.finish == "error" and made.error and made.text == "Hel" and len(server.seen) == 1
    assert "".join(d.text for d in told) == "Hel"


def test_one_request_that_fails_leaves_the_others(server: Endpoint) -> None:
    model = opened(server.url, concurrency=1)
    server.plan = [lambda h: h.document(422, {"error": {"message": "no such role"}})]
    bad, good = model.generate([ask("a"), ask("b")])
    assert bad.finish == "error" and "HTTP 422: no such role" in bad.error
    assert good.text.startswith("Hello") and len(server.seen) == 2, "what stays is not tried again"
    model.close()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_server_is_asked_again(server: Endpoint, model: OpenAIModel, status: int) -> None:
    server.plan = [lambda h: h.document(status, {"detail": "busy"})] * 2
    assert model.generate([ask()])[0].finish == "stop" and len(server.seen) == 3


def test_the_pause_that_a_server_asks_for_is_kept(
    server: Endpoint, model: OpenAIModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    pauses: list[float] = []
    plain = asyncio.sleep

    async def sleep(seconds: float, *rest: Any) -> None:
        pauses.append(seconds)
        await plain(0)

    monkeypatch.setattr("agentkit.models.openai.asyncio.sleep", sleep)
    for value in ("7", "7000", "soon"):
        server.plan.append(lambda h, v=value: h.document(429, {}, Retry_After=v))
        server.plan.append(lambda h: h.answer())
    for _ in range(3):
        assert model.generate([ask()])[0].finish == "stop"
    assert pauses[:2] == [7.0, 30.0] and 0 < pauses[2] < 1


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "api_key"), (403, "api_key"), (404, "/models"), (307, "curl")]
)
def test_what_stays_is_told_at_once_with_its_cure(
    server: Endpoint, model: OpenAIModel, status: int, hint: str
) -> None:
    server.plan = [lambda h: h.document(status, {"error": "no"}, Location="http://else.where/")]
    with pytest.raises(BackendUnavailable, match=f"HTTP {status}: no") as caught:
        model.generate([ask()])
    assert hint in caught.value.hint and len(server.seen) == 1


def test_no_server_at_all() -> None:
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{spare.getsockname()[1]}/v1"
    model = opened(url)
    with pytest.raises(BackendUnavailable, match=r"cannot connect \(3 tries\)") as caught:
        model.generate([ask()])
    assert caught.value.hint == f"is the server running? curl {url}/models"
    assert opened(url, context=None).info.context == 4096
    model.close()


def silent(event: threading.Event) -> Any:
    return lambda handler: (handler.begin_stream(), event.wait(20))


def test_a_silent_server_is_left_after_the_time_out(server: Endpoint) -> None:
    release = threading.Event()
    model = opened(server.url, timeout=0.2, retries=1)
    server.plan = [silent(release)] * 2
    with pytest.raises(BackendUnavailable, match=r"no word from the server.*2 tries"):
        model.generate([ask()])
    release.set()
    model.close()


def trickle(handler: Handler) -> None:
    handler.begin_stream()
    for _ in range(2000):
        handler.chunk("x")
        if handler.server.broken.wait(0.01):
            return


def test_a_whole_answer_has_a_deadline(server: Endpoint) -> None:
    model = opened(server.url, deadline=0.4)
    server.plan = [trickle]
    made = model.generate([ask()])[0]
    assert made.finish == "error" and "0.4 s" in made.error and set(made.text) == {"x"}
    assert server.broken.wait(10), "the connection stayed open"
    model.close()


def test_cancelling_closes_the_connection(server: Endpoint, model: OpenAIModel) -> None:
    cancel, told = Cancel(), []

    def hear(delta: Delta) -> None:
        told.append(delta.text)
        if len(told) == 3:
            cancel.set()

    server.plan = [trickle]
    made = model.generate([ask()], on_delta=hear, cancel=cancel)[0]
    assert made.finish == "cancelled" and made.text == "xxx" == "".join(told)
    assert server.broken.wait(10), "the server goes on generating for nobody"
    assert model.generate([ask()], cancel=cancel)[0].finish == "cancelled"
    assert len(server.seen) == 1


def test_a_silent_server_can_be_cancelled(server: Endpoint, model: OpenAIModel) -> None:
    release, cancel = threading.Event(), Cancel()
    server.plan = [lambda h: (cancel.set(), silent(release)(h))]  # type: ignore[func-returns-value]
    assert model.generate([ask()], cancel=cancel)[0].finish == "cancelled"
    release.set()


def test_a_listener_that_fails_ends_the_request(server: Endpoint, model: OpenAIModel) -> None:
    def hear(_: Delta) -> None:
        raise KeyboardInterrupt

    server.plan = [trickle]
    with pytest.raises(KeyboardInterrupt):
        model.generate([ask()], on_delta=hear)
    assert server.broken.wait(10)


def test_a_prompt_that_is_too_long(server: Endpoint, model: OpenAIModel) -> None:
    words = "This model's maximum context length is 1000 tokens, you asked for 4000"
    server.plan = [lambda h: h.document(400, {"error": {"message": words}})]
    with pytest.raises(ContextOverflow, match="1000 tokens") as caught:
        model.generate([ask(), ask()])
    assert caught.value.details["limit"] == 1000


# -- grammar and log-probabilities ----------------------------------------------------------------


def say(text: str) -> Any:
    choice = {"index": 0, "message": {"content": text}, "finish_reason": "stop"}
    return lambda handler: handler.document(200, {"choices": [choice]})


def test_an_endpoint_that_ignores_the_grammar_is_found_out(
    server: Endpoint, model: OpenAIModel
) -> None:
    number = Grammar("json", {"type": "integer"})
    server.plan = [say("seven"), say("7"), say('{"answer": "no"}'), say("no")]
    assert "did not keep to the grammar" in model.generate([ask(grammar=number)])[0].error
    assert model.generate([ask(grammar=number)])[0].text == "7"
    told: list[Delta] = []
    choice = Grammar("regex", "yes|no")
    assert model.generate([ask(grammar=choice)], on_delta=told.append)[0].text == "no"
    assert told == [Delta(0, "no")], "the wrapping is nobody's business"
    assert model.generate([ask(grammar=choice)])[0].finish == "stop"
    with pytest.raises(Unsupported, match="Lark"):
        model.generate([ask(grammar=Grammar("lark", 'start: "x"'))])


def test_what_an_endpoint_is_declared_unable_of_is_refused(server: Endpoint) -> None:
    model = opened(server.url, structured="none", max_logprobs=0)
    with pytest.raises(Unsupported, match="structured = 'none'"):
        model.generate([ask(grammar=Grammar("json", {"type": "integer"}))])
    with pytest.raises(UsageError, match="max_logprobs is 0"):
        model.generate([ask(logprobs=1)])
    with pytest.raises(Unsupported, match="lacks the ability 'logprobs'"):
        model.ability(Logprobs)
    assert not server.seen and model.info.abilities == frozenset()
    model.close()


def test_wrong_requests_are_refused_before_they_are_sent(
    server: Endpoint, model: OpenAIModel
) -> None:
    for request, error in (
        (Request(()), UsageError),
        (ask("\ud800"), UsageError),
        (Request.of(Message.user(Embeds(None))), Unsupported),  # type: ignore[arg-type]
    ):
        with pytest.raises(error):
            model.generate([ask(), request])
    assert not server.seen


# -- keys -----------------------------------------------------------------------------------------


def test_a_key_is_never_seen(
    server: Endpoint, model: OpenAIModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = f"Incorrect API key provided: {KEY}"
    server.plan = [lambda h: h.document(401, {"error": {"message": told}})]
    with pytest.raises(BackendUnavailable, match="Incorrect API key") as caught:
        model.generate([ask()])
    server.plan = [lambda h: h.document(422, {"error": {"message": told}}), say("fine")]
    answers = model.generate([ask(), ask()])

    def fails(handler: Handler) -> None:
        handler.begin_stream()
        handler.event({"error": {"message": told}})
        handler.end_stream()

    server.plan = [fails] * 3
    with pytest.raises(BackendUnavailable) as stream:
        model.generate([ask()])
    for text in (str(caught.value), repr(caught.value.to_json()), str(stream.value), str(answers)):
        assert KEY not in text
    assert KEY not in caplog.text and KEY not in repr(model) and KEY not in repr(vars(caught.value))


def test_a_key_is_named_in_the_settings_and_never_written_there(
    server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", KEY)
    with Kit(Host.load(), Settings()) as kit:
        for name, key in (("a", "env:FAR_KEY"), ("b", KEY), ("c", "env:ABSENT")):
            kit.define("model", name, use="openai", base_url=server.url, model="ref", api_key=key)
        assert kit.model("a").generate([ask()])[0].finish == "stop"
        assert server.keys == [f"Bearer {KEY}"]
        assert KEY not in json.dumps(kit.recipe("model", "a"), default=str)
        with pytest.raises(ConfigError) as caught:
            kit.model("b")
        assert KEY not in str(caught.value)
        with pytest.raises(ConfigError, match="ABSENT"):
            kit.model("c")


def test_pictures_are_sent_where_they_stand() -> None:
    """As data URLs, between the texts; a message of texts alone stays one text."""
    shown = Message.user("Before", Image(b"\x89PNG", "image/png"), "after")
    sent = body(Request.of(Message.system("Look."), shown), "m", "part")["messages"]
    assert sent[0]["content"] == "Look."
    assert [part["type"] for part in sent[1]["content"]] == ["text", "image_url", "text"]
    assert sent[1]["content"][1]["image_url"]["url"] == "data:image/png;base64,iVBORw=="
