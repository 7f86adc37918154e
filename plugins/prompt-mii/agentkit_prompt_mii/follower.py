"""The follower: a frozen model that answers with an instruction, by likelihood or by generating."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentkit.capabilities import (
    CallContext,
    Completion,
    Continuations,
    Draw,
    LanguageModel,
    Message,
    Request,
    Tokens,
    Weights,
)
from agentkit.errors import BackendUnavailable, ContextOverflow, Unsupported, UsageError
from agentkit_prompt_mii.cached import PrefixScorer
from agentkit_prompt_mii.examples import Row, normalised
from agentkit_prompt_mii.scoring import INVALID
from agentkit_prompt_mii.template import follower_prompt

Scoring = Literal["likelihood", "generation"]
Length = Literal["sum", "mean"]


@dataclass(frozen=True, slots=True)
class Answers:
    """said: a label a row, or `<invalid>`. scores: by likelihood, per row {label: log-likelihood}.
    tokens: that the follower read and wrote. prompt: tokens of the prompt before the input.
    retried: calls that had to be made again."""

    said: tuple[str, ...]
    tokens: int
    prompt: int
    scores: tuple[Mapping[str, float], ...] = ()
    retried: int = 0

    @property
    def invalid(self) -> float:
        return sum(s == INVALID for s in self.said) / len(self.said)


class Follower:
    """A model of the kit in the follower's role.

    Answers are kept by (prompt, text), so that nothing is asked twice.

    Args:
        length: "sum" is the label's log-likelihood, end token included; "mean" divides it by its
            tokens, which favours long labels less than "sum" favours short ones.
        retries: after a call that failed or answered nothing.
        cached: whether the shared beginning is read once, where the weights are in this process.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        scoring: Scoring = "likelihood",
        length: Length = "sum",
        retries: int = 1,
        cached: bool = True,
    ) -> None:
        self.model, self.scoring, self._length = model, scoring, length
        self._retries, self._cached = retries, cached
        self.calls = self.tokens = self.retried = 0
        self._kept: dict[tuple[str, str], tuple[str, Mapping[str, float]]] = {}

    def answers(
        self,
        instruction: str,
        labels: Sequence[str],
        texts: Sequence[str],
        shown: Sequence[Row] = (),
    ) -> Answers:
        """What it says to each text.

        Raises:
            BackendUnavailable: it failed, or answered nothing, more often than it may. No row is
                scored then.
        """
        key = follower_prompt(instruction, labels, "", shown)
        new = [t for t in dict.fromkeys(texts) if (key, t) not in self._kept]
        spent, again = self.tokens, self.retried
        if new:
            prompts = [follower_prompt(instruction, labels, text, shown) for text in new]
            ask = self._likelihood if self.scoring == "likelihood" else self._generated
            for text, found in zip(new, ask(prompts, labels), strict=True):
                self._kept[key, text] = found
            self.calls += len(new)
        kept = [self._kept[key, text] for text in texts]
        return Answers(
            tuple(said for said, _ in kept),
            self.tokens - spent,
            self.prompt_tokens(instruction, labels, shown),
            tuple(scores for _, scores in kept),
            self.retried - again,
        )

    def prompt_tokens(
        self, instruction: str, labels: Sequence[str], shown: Sequence[Row] = ()
    ) -> int:
        """Tokens of the prompt before the input, by the follower's own tokenizer."""
        return count(self.model, follower_prompt(instruction, labels, "", shown))

    # -- by likelihood ----------------------------------------------------------------------------

    def _likelihood(
        self, prompts: Sequence[str], labels: Sequence[str]
    ) -> list[tuple[str, Mapping[str, float]]]:
        try:
            table = self.log_likelihoods(prompts, labels)
        except (Unsupported, UsageError, ContextOverflow):
            raise
        except Exception as error:
            raise _down(self.model, f"{type(error).__name__}: {error}") from error
        made: list[tuple[str, Mapping[str, float]]] = []
        for scores in table:
            if not all(map(math.isfinite, scores)):
                raise _down(self.model, "a likelihood is no number")
            best = max(range(len(labels)), key=lambda n: (scores[n], -n))
            made.append((labels[best], dict(zip(labels, scores))))
        return made

    def log_likelihoods(self, prompts: Sequence[str], labels: Sequence[str]) -> list[list[float]]:
        """(prompts, labels): log p of each label with its end token, divided by its tokens where
        length is "mean".

        Raises:
            Unsupported: the model cannot score tokens.
            ContextOverflow: a prompt with its label does not fit.
        """
        able = self.model.info.abilities
        if not able & {"tokens", "continuations"}:
            raise Unsupported(
                f"models.{self.model.info.name} has neither 'tokens' nor 'continuations', so it "
                "cannot score labels",
                'scoring = "generation"',
            )
        kind: type[Tokens] | type[Continuations] = Tokens if "tokens" in able else Continuations
        tokens = self.model.ability(kind)
        end = end_token(self.model, tokens)
        targets = [(*tokens.encode(label), end) for label in labels]
        asked = [tokens.render(Request((Message.user(p),))) for p in prompts]
        most, context = max(map(len, asked)) + max(map(len, targets)), self.model.info.context
        if most > context:
            raise ContextOverflow(
                f"a prompt and a label of {most} tokens do not fit a context of {context}",
                "shorter texts, or fewer examples",
                limit=context,
                got=most,
            )
        if isinstance(tokens, Continuations) and "tokens" not in able:
            sums = [[sum(tokens.whole(ids, t).logp) for t in targets] for ids in asked]
            self.tokens += sum(len(ids) + len(t) for ids in asked for t in targets)
        elif self._cached and "weights" in able:
            sums = self._behind_prefix(asked, targets)
        else:
            assert isinstance(tokens, Tokens)
            sums = []
            for ids in asked:
                spans = tokens.score([ids] * len(targets), targets, [Draw()] * len(targets))
                sums.append([float(span.logp.sum()) for span in spans])
                self.tokens += len(ids) + sum(map(len, targets))
        if self._length == "sum":
            return sums
        return [[s / len(t) for s, t in zip(row, targets)] for row in sums]

    def _behind_prefix(
        self, asked: Sequence[tuple[int, ...]], targets: Sequence[tuple[int, ...]]
    ) -> list[list[float]]:
        shared = min(common(asked[0], ids) for ids in asked)
        shared = min(shared, *(len(ids) - 1 for ids in asked))
        with self.model.ability(Weights).borrow("read") as module:
            scorer = PrefixScorer(module, asked[0][:shared])
            sums = [scorer(ids[shared:], targets) for ids in asked]
        self.tokens += scorer.read
        return sums

    # -- by generating ----------------------------------------------------------------------------

    def _generated(
        self, prompts: Sequence[str], labels: Sequence[str]
    ) -> list[tuple[str, Mapping[str, float]]]:
        most = max(count(self.model, label) for label in labels) + 4
        made: dict[int, Completion] = {}
        fault = ""
        for attempt in range(self._retries + 1):
            left = [n for n in range(len(prompts)) if n not in made]
            if not left:
                break
            self.retried += len(left) if attempt else 0
            requests = [
                Request(
                    (Message.user(prompts[n]),),
                    max_tokens=most,
                    context=CallContext(purpose="induce", seed=attempt),
                )
                for n in left
            ]
            try:
                completions = self.model.generate(requests)
            except (Unsupported, UsageError, ContextOverflow):
                raise
            except Exception as error:
                fault = f"{type(error).__name__}: {error}"
                continue
            for n, one in zip(left, completions, strict=True):
                self.tokens += one.usage.prompt + one.usage.spent
                if one.finish in ("error", "cancelled") or not one.text.strip():
                    fault = one.error or f"an answer was empty ({one.finish})"
                else:
                    made[n] = one
        missing = [n for n in range(len(prompts)) if n not in made]
        if missing:
            raise _down(
                self.model, f"{len(missing)} of {len(prompts)} answers are missing: {fault}"
            )
        return [(read_label(made[n].text, labels), {}) for n in range(len(prompts))]


def read_label(text: str, labels: Sequence[str]) -> str:
    """The label that an answer is, else `<invalid>`. Space, quotes, a full stop at the end, the
    prefix "Label:" and, where that is unambiguous, case are forgiven; other words are not."""
    plain = text.strip()
    if plain in labels:
        return plain
    plain = plain.removeprefix("Label:").strip()
    forms = [plain, plain.rstrip("."), plain.strip("'\"`").rstrip(".").strip("'\"`")]
    try:
        quoted = json.loads(plain.rstrip("."))
        forms += [quoted] if isinstance(quoted, str) else []
    except ValueError:
        pass
    for form in forms:
        if form in labels:
            return form
    alike = {label for label in labels if normalised(label) == normalised(forms[-1])}
    return alike.pop() if len(alike) == 1 and normalised(forms[-1]) else INVALID


def agreement(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of rows on which two ways of scoring say the same."""
    if not one or len(one) != len(other):
        raise UsageError(f"{len(one)} answers and {len(other)}", "give one a row of both")
    return sum(a == b for a, b in zip(one, other)) / len(one)


def count(model: LanguageModel, text: str) -> int:
    """Tokens of a text by the model's own tokenizer; words and marks where it does not give one."""
    able = model.info.abilities
    if "tokens" in able:
        return len(model.ability(Tokens).encode(text))
    if "continuations" in able:
        return len(model.ability(Continuations).encode(text))
    import re

    return len(re.findall(r"\w+|[^\w\s]", text))


def end_token(model: LanguageModel, tokens: Tokens | Continuations) -> int:
    """The token that ends an answer, as the chat template writes it.

    Raises:
        Unsupported: the template does not tell.
    """
    said = "x"
    asked = Message.user("?")
    before = tokens.render(Request((asked,)))
    whole = tokens.render(Request((asked, Message.assistant(said))))
    answer = tokens.encode(said)
    if whole[: len(before)] != before or whole[len(before) :][: len(answer)] != answer:
        raise Unsupported(
            f"models.{model.info.name}: the chat template does not tell what ends an answer",
            'use a chat model, or scoring = "generation"',
        )
    return whole[len(before) + len(answer)]


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    for n, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return n
    return min(len(one), len(other))


def _down(model: LanguageModel, why: str) -> BackendUnavailable:
    return BackendUnavailable(
        f"the follower models.{model.info.name} did not answer: {why}",
        "nothing was scored; try again when it does",
    )
