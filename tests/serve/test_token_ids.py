"""Token ids over HTTP, so that a sampler in another process works over this server."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from agentkit.capabilities import (
    CallContext,
    Continuations,
    Delta,
    Draw,
    Request,
    Tokens,
    ToolSpec,
)
from agentkit.errors import Unsupported
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.server import Server
from agentkit.settings import Settings
from tests.serve.conftest import TOKEN, Serve

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tiny_kit: Kit, serve: Serve) -> Server:
    return serve(tiny_kit)


def ask(server: Server, route: str, **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.post(server.url[:-3] + route, json={"model": "tiny", **body}, headers=headers)


def test_texts_and_ids(server: Server, tiny_kit: Kit) -> None:
    tokens = tiny_kit.model("tiny").ability(Tokens)
    made = ask(server, "/tokenize", prompt="grün", add_special_tokens=False).json()
    assert tuple(made["tokens"]) == tokens.encode("grün") and made["count"] == 5
    talk = [{"role": "user", "content": "Hello"}]
    made = ask(server, "/tokenize", messages=talk, add_generation_prompt=True).json()
    assert tuple(made["tokens"]) == tokens.render(Request.of("Hello"))
    assert ask(server, "/detokenize", tokens=made["tokens"]).json()["prompt"].count("Hello") == 1
    assert ask(server, "/tokenize").json()["error"]["param"] == "prompt"
    assert ask(server, "/tokenize", prompt="x", wrong=1).json()["error"]["param"] == "wrong"
    refused = ask(server, "/tokenize", model="script", prompt="x")
    assert refused.status_code == 400 and "tokens" in refused.json()["error"]["message"]


def test_a_plain_prompt_goes_to_an_endpoint_as_it_is(
    server: Server, tiny_kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_TOKEN", TOKEN)
    with Kit(Host.load(), Settings()) as kit:
        far = {"base_url": server.url, "model": "tiny", "api_key": "env:THE_TOKEN"}
        kit.define("model", "far", use="openai", **far)
        for prompt in ("once upon", tuple(b"once upon")):
            settings: Any = {"max_tokens": 9, "temperature": 1.0, "logprobs": 2}
            context = CallContext(seed=5)
            request = Request((), prompt=prompt, context=context, **settings)
            told: list[Delta] = []
            (made,) = kit.model("far").generate([request], on_delta=told.append)
            (here,) = tiny_kit.model("tiny").generate([request])
            assert made.text == here.text == "".join(delta.text for delta in told)
            assert made.usage == here.usage and made.finish == here.finish
            found = [one.logprob for one in made.logprobs]
            assert found == pytest.approx([one.logprob for one in here.logprobs])
            assert all(1 <= len(one.top) <= 2 for one in made.logprobs)  # broken bytes look alike
        tool = ToolSpec("f", "", {})
        with pytest.raises(Unsupported, match="template"):
            kit.model("far").generate([Request((), prompt="x", tools=(tool,))])


def test_a_sampler_works_over_the_server(
    server: Server, tiny_kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_TOKEN", TOKEN)
    here = tiny_kit.model("tiny").ability(Tokens)
    with Kit(Host.load(), Settings()) as kit:
        far = {"base_url": server.url, "model": "tiny", "api_key": "env:THE_TOKEN"}
        kit.define("model", "far", use="openai", token_ids=True, **far)
        kit.define("model", "sharp", use="power-sampling", base="far", block=4, steps=1)
        prompt = here.render(Request.of("Hello"))
        draw = Draw(seed=3, temperature=0.5)
        (made,) = kit.model("far").ability(Continuations).continued([prompt], [6], [draw])
        (span,) = here.extend(here.open([prompt]), 6, [draw])
        assert made.ids == tuple(span.ids.tolist()), "the same seed draws the same tokens there"
        np.testing.assert_allclose(made.logp, span.logp, atol=1e-5)
        (answer,) = kit.model("sharp").generate([Request.of("Say it.", max_tokens=8)])
        assert not answer.error and answer.usage.spent >= answer.usage.completion > 0
