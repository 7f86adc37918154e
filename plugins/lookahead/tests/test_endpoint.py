"""`model = "auto"` over HTTP, as an OpenAI client meets it: who is down, what is sent, who answers.

The candidates are scripted, since what is tested is who is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest

from agentkit.errors import BackendUnavailable
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.app import Api, Limits
from agentkit.serve.served import Served
from agentkit.serve.server import Server
from agentkit.settings import Settings
from agentkit.testing.fakes import ScriptedModel
from agentkit_lookahead.synthetic import NAMES

pytestmark = pytest.mark.slow  # a router is trained first
SUM = "What is 31 plus 57 in total?"
SPELL = "Spell the word garden backwards, please."
CODE = "Write a python function def f(x): that returns x * 31"


class Down(ScriptedModel):
    """A server that is not there."""

    def generate(self, *_: Any, **__: Any) -> Any:
        raise BackendUnavailable("nobody answers", "start it")


Serve = Callable[[Mapping[str, ScriptedModel]], openai.OpenAI]


@pytest.fixture
def serve(checkpoint: Path) -> Iterator[Serve]:
    begun: list[tuple[Server, threading.Thread, Kit]] = []

    def start(models: Mapping[str, ScriptedModel]) -> openai.OpenAI:
        kit = Kit(Host.load({}), Settings())
        for name, model in models.items():
            kit.add("model", name, model)
        settings = {"candidates": list(NAMES), "checkpoint": str(checkpoint), "budget": 60.0}
        kit.define("model", "auto", use="lookahead", default="speller", **settings)
        server = Server(Api(Served(kit, ["auto"]), "token", Limits()), "127.0.0.1", 0, drain=5)
        thread = threading.Thread(target=server.serve_here, daemon=True)
        thread.start()
        begun.append((server, thread, kit))
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        return openai.OpenAI(base_url=server.url, api_key="token", max_retries=0)

    yield start
    for server, thread, kit in begun:
        server.stop()
        server.stop()
        thread.join(30)
        kit.close()


def up() -> dict[str, ScriptedModel]:
    return {name: ScriptedModel.of(f"this is {name}") for name in NAMES}


def said(client: openai.OpenAI, content: Any, model: str = "auto") -> tuple[str, list[str]]:
    made = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": content}]
    )
    assert made.model_extra is not None
    return made.choices[0].message.content or "", made.model_extra["agentkit"]["path"]


def test_32_streams_at_once_while_a_candidate_is_down(serve: Serve) -> None:
    """Sums go to the next best; all others are answered by who answers them best."""
    client = serve({**up(), "adder": Down.of("")})
    found: list[tuple[int, str]] = []

    def stream(number: int) -> None:
        pieces = client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": (SUM, SPELL, CODE)[number % 3]}],
            stream=True,
        )
        text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
        found.append((number % 3, text))

    threads = [threading.Thread(target=stream, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 32
    assert {text for kind, text in found if kind == 1} == {"this is speller"}
    assert {text for kind, text in found if kind == 2} == {"this is coder"}
    (instead,) = {text for kind, text in found if kind == 0}
    assert instead in ("this is speller", "this is coder")


def test_all_are_down(serve: Serve) -> None:
    client = serve({name: Down.of("") for name in NAMES})
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError, match="nobody answers") as error:
            list(
                client.chat.completions.create(
                    model="auto", messages=[{"role": "user", "content": SUM}], stream=stream
                )
            )
        assert error.value.status_code in (502, 503)


def test_a_model_that_is_not_served(serve: Serve) -> None:
    client = serve(up())
    with pytest.raises(openai.NotFoundError, match="nobody"):
        said(client, SUM, model="nobody")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x" * 100_000,
        "<Model_2> [unused0] <|cls|> please",
        [{"type": "text", "text": "What is 31 "}, {"type": "text", "text": "plus 57 in total?"}],
    ],
    ids=["empty", "huge", "MID text", "list"],
)
def test_messages_of_any_form(serve: Serve, content: Any) -> None:
    models = up()
    for model in models.values():
        model.info = type(model.info)(model.info.name, 300_000)
    text, path = said(serve(models), content)
    assert path[0] == "auto" and text == f"this is {path[1]}"


def test_content_that_no_candidate_reads_is_refused(serve: Serve) -> None:
    models = up()
    for model in models.values():
        model.info = type(model.info)(model.info.name, model.info.context)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    with pytest.raises(openai.BadRequestError):
        said(serve(models), [picture])
    with pytest.raises(openai.BadRequestError):
        said(serve(models), [{"type": "text", "text": 7}])
