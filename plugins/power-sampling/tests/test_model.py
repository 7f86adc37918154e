"""The part: what it refuses, what it counts, and that a batch changes nothing."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import agentkit
from agentkit.capabilities import (
    Answers,
    CallContext,
    Cancel,
    Delta,
    Draw,
    Grammar,
    Grammars,
    ModelInfo,
    Request,
    Tokens,
    ToolSpec,
)
from agentkit.errors import ConfigError, GrammarDeadEnd, UsageError
from agentkit.kit import Kit
from agentkit.testing.tiny import tiny_model_folder
from agentkit_power_sampling import mh
from agentkit_power_sampling.batch import Ask, Stopped, advance, roots
from agentkit_power_sampling.methods import Job, draw
from agentkit_power_sampling.model import INEXACT, PowerSampled
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.table import TableTokens


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    with agentkit.load(environ={}) as made:
        folder = tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model")
        made.define("model", "base", use="transformers", model=str(folder), dtype="fp32")
        made.define("model", "sharp", use="power-sampling", base="base", block=8, steps=2)
        yield made


@pytest.fixture(scope="module")
def sharp(kit: Kit) -> PowerSampled:
    made = kit.model("sharp")
    assert isinstance(made, PowerSampled)
    return made


def own(**settings: Any) -> dict[str, Any]:
    return {"power-sampling": settings}


def asked(text: str = "Say it.", **settings: Any) -> Request:
    return Request.of(text, **{"max_tokens": 16, **settings})


@pytest.mark.parametrize("field", INEXACT)
def test_what_would_change_the_target_is_refused_by_name(sharp: PowerSampled, field: str) -> None:
    with pytest.raises(UsageError, match=field):
        sharp.generate([asked(extra=own(**{field: 0.5}))])
    with pytest.raises(UsageError, match="top_p"):
        sharp.generate([asked(top_p=0.9)])


@pytest.mark.parametrize(
    ("field", "value"),
    [("alpha", 0.9), ("alpha", float("nan")), ("steps", -1), ("block", 0), ("budget_tokens", 0),
     ("method", "guess"), ("alhpa", 4)],
)  # fmt: skip
def test_settings_in_a_request_are_checked(sharp: PowerSampled, field: str, value: object) -> None:
    with pytest.raises(UsageError, match=field):
        sharp.generate([asked(extra=own(**{field: value}))])


def test_what_it_cannot_do_fails_that_request_alone(sharp: PowerSampled) -> None:
    good, bad = sharp.generate([asked(), asked(logprobs=1)])
    assert bad.finish == "error" and "logprobs" in bad.error
    assert good.text == sharp.generate([asked()])[0].text != ""


LOOK = ToolSpec("look", "looks", {"type": "object", "properties": {"far": {"type": "boolean"}}})


@pytest.mark.parametrize(
    ("field", "given"),
    [("tools", {"tools": (LOOK,)}), ("grammar", {"grammar": Grammar("regex", "yes|no")})],
)
def test_a_base_without_grammars_cannot_be_bound(field: str, given: dict[str, Any]) -> None:
    """A table has nothing but tokens."""

    class Bare:
        info = ModelInfo("bare", 64, frozenset({"tokens"}))

        def generate(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

        def ability(self, kind: type) -> Any:
            return TableTokens.seeded(1)

    with agentkit.load(environ={}) as kit:
        kit.add("model", "bare", Bare())
        kit.define("model", "part", use="power-sampling", base="bare", block=4, steps=2)
        made = kit.model("part").generate([asked("1", **given), asked("1")])
    assert made[0].finish == "error" and field in made[0].error and "bare" in made[0].error
    assert made[1].finish in ("stop", "length") and made[1].text
    assert set(made[1].text) <= set("123")  # the end token, 0, is no text


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mh", "smc"])
def test_under_a_grammar_the_target_is_that_of_the_masked_model(kit: Kit, method: str) -> None:
    """All 24 words that match are scored under the mask; draws have the share p^alpha gives."""
    grammar = Grammar("regex", "[abc](x|yy|[pq]z)?[12]")
    words = [a + b + c for a in "abc" for b in ("", "x", "yy", "pz", "qz") for c in "12"]
    base = kit.model("base")
    tokens, answers = base.ability(Tokens), base.ability(Answers)
    prompt = tokens.render(asked())
    targets = [tokens.encode(word) for word in words]
    drawn = [Draw(grammar=grammar)] * len(words)
    logp = [float(s.logp.sum()) for s in tokens.score([prompt] * len(words), targets, drawn)]
    assert sum(map(math.exp, logp)) == pytest.approx(1, abs=1e-4)
    alpha, count = 3.0, 200
    mass = [math.exp(alpha * one) for one in logp]
    power = {word: one / sum(mass) for word, one in zip(words, mass)}
    settings = Sampling.model_validate(
        {"method": method, "alpha": alpha, "block": 8, "steps": 12, "particles": 24, "every": 1}
    )
    jobs = [replace(Job.of(prompt, 8, settings, n), grammar=grammar) for n in range(count)]
    found = Counter(answers.text(made.sample.ids) for made in draw(tokens, jobs))
    assert set(found) <= set(words)
    assert sum(abs(found[word] / count - power[word]) for word in words) / 2 < 0.1


@pytest.mark.slow
def test_grammars_and_tools_in_requests(kit: Kit, sharp: PowerSampled) -> None:
    assert "grammar" in sharp.info.abilities
    sharp.ability(Grammars).check_grammar(Grammar("regex", "yes|no"))
    with pytest.raises(GrammarDeadEnd):
        sharp.check_grammar(Grammar("json", {"type": "integer", "minimum": 5, "maximum": 3}))
    made = sharp.generate([asked(grammar=Grammar("regex", "yes|no"), n=2)])[0]
    assert {made.text, made.others[0].text} <= {"yes", "no"} and made.finish == "stop"
    # Tools and a grammar: the answer is one or the other.
    told: list[Delta] = []
    bound = {"grammar": Grammar("regex", "<[w-z]"), "tools": (LOOK,), "extra": own(alpha=1)}
    seeds = [CallContext(seed=seed) for seed in range(12)]
    calls = sharp.generate(
        [asked(**bound, context=seed, max_tokens=200) for seed in seeds], on_delta=told.append
    )
    called = [made for made in calls if made.tool_calls]
    assert called, "no seed chose a call"
    for made in called:
        assert made.finish == "tool_calls" and made.tool_calls[0].name == "look" and not made.text
    assert all(re.fullmatch("<[w-z]", made.text) for made in calls if made.finish == "stop")
    assert not told  # text beside calls is not shown before it is whole


def test_a_base_without_tokens_is_refused_when_the_kit_is_checked() -> None:
    with agentkit.load(environ={}) as made:
        made.define("model", "said", use="scripted", answers=["yes"])
        made.define("model", "part", use="power-sampling", base="said")
        with pytest.raises(ConfigError, match="tokens"):
            made.model("part")


def test_a_horizon_ends_where_the_context_does(sharp: PowerSampled) -> None:
    wide = asked(max_tokens=4, extra=own(horizon=5000, method="low_temp"))
    (made,) = sharp.draw([wide])
    assert made.sample.ended or len(made.sample.seq.ids) == sharp.info.context
    assert len(sharp.generate([wide])[0].ids) == 4


def test_a_request_has_the_last_word(sharp: PowerSampled) -> None:
    plain, more, none = sharp.generate(
        [asked(), asked(extra=own(steps=6)), asked(extra=own(steps=0, method="mh"))]
    )
    assert none.usage.spent == none.usage.completion <= 16
    assert none.usage.spent < plain.usage.spent < more.usage.spent
    assert plain.path == ("sharp", "base")
    seeded, same = sharp.generate([asked(extra=own(seed=3)), asked(context=CallContext(seed=3))])
    assert seeded.ids == same.ids != plain.ids
    (nearer,) = sharp.generate([asked(extra={**own(steps=6), "sharp": {"steps": 0}})])
    assert nearer.ids == none.ids


@pytest.mark.parametrize(
    "method", ["mh", "smc", "rollout", "low_temp", "best_of_n", "self_consistency", "beam"]
)
def test_every_method_answers(sharp: PowerSampled, method: str) -> None:
    small = own(method=method, particles=4, every=4, candidates=2, rollouts=2, lookahead=4, n=3)
    told: list[Delta] = []
    request = asked(extra=small, n=2, context=CallContext(seed=3))
    (made,) = sharp.generate([request], on_delta=told.append)
    (drawn,) = sharp.draw([request])
    assert made.finish in ("stop", "length") and made.ids == drawn.sample.ids
    assert made.usage.spent == drawn.spent >= len(made.ids)
    assert "".join(delta.text for delta in told) == made.text
    assert len(made.others) == 1 and made.others[0].ids != made.ids


@pytest.mark.parametrize(
    "settings",
    [{"method": "low_temp", "every": 3}, {"window": 1, "block": 4, "steps": 2, "alpha": 1.2},
     {"method": "rollout", "block": 4, "candidates": 2, "rollouts": 1, "lookahead": 4}],
    ids=str,
)  # fmt: skip
def test_text_is_told_while_the_rest_is_drawn(
    kit: Kit, sharp: PowerSampled, settings: dict[str, Any]
) -> None:
    """Deltas come between calls to the base, and together are the text, up to a stop string."""
    base: Any = sharp._tokens
    events: list[str] = []

    class Watched:
        """The base's tokens; notes when it is asked for more."""

        def __getattr__(self, name: str) -> Any:
            if name == "extend":
                events.append("")
            return getattr(base, name)

    request = asked(extra=own(**settings))
    watched = PowerSampled.__new__(PowerSampled)
    for name, value in vars(sharp).items():
        setattr(watched, name, value)
    watched._tokens = Watched()  # type: ignore[assignment]
    (made,) = watched.generate([request], on_delta=lambda delta: events.append(delta.text))
    assert "".join(events) == made.text
    first = next(n for n, text in enumerate(events) if text)
    assert "" in events[first:], "all text came at the end"
    stop = made.text[5:7]
    told: list[str] = []
    cut = replace(request, stop=(stop,))
    (short,) = sharp.generate([cut], on_delta=lambda delta: told.append(delta.text))
    assert "".join(told) == short.text == made.text[: made.text.index(stop)]
    assert short.finish == "stop"


def test_cancelled_in_the_middle_it_says_what_was_spent(sharp: PowerSampled) -> None:
    base: Any = sharp._tokens
    cancel = Cancel()

    class Slow:
        """The base's tokens; somebody cancels at the third call."""

        calls = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(base, name)

        def extend(self, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == 3:
                cancel.set()
            return base.extend(*args, **kwargs)

    job = Job.of(base.render(asked()), 16, Sampling(block=8, steps=9))
    with pytest.raises(Stopped):
        draw(Slow(), [job], cancel=cancel)  # type: ignore[arg-type]
    assert 8 <= job.meter.spent < 40


def test_both_forms_of_the_ratio_agree_on_a_model(kit: Kit) -> None:
    _forms_agree(kit.model("base").ability(Tokens), 24)


def _forms_agree(tokens: Tokens, length: int) -> None:
    settings = Sampling()
    (root,) = roots(tokens, [tokens.encode("The sea is")])
    asks = [Ask(root, 0, length, seed, settings.tau) for seed in range(4)]
    made = advance(tokens, asks)
    for x, y in zip(made, made[1:] + made[:1]):
        collapsed = mh.collapsed(x, y, 0, settings)
        assert collapsed == pytest.approx(mh.four_sums(x, y, 0, settings), abs=1e-4)


def _batch_changes_nothing(kit: Kit, base: str, settings: Sampling, size: int) -> None:
    """The same seed gives the same tokens alone, among others, and without shared keys."""
    tokens = kit.model(base).ability(Tokens)
    texts = ("Name a river.", "Count to three.", "What is rain?", "Say hello.")

    def jobs() -> list[Job]:
        prompts = [tokens.render(Request.of(texts[n % len(texts)])) for n in range(size)]
        return [Job.of(prompt, 16, settings, n // len(texts)) for n, prompt in enumerate(prompts)]

    together = [made.sample.ids for made in draw(tokens, jobs())]
    for number in (0, size - 1):
        assert draw(tokens, [jobs()[number]])[0].sample.ids == together[number]
    assert draw(tokens, [jobs()[1]], reuse=False)[0].sample.ids == together[1]
    assert len(set(together)) > size // 2


def test_a_batch_changes_nothing(kit: Kit) -> None:
    _batch_changes_nothing(kit, "base", Sampling(block=8, steps=3, alpha=1.5), 8)


@pytest.mark.slow
def test_on_a_real_model() -> None:
    with agentkit.load(environ={}) as kit:
        kit.define("model", "real", use="transformers", model="smollm2-135m", dtype="fp32")
        kit.define("model", "sharp", use="power-sampling", base="real", block=8, steps=2, alpha=2)
        _batch_changes_nothing(kit, "real", Sampling(block=8, steps=2, alpha=1.5), 8)
        _forms_agree(kit.model("real").ability(Tokens), 16)
        request = Request.of("Name three colours.", max_tokens=16)  # its template has end tokens
        batch = kit.model("sharp").generate([request] * 8)
        alone = kit.model("sharp").generate([request])[0]
        assert alone.text and {made.text for made in batch} == {alone.text}
        assert alone.usage.spent > alone.usage.completion
