"""Likelihoods of labels behind a cached prefix, generated answers, and followers that are down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from agentkit.capabilities import (
    Completion,
    Continuation,
    Continuations,
    Draw,
    Message,
    ModelInfo,
    Outcome,
    Request,
    Tokens,
    Usage,
)
from agentkit.errors import BackendUnavailable, ContextOverflow, Unsupported
from agentkit.kit import Kit
from agentkit.testing.fakes import ScriptedModel
from agentkit_prompt_mii.examples import Row
from agentkit_prompt_mii.follower import Follower, agreement, end_token
from agentkit_prompt_mii.scoring import INVALID
from agentkit_prompt_mii.template import follower_prompt

LABELS = ("no", "not", "nothing", 'yes, "quoted"\n', "🙂")  # two begin like others
INSTRUCTION = "Say what it is. A question of more than three words is nothing."
TEXTS = ("Is it raining?", "short", "Ein längerer Satz mit {braces} und <|im_end|>")


def naive(kit: Kit, prompts: Sequence[str], labels: Sequence[str]) -> list[list[float]]:
    """Each whole sequence read by itself through the kit's exact engine."""
    tokens = kit.model("tiny").ability(Tokens)
    end = end_token(kit.model("tiny"), tokens)
    made = []
    for prompt in prompts:
        ids = tokens.render(Request((Message.user(prompt),)))
        row = []
        for label in labels:
            (span,) = tokens.score([ids], [(*tokens.encode(label), end)], [Draw()])
            row.append(float(span.logp.sum()))
        made.append(row)
    return made


def test_likelihoods_are_those_of_whole_sequences_with_and_without_the_prefix(kit: Kit) -> None:
    prompts = [follower_prompt(INSTRUCTION, LABELS, text) for text in TEXTS]
    expected = naive(kit, prompts, LABELS)
    for cached in (True, False):
        follower = Follower(kit.model("tiny"), cached=cached)
        found = follower.log_likelihoods(prompts, LABELS)
        for row, truth in zip(found, expected, strict=True):
            assert row == pytest.approx(truth, abs=1e-4)
        said = follower.answers(INSTRUCTION, LABELS, TEXTS).said
        best = [max(range(len(LABELS)), key=lambda n: row[n]) for row in expected]
        assert list(said) == [LABELS[n] for n in best]


def test_the_prefix_is_read_once(kit: Kit) -> None:
    texts = [f"text {n}" for n in range(6)]
    short, long = (Follower(kit.model("tiny"), cached=cached) for cached in (True, False))
    one = short.answers(INSTRUCTION * 4, LABELS, texts)
    other = long.answers(INSTRUCTION * 4, LABELS, texts)
    assert one.said == other.said and one.tokens < other.tokens / 2


def test_length_is_a_named_option(kit: Kit) -> None:
    prompts = [follower_prompt("x", LABELS, "y")]
    tokens = kit.model("tiny").ability(Tokens)
    (total,) = Follower(kit.model("tiny")).log_likelihoods(prompts, LABELS)
    (mean,) = Follower(kit.model("tiny"), length="mean").log_likelihoods(prompts, LABELS)
    sizes = [len(tokens.encode(label)) + 1 for label in LABELS]
    assert mean == pytest.approx([t / n for t, n in zip(total, sizes)])


def test_nothing_is_asked_twice(kit: Kit) -> None:
    follower = Follower(kit.model("tiny"))
    first = follower.answers("x", ("a", "b"), ["one", "two", "one"])
    assert follower.calls == 2 and first.tokens > 0 and len(first.said) == 3
    again = follower.answers("x", ("a", "b"), ["two", "one"])
    assert follower.calls == 2 and again.tokens == 0
    shown = follower.answers("x", ("a", "b"), ["one"], [Row("t", "a")])
    assert follower.calls == 3 and shown.prompt > first.prompt


def test_generated_answers_are_read_and_invalid_ones_counted() -> None:
    model = ScriptedModel.of("a", "Label: b", "maybe a")
    found = Follower(model, scoring="generation").answers("x", ("a", "b"), ["1", "2", "3"])
    assert found.said == ("a", "b", INVALID) and found.invalid == pytest.approx(1 / 3)
    assert agreement(found.said, ("a", "a", INVALID)) == pytest.approx(2 / 3)


def fails(*_: Any) -> Completion:
    return Completion("", "error", error="it is down")


def times_out(_: Request) -> str:
    raise TimeoutError("60 s without a byte")


@pytest.mark.parametrize(
    ("answer", "words"),
    [(fails, "it is down"), (times_out, "60 s"), (lambda _: "  ", "an answer was empty")],
)
def test_a_follower_that_is_down_is_an_error_and_never_a_score(answer: Any, words: str) -> None:
    follower = Follower(ScriptedModel.of(answer), scoring="generation", retries=2)
    with pytest.raises(BackendUnavailable, match=words) as found:
        follower.answers("x", ("a", "b"), ["1", "2"])
    assert "nothing was scored" in found.value.hint and follower.retried == 4
    assert follower.calls == 0


def test_one_answer_that_is_missing_fails_the_batch() -> None:
    def answer(request: Request) -> str | Completion:
        return fails() if '"2"' in request.messages[-1].text else "a"

    follower = Follower(ScriptedModel.of(answer), scoring="generation", retries=1)
    with pytest.raises(BackendUnavailable, match="1 of 3 answers are missing"):
        follower.answers("x", ("a", "b"), ["1", "2", "3"])


def test_what_failed_once_is_asked_again_and_counted() -> None:
    asked: list[int] = []

    def answer(request: Request) -> Completion:
        asked.append(1)
        return fails() if len(asked) == 1 else Completion("a", usage=Usage(3, 1, 1))

    found = Follower(ScriptedModel.of(answer), scoring="generation").answers("x", ("a", "b"), ["1"])
    assert found.said == ("a",) and found.retried == 1


def test_likelihoods_that_are_no_numbers_are_an_error(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(kit.model("tiny"))
    monkeypatch.setattr(follower, "log_likelihoods", lambda *_: [[0.0, math.nan]])
    with pytest.raises(BackendUnavailable, match="no number"):
        follower.answers("x", ("a", "b"), ["1"])


def test_a_model_that_cannot_score_says_so() -> None:
    with pytest.raises(Unsupported, match="neither 'tokens' nor 'continuations'"):
        Follower(ScriptedModel.of("a")).answers("x", ("a", "b"), ["1"])


def test_the_reward_is_what_the_follower_reaches_less_the_price(kit: Kit) -> None:
    def answer(request: Request) -> str:
        text = request.messages[-1].text
        return "b" if "cold" in text.partition("Input:")[2] and "Cold is b" in text else "a"

    with pytest.MonkeyPatch.context():
        kit.add("model", "answers", ScriptedModel.of(answer))
        kit.define("reward", "f1", use="prompt-mii", follower="answers", scoring="generation")
    part = kit.part("reward", "f1")
    task = {"labels": ["a", "b"], "rows": [("cold day", "b"), ("hot day", "a"), ("cold", "b")]}
    right = part.score(Outcome(task, "Cold is b."))
    wrong = part.score(Outcome(task, "Who knows."))
    assert right.parts["macro_f1"] == 1 and 0.99 < right.value < 1
    assert wrong.parts["macro_f1"] == pytest.approx(0.25) and wrong.value < 0.25
    assert part.score(Outcome(task, "See http://x.y")).value == 0
    renamed = {"labels": ["b", "a"], "rows": task["rows"]}
    assert part.score(Outcome(renamed, "Cold is b.")) == right


def test_what_does_not_fit_the_context_is_refused_before_any_work(kit: Kit) -> None:
    follower = Follower(kit.model("tiny"))
    with pytest.raises(ContextOverflow, match="do not fit a context of 2048"):
        follower.answers("word " * 600, ("a", "b"), ["1"])
    assert follower.tokens == 0


class Remote:
    """Of an endpoint with `continuations`: what it tells is worked out by the kit's own engine."""

    top_logprobs = 1

    def __init__(self, kit: Kit) -> None:
        self.info = ModelInfo("remote", 2048, frozenset({"continuations"}))
        self._tokens = kit.model("tiny").ability(Tokens)
        self.render, self.encode = self._tokens.render, self._tokens.encode
        self.decode = self._tokens.decode

    def generate(self, requests: Sequence[Request], **_: Any) -> list[Completion]:
        raise NotImplementedError

    def ability(self, kind: type) -> Any:
        assert kind is Continuations
        return self

    def continued(self, *_: Any, **__: Any) -> list[Continuation]:
        raise NotImplementedError

    def whole(self, prompt: Sequence[int], target: Sequence[int]) -> Continuation:
        (span,) = self._tokens.score([prompt], [target], [Draw()])
        return Continuation(tuple(target), tuple(map(float, span.logp)), (), 0)


def test_an_endpoint_that_tells_likelihoods_is_scored_by_them(kit: Kit) -> None:
    prompts = [follower_prompt("x", LABELS, text) for text in TEXTS]
    found = Follower(Remote(kit)).log_likelihoods(prompts, LABELS)
    for row, truth in zip(found, naive(kit, prompts, LABELS), strict=True):
        assert row == pytest.approx(truth, abs=1e-5)
