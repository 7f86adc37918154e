"""Over HTTP: bounds that hold, decisions that are certified or flagged, and what is refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import agentkit
from agentkit.capabilities import Cancel, Continuations, Draw, Grammar, Request, Seq, Span, Tokens
from agentkit.errors import (
    BackendUnavailable,
    ConfigError,
    ContextOverflow,
    Unsupported,
    UsageError,
)
from agentkit.kit import Kit
from agentkit_power_sampling.batch import Stopped
from agentkit_power_sampling.bounds import Bounded, bounds
from agentkit_power_sampling.methods import Job, draw
from agentkit_power_sampling.model import PowerSampled
from agentkit_power_sampling.remote import RemoteTokens
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.table import TableTokens

pytestmark = pytest.mark.slow


def kit_on(url: str, **settings: Any) -> Kit:
    """A kit whose `far` is behind the server, and `sharp` over it."""
    kit = agentkit.load(environ={})
    end = {"retries": 0, "backoff": 0.0, "max_logprobs": 20, "token_ids": True}
    far = {key: settings.pop(key) for key in list(settings) if key in end}
    kit.define("model", "far", use="openai", base_url=url, model="tiny", **{**end, **far})
    own = {"block": 6, "steps": 3, "alpha": 2.0, **settings}
    kit.define("model", "sharp", use="power-sampling", base="far", **own)
    return kit


@pytest.mark.parametrize("exponent", [1.0, 1.25, 2.0, 4.0, 16.0])
def test_the_bounds_hold(exponent: float) -> None:
    """On random distributions, flat and peaked, with the drawn token among the known or not."""
    noise = np.random.default_rng(0)
    for spread in (0.1, 1.0, 4.0):
        logits = noise.normal(0, spread, 300)
        logp = logits - np.log(np.exp(logits).sum())
        ranked = np.sort(logp)[::-1]
        exact = math.log(np.exp(exponent * logp).sum())
        for count in (1, 5, 20, 300):
            for extra in ([], [float(ranked[-1])] if count < 300 else []):
                low, slack = bounds([*ranked[:count].tolist(), *extra], exponent, count)
                assert low <= exact + 1e-12 and exact <= low + slack + 1e-12
                if count == 300 or exponent == 1:
                    assert slack < 1e-9
    with pytest.raises(ValueError, match=r"0\.5"):
        bounds([-1.0], 0.5, 1)


def test_the_sheets_figure() -> None:
    """1/rank tails at alpha 4, 20 of 50,000 tokens: true error 4e-5, bound below 1e-3."""
    p = 1 / np.arange(1, 50_001)
    logp = np.log(p / p.sum())
    low, slack = bounds(logp[:20].tolist(), 4.0, 20)
    assert 0 < math.log(np.exp(4 * logp).sum()) - low < 1e-4
    assert slack < 1e-3


def test_numbers_over_http_are_those_of_the_model(local: Kit, server: Any) -> None:
    here = local.model("tiny").ability(Tokens)
    with kit_on(server.url) as kit:
        far = RemoteTokens(kit.model("far").ability(Continuations), "far")
        prompt = here.render(Request.of("Hello"))
        assert far.render(Request.of("Hello")) == prompt
        assert far.decode(far.encode("grün")) == "grün"
        seqs = far.open([prompt, prompt])
        draws = [Draw(seed=n, temperature=0.5) for n in range(2)]
        for seq, draw, span in zip(seqs, draws, far.extend(seqs, [9, 4], draws)):
            (exact,) = here.score([prompt], [span.ids.tolist()], [draw])
            np.testing.assert_allclose(span.logp, exact.logp, atol=1e-4)
            slack = span.slack  # type: ignore[attr-defined]
            assert (span.logz <= exact.logz + 1e-4).all()
            assert (exact.logz <= span.logz + slack + 1e-4).all() and slack.max() > 0
            whole = far.refine(seq, len(prompt), draw)
            assert whole is not None
            np.testing.assert_allclose(whole.logz, exact.logz, atol=1e-4)
            assert whole.slack.max() < 1e-6  # type: ignore[attr-defined]
        assert len(server.seen[-1]) and server.seen[-1]["top_k"] == -1
        with pytest.raises(UsageError, match="temperature"):
            far.extend(far.open([prompt]), 2, [Draw(temperature=1.5)])


def test_an_answer_over_http(server: Any) -> None:
    with kit_on(server.url) as kit:
        told: list[str] = []
        request = Request.of("Say it.", max_tokens=12)
        sharp = kit.model("sharp")
        (made,) = sharp.generate([request], on_delta=lambda delta: told.append(delta.text))
        assert made.finish in ("stop", "length") and "".join(told) == made.text != ""
        assert made.usage.spent > len(made.ids) and made.path == ("sharp", "far")
        stop = made.text[2:4]
        (cut,) = sharp.generate([Request.of("Say it.", max_tokens=12, stop=(stop,))])
        assert cut.text == made.text[: made.text.index(stop)] and cut.finish == "stop"
        (bound,) = sharp.generate([Request.of("x", grammar=Grammar("regex", "yes|no"))])
        assert bound.finish == "error" and "grammar" in bound.error
        cancel = Cancel()
        cancel.set()
        assert sharp.generate([request], cancel=cancel)[0].finish == "cancelled"


@pytest.mark.parametrize("method", ["smc", "best_of_n", "beam", "rollout"])
def test_the_other_methods_say_how_sure_they_are(server: Any, method: str) -> None:
    small = {"particles": 4, "every": 4, "candidates": 2, "rollouts": 1, "lookahead": 4, "n": 3}
    with kit_on(server.url, method=method, max_logprobs=3, **small) as kit:
        sharp = kit.model("sharp")
        assert isinstance(sharp, PowerSampled)
        (made,) = sharp.draw([Request.of("Say it.", max_tokens=8)])
        drawn_sharp = method in ("smc", "rollout")
        assert (made.diagnostics.slack > 0) == drawn_sharp  # at temperature 1 log Z is known


class Partial(TableTokens):
    """A table that tells two tokens a place, and all when asked."""

    asked = 0

    def extend(self, seqs: Any, *arguments: Any, **more: Any) -> list[Span]:
        before = [tuple(seq.ids[seq.prompt :]) for seq in seqs]
        draws: Sequence[Draw] = arguments[1]
        spans = super().extend(seqs, *arguments, **more)
        return [self._told(b, span, d.temperature) for b, span, d in zip(before, spans, draws)]

    def _told(self, before: tuple[int, ...], span: Span, temperature: float) -> Span:
        low, slack = np.zeros(len(span.ids)), np.zeros(len(span.ids))
        for n in range(len(span.ids)):
            row = self.logp[self._state((*before, *span.ids[:n].tolist()))]
            known = {*np.argsort(-row)[:2].tolist(), int(span.ids[n])}
            low[n], slack[n] = bounds([float(row[v]) for v in known], 1 / temperature, 2)
        logq = span.logp / temperature - low
        return Bounded(span.ids, span.logp, low, logq, span.version, span.finish, slack)

    def refine(self, seq: Seq, prompt: int, draw: Draw) -> Span:
        self.asked += 1
        return self.score([seq.ids[:prompt]], [seq.ids[prompt:]], [draw])[0]


def test_certified_decisions_are_the_exact_ones() -> None:
    """Chain by chain the same answers as with all numbers, though most were never asked for."""
    whole = TableTokens.seeded(5, tokens=6, spread=1.5)
    partial = Partial(whole.logp, whole.end)
    settings = Sampling(alpha=3.0, block=6, steps=10)
    exact, told = (
        draw(table, [Job.of([1], 6, settings, seed) for seed in range(100)])
        for table in (whole, partial)
    )
    assert [one.sample.ids for one in exact] == [one.sample.ids for one in told]
    assert all(one.diagnostics.certified for one in told)
    assert 0 < partial.asked < 100 * 10  # two a decision


@pytest.mark.slow
@pytest.mark.parametrize(("certify", "whole"), [("full", True), ("full", False), ("flag", True)])
def test_open_decisions_are_settled_or_flagged(
    server: Any, certify: str, whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """With two of 260 probabilities nearly every decision is open. Whole vocabularies settle them;
    where they cannot be had, or shall not, the answer says that it is not certified."""
    server.whole = whole
    requests = [Request.of(f"Say {n}.", max_tokens=12) for n in range(4)]
    with kit_on(server.url, max_logprobs=2, certify=certify) as kit:
        sharp = kit.model("sharp")
        assert isinstance(sharp, PowerSampled)
        known = [made.diagnostics for made in sharp.draw(requests)]
        asked = sum("prompt_logprobs" in one for one in server.seen)
        if certify == "full" and whole:
            assert all(one.certified for one in known) and asked > 2
        else:
            assert not all(one.certified for one in known) and max(o.slack for o in known) > 0.1
            assert asked == 0 if certify == "flag" else 1 <= asked <= 8  # until one was refused
        with caplog.at_level(logging.WARNING):
            sharp.generate(requests)
        assert ("max_logprobs" in caplog.text) != (certify == "full" and whole)


def test_many_requests_do_not_wait_for_each_other(server: Any) -> None:
    """In threads of their own they get what they get in rounds; a fault of one ends all."""
    with kit_on(server.url) as kit:
        tokens = RemoteTokens(kit.model("far").ability(Continuations), "far")
        settings = Sampling(alpha=2.0, block=4, steps=2)
        prompts = [tokens.encode(text) for text in ("One", "Two", "Three", "Four")]
        jobs = [Job.of(prompt, 8, settings, n) for n, prompt in enumerate(prompts)]
        apart, rounds = (draw(tokens, jobs, apart=apart) for apart in (True, False))
        assert [one.sample.ids for one in apart] == [one.sample.ids for one in rounds]
        cancel = Cancel()
        cancel.set()
        with pytest.raises(Stopped):
            draw(tokens, jobs, apart=True, cancel=cancel)
        server.mode = "chat only"
        with pytest.raises(BackendUnavailable, match="404"):
            draw(tokens, jobs, apart=True)


def test_a_full_context_is_refined_as_little_as_it_must() -> None:
    """An endpoint answers a prompt with at least one token, for which there may be no room; that
    says nothing about the next answer. Played, for no small model has such a context here."""
    asked = []

    class Far:
        def whole(self, prompt: Any, target: Any) -> Any:
            asked.append(len(target))
            if len(target) > 3:
                raise ContextOverflow("too long")
            raise Unsupported("no")

    tokens = RemoteTokens(Far(), "far")  # type: ignore[arg-type]
    for length in (4, 4, 3, 4):
        (seq,) = tokens.open([range(1, length + 2)])
        assert tokens.refine(seq, 1, Draw()) is None
    assert asked == [4, 4, 3]  # after a plain no it is not asked again


def test_with_all_probabilities_nothing_is_open(server: Any) -> None:
    with kit_on(server.url, max_logprobs=260, certify="flag") as kit:
        sharp = kit.model("sharp")
        assert isinstance(sharp, PowerSampled)
        (made,) = sharp.draw([Request.of("Say it.", max_tokens=12)])
        assert made.diagnostics.certified and made.diagnostics.slack < 1e-6


@pytest.mark.parametrize(
    ("mode", "said"),
    [("no logprobs", "no log-probabilities"), ("processed", "raw_logprobs"), ("chat only", "404")],
)
def test_a_server_that_tells_too_little_is_found_at_the_start(
    server: Any, mode: str, said: str
) -> None:
    server.mode = mode
    with kit_on(server.url) as kit, pytest.raises(BackendUnavailable, match=said):
        kit.model("sharp")


def test_a_server_that_is_not_there_or_goes_away(server: Any) -> None:
    with kit_on("http://127.0.0.1:9/v1") as kit, pytest.raises(BackendUnavailable, match="curl"):
        kit.model("sharp")
    with kit_on(server.url) as kit:
        sharp = kit.model("sharp")
        server.mode = "chat only"
        with pytest.raises(BackendUnavailable, match="404"):
            sharp.generate([Request.of("Say it.", max_tokens=12)])


def test_an_endpoint_is_asked_only_where_its_settings_say_so(server: Any) -> None:
    with kit_on(server.url, token_ids=False) as kit, pytest.raises(Unsupported, match="token_ids"):
        kit.model("sharp")
    with agentkit.load(environ={}) as kit:
        kit.define("model", "said", use="scripted", answers=["yes"])
        kit.define("model", "sharp", use="power-sampling", base="said")
        with pytest.raises(ConfigError, match="tokens"):
            kit.model("sharp")
