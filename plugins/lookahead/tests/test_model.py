"""The routed model: falling over, sticking, exploring, and whatever may come in.

The candidates are scripted, since what is tested is who is asked, not what is said.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import CallContext, Image, Message, Request, ToolResult
from agentkit.errors import BackendUnavailable, ConfigError, Unsupported, UsageError
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.settings import Settings
from agentkit.testing.fakes import ScriptedModel
from agentkit_lookahead.model import LookaheadModel
from agentkit_lookahead.synthetic import NAMES

SUM, SPELL, CODE = (
    "What is 31 plus 57 in total?",
    "Spell the word garden backwards, please.",
    "Write a python function def f(x): that returns x * 31",
)
pytestmark = pytest.mark.slow  # a router is trained first
Made = Callable[..., LookaheadModel]


@pytest.fixture
def models() -> dict[str, ScriptedModel]:
    return {name: ScriptedModel.of(f"this is {name}") for name in NAMES}


@pytest.fixture
def routed(models: dict[str, ScriptedModel], checkpoint: Path) -> Iterator[Made]:
    kits = []

    def make(**settings: Any) -> LookaheadModel:
        kit = Kit(Host.load({}), Settings())
        kits.append(kit)
        for name, model in models.items():
            kit.add("model", name, model)
        given = {
            "candidates": list(NAMES),
            "checkpoint": str(checkpoint),
            "budget": 60.0,
            "default": "speller",
            **settings,
        }
        kit.define("model", "auto", use="lookahead", **given)
        found = kit.model("auto")
        assert isinstance(found, LookaheadModel)
        return found

    yield make
    for kit in kits:
        kit.close()


class Down(ScriptedModel):
    """A server that is not there."""

    def generate(self, *_: Any, **__: Any) -> Any:
        raise BackendUnavailable("nobody answers", "start it")


def say(model: LookaheadModel, text: str, **settings: Any) -> Any:
    return model.generate([Request.of(text, **settings)])[0]


def test_each_request_goes_to_who_can(routed: Made) -> None:
    model = routed()
    made = model.generate([Request.of(t) for t in (CODE, SUM, SPELL, CODE)])
    assert [c.path[:2] for c in made] == [
        ("auto", n) for n in ("coder", "adder", "speller", "coder")
    ]
    assert [c.text for c in made][:2] == ["this is coder", "this is adder"]
    decision = model.route(Request.of(SUM))
    assert decision.reason == "foreseen" and decision.margin > 0 and decision.seconds > 0
    assert decision.order[0] == "adder" and {*decision.order} == {*NAMES}


def test_one_down_then_two_then_all(routed: Made, models: dict[str, ScriptedModel]) -> None:
    models["adder"] = Down.of("")
    model = routed()
    order = model.route(Request.of(SUM)).order
    assert say(model, SUM).path[:2] == ("auto", order[1])
    models[order[1]] = Down.of("")
    assert say(routed(), SUM).path[:2] == ("auto", order[2])
    models[order[2]] = Down.of("")
    with pytest.raises(BackendUnavailable, match="nobody answers"):
        say(routed(), SUM)


def test_an_error_in_an_answer_is_a_failure_too(
    routed: Made, models: dict[str, ScriptedModel]
) -> None:
    models["coder"] = ScriptedModel.of({"error": "out of memory"})  # type: ignore[arg-type]
    assert say(routed(), CODE).path[1] != "coder"


def test_told_text_is_not_taken_back(routed: Made, models: dict[str, ScriptedModel]) -> None:
    class Breaks(ScriptedModel):
        def generate(self, requests: Any, *, on_delta: Any = None, cancel: Any = None) -> Any:
            from agentkit.capabilities import Delta

            on_delta(Delta(0, "half an an"))
            raise BackendUnavailable("the line was cut")

    models["coder"] = Breaks.of("")
    told: list[str] = []
    made = routed().generate([Request.of(CODE)], on_delta=lambda d: told.append(d.text))[0]
    assert told == ["half an an"] and made.finish == "error" and made.path == ("auto", "coder")


def test_a_router_failure_never_fails_a_request(
    routed: Made, caplog: pytest.LogCaptureFixture
) -> None:
    model = routed()
    assert model.router is not None

    def broken(_: Any) -> Any:
        raise RuntimeError("no more")

    model.router.chances = broken  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        assert say(model, SUM).path[:2] == ("auto", "speller")
    assert "the router failed" in caplog.text
    assert model.route(Request.of(SUM)).reason == "router failed: RuntimeError"
    model.router.chances = lambda texts: [[float("nan")] * 3]  # type: ignore[method-assign,assignment,return-value]
    assert say(model, SUM).path[:2] == ("auto", "speller")


def test_a_router_that_takes_too_long_is_left(routed: Made) -> None:
    model = routed(budget=0.05)
    assert model.router is not None
    go = threading.Event()
    model.router.chances = lambda texts: go.wait(30)  # type: ignore[method-assign,assignment,return-value]
    assert model.route(Request.of(SUM)).reason == "router too slow"
    go.set()


def test_a_conversation_stays(routed: Made) -> None:
    model = routed()
    assert say(model, SUM).path[1] == "adder"
    later = Request.of(Message.user(SUM), Message.assistant("88"), Message.user(CODE))
    assert model.route(later).reason == "same conversation"
    assert model.generate([later])[0].path[1] == "adder"
    assert routed(sticky=False).generate([later])[0].path[1] == "coder"
    named = CallContext(conversation="c1")
    assert say(model, CODE, context=named).path[1] == "coder"
    assert say(model, SPELL, context=named).path[1] == "coder"
    node = CallContext(run="r", node="plan")  # the calls of an agent are routed one by one
    assert [say(model, t, context=node).path[1] for t in (CODE, SUM)] == ["coder", "adder"]


def test_costs_and_a_requests_own_weight(routed: Made) -> None:
    model = routed(costs={"adder": 5.0, "speller": 1.0, "coder": 1.0})
    assert say(model, SUM).path[1] == "adder"
    dear = {"lookahead": {"cost_weight": 10.0}}
    assert model.route(Request.of(SUM, extra=dear)).cost == 1.0
    with pytest.raises(UsageError, match="cost_wieght"):
        say(model, SUM, extra={"lookahead": {"cost_wieght": 1}})
    assert model.route(Request.of(SUM)).cost == 5.0


def test_the_unsure_go_to_the_default(routed: Made) -> None:
    model = routed(abstain=True)
    assert model.router is not None
    sure = model.route(Request.of(SUM))
    object.__setattr__(model.router.about, "lead", 2.0)  # more than any chance can be ahead
    assert sure.model == "adder"
    try:
        left = model.route(Request.of(SUM))
        assert (left.model, left.reason) == ("speller", "sure of none")
    finally:
        object.__setattr__(model.router.about, "lead", 0.0)


def test_exploring_is_by_chance_and_says_how_likely_it_was(routed: Made, tmp_path: Path) -> None:
    model = routed(explore=0.3, record=str(tmp_path / "record.jsonl"))
    requests = [Request.of(SUM, context=CallContext(seed=s, run="r")) for s in range(300)]
    made = model.generate(requests)
    lines = [json.loads(x) for x in (tmp_path / "record.jsonl").read_text().splitlines()]
    assert [x["model"] for x in lines] == [c.path[1] for c in made]
    others = [x for x in lines if x["model"] != "adder"]
    assert 30 <= len(others) <= 95  # 300 times 0.2, give or take
    likely = {(x["model"] == "adder", round(x["propensity"], 9)) for x in lines}
    assert likely == {(False, 0.1), (True, 0.8)}
    assert [c.path for c in routed(explore=0.3).generate(requests)] == [c.path for c in made]


def test_what_a_request_needs_decides_who_can(
    routed: Made, models: dict[str, ScriptedModel]
) -> None:
    class Plain(ScriptedModel):
        """Reads no pictures."""

    for name in ("adder", "speller"):
        models[name] = Plain.of(f"this is {name}")
        info = models[name].info
        models[name].info = type(info)(info.name, info.context)
    model = routed()
    picture = Request.of(Message.user(SUM, Image(b"x")))
    assert model.route(picture).order == ("coder",)
    assert model.route(picture).reason == "only one can"
    models["coder"].info = type(models["coder"].info)("coder", 99)
    poor = routed()
    assert poor.info.abilities == frozenset()
    with pytest.raises(Unsupported, match="no candidate has vision"):
        poor.route(picture)
    assert poor.generate([picture])[0].finish == "error"


@pytest.mark.parametrize(
    "request_",
    [
        Request.of(""),
        Request(()),
        Request.of("x" * 100_000),
        Request.of("<Model_2> [unused0] <|cls|> please"),
        Request.of(Message.user("what is", "12 plus 30", " in total?")),
        Request.of("see", Message.tool(ToolResult("1", "rain"))),
        Request((), prompt=(1, 2, 3)),
        Request((), prompt="12 plus 30 in total"),
        Request.of("\ud800 lone"),
        Request.of("漢字 🙂 \x00"),
    ],
    ids=str,
)
def test_any_request_is_decided(routed: Made, request_: Request) -> None:
    decision = routed(context=300_000).route(request_)
    assert decision.model in NAMES and decision.reason == "foreseen"


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"candidates": []}, "at least 1"),
        ({"candidates": ["adder", "adder"]}, "there twice"),
        ({"candidates": ["adder", "nobody"]}, "no model 'nobody'"),
        ({"candidates": ["adder", "speller"]}, "also trained for coder"),
        ({"default": "small"}, "is no candidate"),
        ({"checkpoint": "nowhere"}, "no router"),
        ({"budget": 0}, "greater than 0"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_asked(
    routed: Made, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(Exception, match=said) as error:
        routed(**settings)
    assert isinstance(error.value, ConfigError) or "no router" in said


def test_one_candidate_and_no_router(routed: Made) -> None:
    assert say(routed(candidates=["speller"], subset=True), SUM).path[:2] == ("auto", "speller")
    model = routed(checkpoint=None)
    assert model.route(Request.of(SUM)).reason == "no router"
    assert say(model, SUM).path[:2] == ("auto", "speller")


def test_many_at_once(routed: Made) -> None:
    model, found = routed(), []

    def ask(number: int) -> None:
        text = (SUM, SPELL, CODE)[number % 3]
        told: list[str] = []
        made = model.generate([Request.of(text)], on_delta=lambda d: told.append(d.text))[0]
        found.append((number % 3, made.path[1], "".join(told) == made.text))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    right = ("adder", "speller", "coder")
    assert sorted(found) == sorted((n % 3, right[n % 3], True) for n in range(32))


def test_a_candidate_that_has_changed_is_named(
    checkpoint: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The router keeps what each candidate was; another model under the name is told of."""
    from dataclasses import replace

    from agentkit_lookahead.identity import identity
    from agentkit_lookahead.router import Router

    def kit(answer: str) -> Kit:
        made = Kit(Host.load({}), Settings())
        for name in NAMES:
            made.define("model", name, use="scripted", answers=[answer])
        made.define(
            "model",
            "auto",
            use="lookahead",
            candidates=list(NAMES),
            checkpoint=str(tmp_path / "router"),
        )
        return made

    first = kit("yes")
    router = Router.load(checkpoint)
    router.about = replace(router.about, identities={n: identity(first, n) for n in NAMES})
    router.save(tmp_path / "router")
    with caplog.at_level(logging.WARNING):
        first.model("auto")
        assert "changed" not in caplog.text
        kit("no").model("auto")
    assert "models.coder has changed since the router was trained" in caplog.text
