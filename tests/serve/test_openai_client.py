"""The official client, unchanged, against everything that the server offers."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from agentkit.capabilities import Completion
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.server import Server
from agentkit.settings import Settings
from agentkit.testing.scripted import ScriptedModel
from tests.serve.conftest import TOKEN, Serve, client

pytestmark = pytest.mark.slow

TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}},
            "required": ["city"],
        },
    },
}
SCHEMA: Any = {
    "type": "object",
    "properties": {"sure": {"type": "boolean"}, "n": {"enum": [1, 2, 3]}},
    "required": ["sure", "n"],
}
IMPOSSIBLE: Any = {"type": "integer", "minimum": 3, "maximum": 2}
FAR: Any = {"type": "image_url", "image_url": {"url": "http://far.away/cat.png"}}
ASK: Any = {"messages": [{"role": "user", "content": "Say something."}], "max_tokens": 12}


@pytest.fixture(scope="module")
def server(tiny_kit: Kit, serve: Serve) -> Server:
    return serve(tiny_kit)


@pytest.fixture(scope="module")
def api(server: Server) -> OpenAI:
    return client(server)


def test_models_are_listed_and_shown(api: OpenAI) -> None:
    assert {m.id for m in api.models.list()} == {"tiny", "sharp", "script"}
    api.chat.completions.create(model="tiny", **ASK)
    shown = api.models.retrieve("tiny")
    assert shown.owned_by == "agentkit" and shown.max_model_len == 2048  # type: ignore[attr-defined]


def test_an_answer_with_its_usage(api: OpenAI) -> None:
    made = api.chat.completions.create(model="script", **ASK)
    (choice,) = made.choices
    assert choice.message.content == "one two three" and choice.finish_reason == "stop"
    assert made.usage and made.usage.completion_tokens == 3 and made.usage.total_tokens > 3
    assert made.agentkit == {"path": ["script"]}  # type: ignore[attr-defined]


def test_a_seed_decides_and_without_one_answers_differ(api: OpenAI) -> None:
    def said(**settings: Any) -> str | None:
        made = api.chat.completions.create(model="tiny", **ASK, **settings)
        return made.choices[0].message.content

    assert said(seed=7) == said(seed=7) != said(seed=8)
    assert len({said() for _ in range(4)}) > 1
    assert said(temperature=0) == said(temperature=0, seed=3)


def test_a_stream_is_read_by_clients_that_split_lines_anywhere(tiny_kit: Kit, serve: Serve) -> None:
    """httpx and requests end a line at U+2028 too."""
    strange = "a\u2028b \x85c"
    tiny_kit.define("model", "strange", use="scripted", answers=[strange])
    server, said = serve(tiny_kit, "strange"), ""
    body = {"model": "strange", "stream": True, **ASK}
    sign = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.stream(
        "POST", f"{server.url}/chat/completions", json=body, headers=sign
    ) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    said += choice["delta"].get("content") or ""
    assert said == strange


@pytest.mark.parametrize("model", ["tiny", "sharp", "script"])
def test_a_stream_is_the_answer_in_pieces(api: OpenAI, model: str) -> None:
    asked = {**ASK, "model": model, "seed": 5, "n": 3}
    whole = api.chat.completions.create(**asked)
    text: dict[int, str] = defaultdict(str)
    finish: dict[int, str] = {}
    usage = None
    for chunk in api.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            assert choice.index not in finish, "text after the end of an answer"
            text[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                finish[choice.index] = choice.finish_reason
    assert [text[n] for n in range(3)] == [c.message.content for c in whole.choices]
    assert [finish[n] for n in range(3)] == [c.finish_reason for c in whole.choices]
    assert usage == whole.usage


@pytest.mark.parametrize("model", ["tiny", "sharp", "script"])
def test_text_ends_before_a_stop_string_also_in_a_stream(api: OpenAI, model: str) -> None:
    asked = {**ASK, "model": model, "seed": 1}
    whole = api.chat.completions.create(**asked).choices[0].message.content or ""
    stop = next(c for n, c in enumerate(whole) if n > 1 and c.isascii())
    wanted = whole[: whole.index(stop)]
    cut = api.chat.completions.create(**asked, stop=[stop, "never"]).choices[0]
    assert cut.message.content == wanted and cut.finish_reason == "stop"
    pieces = api.chat.completions.create(**asked, stop=stop, stream=True)
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == wanted


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": TOOL["function"]}])
def test_tools_are_called_through_the_grammar(api: OpenAI, choice: Any) -> None:
    asked = {**ASK, "model": "tiny", "tools": [TOOL], "tool_choice": choice, "max_tokens": 400}
    made = api.chat.completions.create(**asked, seed=4)
    assert made.choices[0].finish_reason == "tool_calls"
    calls = made.choices[0].message.tool_calls or []
    assert calls and all(c.type == "function" and c.function.name == "weather" for c in calls)
    for call in calls:
        assert json.loads(call.function.arguments)["city"] in ("Paris", "Rome")  # type: ignore[union-attr]
    with api.chat.completions.stream(**asked, seed=4) as stream:
        final = stream.get_final_completion()
    streamed = final.choices[0].message.tool_calls or []
    assert [c.function.arguments for c in streamed] == [c.function.arguments for c in calls]  # type: ignore[union-attr]


def test_what_is_thought_is_kept_apart_also_where_nothing_is_streamed(serve: Serve) -> None:
    """By a model that says all at its end, as some do."""
    whole = Completion("Yes.", reasoning="Let me see.")
    kit = Kit(Host.load(), Settings())
    kit.add("model", "m", ScriptedModel.of(lambda _: whole))
    api = client(serve(kit))
    said = api.chat.completions.create(model="m", **ASK).choices[0].message
    assert (said.content, said.reasoning_content) == ("Yes.", "Let me see.")  # type: ignore[attr-defined]
    text, thought = "", ""
    for chunk in api.chat.completions.create(model="m", **ASK, stream=True):
        delta = chunk.choices[0].delta
        text += delta.content or ""
        thought += getattr(delta, "reasoning_content", None) or ""
    assert (text, thought) == ("Yes.", "Let me see.")


def test_a_conversation_with_calls_and_results_and_lists_of_parts(
    api: OpenAI, tiny_kit: Kit
) -> None:
    function = {"name": "weather", "arguments": '{"city": "Rome"}'}
    call = {"id": "c1", "type": "function", "function": function}
    parts = [{"type": "text", "text": text} for text in ("How is ", "Rome?")]
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "sunny"}]},
    ]
    api.chat.completions.create(model="script", messages=messages, tools=[TOOL])
    asked = tiny_kit.model("script").requests[-1]  # type: ignore[attr-defined]
    assert [m.role for m in asked.messages] == ["system", "user", "assistant", "tool"]
    assert asked.messages[1].text == "How is Rome?"
    assert asked.messages[2].parts[0].arguments == {"city": "Rome"}
    assert asked.messages[3].parts[0].content == "sunny"


def test_answers_match_a_schema(api: OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    made = api.chat.completions.create(
        model="tiny", response_format=form, **{**ASK, "max_tokens": 64}, n=4
    )
    for choice in made.choices:
        value = json.loads(choice.message.content or "")
        assert isinstance(value["sure"], bool) and value["n"] in (1, 2, 3)


def test_log_probabilities(api: OpenAI) -> None:
    made = api.chat.completions.create(model="tiny", logprobs=True, top_logprobs=3, **ASK, seed=1)
    logprobs = made.choices[0].logprobs
    assert made.usage and logprobs and logprobs.content
    assert len(logprobs.content) == made.usage.completion_tokens
    for token in logprobs.content:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        assert token.top_logprobs[0].logprob >= token.logprob
    streamed = [
        entry
        for chunk in api.chat.completions.create(
            model="tiny", logprobs=True, top_logprobs=3, **ASK, seed=1, stream=True
        )
        if chunk.choices[0].logprobs
        for entry in chunk.choices[0].logprobs.content or []
    ]
    assert [t.logprob for t in streamed] == [t.logprob for t in logprobs.content]


def test_plain_completions_go_on_with_each_prompt(api: OpenAI) -> None:
    asked: Any = {"model": "tiny", "prompt": ["once upon", "a"], "max_tokens": 5, "n": 2, "seed": 3}
    made = api.completions.create(**asked)
    assert [c.index for c in made.choices] == [0, 1, 2, 3]
    assert made.usage and made.usage.prompt_tokens == len("once upon") + len("a")
    text: dict[int, str] = defaultdict(str)
    for chunk in api.completions.create(**asked, stream=True):
        text[chunk.choices[0].index] += chunk.choices[0].text
    assert [text[n] for n in range(4)] == [c.text for c in made.choices]
    ids = list(b"once upon")  # the tiny tokenizer's ids are bytes
    by_ids = api.completions.create(**{**asked, "prompt": ids})
    assert by_ids.choices[0].text == made.choices[0].text


def test_echo_scores_the_prompt(api: OpenAI) -> None:
    asked: Any = {"model": "tiny", "max_tokens": 2, "echo": True, "logprobs": 0, "temperature": 0}
    prompts = [f"ab{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    made = api.completions.create(**asked, prompt=prompts)
    # One whose answer is text that gives the same tokens again; the others are broken UTF-8.
    choice = next(c for c in made.choices if c.text.isascii() and len(c.text) == 5)
    assert choice.text.startswith("ab") and choice.logprobs
    numbers = choice.logprobs.token_logprobs or []
    assert len(numbers) == 5 and numbers[0] is None
    assert all(n is not None and n <= 0 for n in numbers[1:])
    # What is scored is what was drawn: the echoed answer has the numbers of the first time.
    again = api.completions.create(**{**asked, "max_tokens": 1}, prompt=choice.text)
    repeated = again.choices[0].logprobs
    assert repeated and repeated.token_logprobs
    assert repeated.token_logprobs[1:5] == pytest.approx(numbers[1:], abs=1e-4)


def test_a_composed_model_takes_its_own_settings(api: OpenAI) -> None:
    def spent(**own: Any) -> Any:
        made = api.chat.completions.create(
            model="sharp", **ASK, seed=1, extra_body={"power-sampling": own}
        )
        assert made.agentkit["path"] == ["sharp", "tiny"]  # type: ignore[attr-defined]
        return made.usage.spent_tokens  # type: ignore[union-attr]

    assert spent(steps=4) > spent(steps=0)


@pytest.mark.parametrize(
    ("settings", "param", "words"),
    [
        ({"model": "sharp", "top_p": 0.5}, "top_p", "another one than p^alpha"),
        ({"model": "sharp", "extra_body": {"top_k": 5}}, "top_k", "leave top_k out"),
        ({"model": "sharp", "presence_penalty": 1}, "presence_penalty", "honoured"),
        ({"extra_body": {"power-sampling": {"alpha": 2}}}, "power-sampling", "unknown field"),
        ({"model": "sharp", "extra_body": {"power-sampling": 2}}, "power-sampling", "object"),
        ({"model": "sharp", "logprobs": True}, "logprobs", "lacks the ability"),
        ({"temperature": -1}, "temperature", "greater than or equal to 0"),
        ({"extra_body": {"tempreature": 1}}, "tempreature", "did you mean 'temperature'"),
        ({"max_tokens": 3000}, None, "do not fit a context of 2048"),
        ({"n": 1000}, "n", "less than or equal to 64"),
        ({"top_logprobs": 3}, "top_logprobs", "needs logprobs"),
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role", "'king' is unknown"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "neither text"),
        (
            {"messages": [{"role": "user", "content": [FAR]}]},
            "messages.0.content.0.image_url.url",
            "data:image/png",
        ),
        ({"tool_choice": "required"}, "tool_choice", "fits none of the tools"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": IMPOSSIBLE}}},
            None,
            "nothing can match",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_honoured_is_refused_by_its_name(
    api: OpenAI, settings: Any, param: str | None, words: str, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        api.chat.completions.create(**{"model": "tiny", **ASK, **settings}, stream=stream)
    assert words in str(caught.value)
    assert caught.value.type == "invalid_request_error"
    if param:
        assert caught.value.param == param


def test_a_prompt_that_leaves_little_room_gets_the_room_there_is(api: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "x" * 1900}]
    made = api.chat.completions.create(model="tiny", messages=messages, temperature=0)
    assert made.usage and made.usage.total_tokens <= 2048
    messages = [{"role": "user", "content": "x" * 3000}]
    with pytest.raises(openai.BadRequestError) as caught:
        api.chat.completions.create(model="tiny", messages=messages)
    assert caught.value.code == "context_length_exceeded"


def test_unknown_models_and_routes(api: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        api.chat.completions.create(model="tniy", **ASK)
    assert caught.value.code == "model_not_found" and "did you mean 'tiny'" in str(caught.value)
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve("nope")
    with pytest.raises(openai.NotFoundError) as caught:
        api.moderations.create(input="x")
    assert caught.value.code == "no_such_route"


def test_a_model_without_embeddings_says_so(api: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="embed"):
        api.embeddings.create(model="tiny", input="x")


@pytest.mark.slow
def test_embeddings(serve: Serve, kit: Any) -> None:
    made = kit()
    api = client(serve(made, "minilm"))
    texts = ["A man is eating food.", "A man eats a meal.", "The stock market fell today."]
    found = api.embeddings.create(model="minilm", input=texts)
    one, two, three = ([float(x) for x in row.embedding] for row in found.data)
    assert sum(a * b for a, b in zip(one, two)) == pytest.approx(0.908, abs=2e-3)
    assert abs(sum(a * b for a, b in zip(one, three))) < 0.05
    plain = api.embeddings.create(model="minilm", input=texts[0], encoding_format="float")
    assert plain.data[0].embedding == pytest.approx(one, abs=1e-6)
    for wrong, words in (({"dimensions": 3}, "384 dimensions"), ({"input": [[1, 2]]}, "token ids")):
        with pytest.raises(openai.BadRequestError, match=words):
            api.embeddings.create(**{"model": "minilm", "input": "x", **wrong})  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="cannot generate"):
        api.chat.completions.create(model="minilm", **ASK)
