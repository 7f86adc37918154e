"""`use = "phone-policy"`: a language model that reads step prompts and says actions.

It takes the messages of `agentkit.agents.acting` like any model, and nothing else: a prompt that is
no step prompt is an error that says so. Between them and the weights stands the encoding; what it
may say is held to actions that can be taken on the screen before it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agentkit.agents.acting import StepPrompt
from agentkit.capabilities import (
    ABILITIES,
    Answers,
    Cancel,
    Completion,
    Delta,
    Draw,
    Grammar,
    Ids,
    ModelInfo,
    OnDelta,
    Request,
    Seq,
    Span,
    TokenLogprob,
    ToolCall,
    Tokens,
    Usage,
    Weights,
)
from agentkit.errors import AgentkitError, ContextOverflow, DataError, Unsupported
from agentkit.models.settings import TransformersSettings
from agentkit.seeds import derive
from agentkit_phone_policy.encoding import END, Encoded, Encoder, Unsayable
from agentkit_phone_policy.settings import PolicySettings
from agentkit_phone_policy.vocabulary import encoder

if TYPE_CHECKING:
    from torch import Tensor

    from agentkit.kit import Parts
    from agentkit.models.transformers import TransformersModel

A = TypeVar("A")
SHIPPED = Path(__file__).parent / "weights"
LONGEST = 4  # tokens of an answer


def open_policy(settings: PolicySettings, parts: Parts) -> PhonePolicy:
    """The policy, on the kit's own engine; parts on one folder share its weights."""
    from agentkit.models.transformers import open_model

    folder = parts.resolve(settings.folder, "folder") if settings.folder else SHIPPED
    base = open_model(TransformersSettings(model=str(folder), dtype="fp32"), parts)
    return PhonePolicy(parts.name, base, folder)


class PhonePolicy:
    """Wraps the small model that knows only the policy's words."""

    def __init__(self, name: str, base: TransformersModel, folder: Path) -> None:
        self._name, self._base = name, base
        self.words = Words.of(folder)
        own = base.info
        self.info = ModelInfo(
            name=name,
            context=own.context,
            abilities=frozenset({"tokens", "weights", "answers"}),
            fingerprint=own.fingerprint,
            parameters=own.parameters,
            exact=own.exact,
        )
        self._tokens = PolicyTokens(base.ability(Tokens), self.words)

    def ability(self, kind: type[A]) -> A:
        found = {Tokens: self._tokens, Answers: self._tokens}.get(kind)
        if found is None and kind is Weights:
            return self._base.ability(kind)
        if found is None:
            what = next((n for n, k in ABILITIES.items() if k is kind), kind.__name__)
            raise Unsupported(
                f"models.{self._name} lacks the ability {what!r}",
                f"it has: {', '.join(sorted(self.info.abilities))}",
            )
        return cast(A, found)

    def loaded(self) -> dict[str, Any]:
        return {"fingerprint": self.info.fingerprint}

    def close(self) -> None:
        self._base.close()

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        made = []
        for index, request in enumerate(requests):
            one = self._one(request, cancel)
            if on_delta is not None and one.text:
                on_delta(Delta(index, one.text))
            made.append(one)
        return made

    def _one(self, request: Request, cancel: Cancel | None) -> Completion:
        if cancel:
            return Completion(text="", finish="cancelled", path=(self._name,))
        try:
            encoded, prompt = self.words.read(request)
        except AgentkitError as error:
            return Completion.failed(error, self._name)
        if len(prompt) + LONGEST > self.info.context:
            raise ContextOverflow(
                f"models.{self._name}: the prompt has {len(prompt)} tokens, "
                f"the model {self.info.context}",
                "show less of the screen",
            )
        made = [self._drawn(request, encoded, prompt, n) for n in range(request.n)]
        return replace(made[0], others=tuple(made[1:]))

    def _drawn(
        self, request: Request, encoded: Encoded, prompt: tuple[int, ...], choice: int
    ) -> Completion:
        """One answer, token by token, of those that can be done on this screen."""
        import torch

        seed = request.context.seed
        drawn = torch.Generator().manual_seed(
            derive(derive(seed, "choice", choice) if choice else seed, "policy") % (1 << 62)
        )
        said: list[str] = []
        numbers: list[TokenLogprob] = []
        with self._base.ability(Weights).borrow("read") as module, torch.no_grad():
            while len(said) < request.max_tokens and (not said or said[-1] != END):
                allowed = sorted(self.words.ids[t] for t in encoded.next(said))
                ids = torch.tensor([[*prompt, *(self.words.ids[t] for t in said)]])
                logits = module(input_ids=ids.to(module.device)).logits[0, -1].float().cpu()
                logp = torch.log_softmax(logits[allowed], 0)
                at = _pick(logp, request.temperature, request.top_p, drawn)
                token = self.words.tokens[allowed[at]]
                said.append(token)
                if request.logprobs is not None:
                    top = logp.topk(min(request.logprobs, len(allowed)))
                    likely = [(allowed[int(i)], float(v)) for v, i in zip(top.values, top.indices)]
                    numbers.append(
                        TokenLogprob(
                            token,
                            allowed[at],
                            float(logp[at]),
                            tuple((self.words.tokens[i], p) for i, p in likely),
                            tuple(i for i, _ in likely),
                        )
                    )
        ids_said = tuple(self.words.ids[t] for t in said)
        text, finish = "", "length"
        if said[-1] == END:
            text, finish = _json(encoded.mean(said)), "stop"
        for stop in request.stop:
            if stop and stop in text:
                text, finish = text[: text.index(stop)], "stop"
        read = len(prompt) if choice == 0 else 0
        return Completion(
            text=text,
            finish=cast(Any, finish),
            ids=ids_said,
            logprobs=tuple(numbers),
            usage=Usage(read, len(said), len(said)),
            path=(self._name,),
        )


def _pick(logp: Tensor, temperature: float, top_p: float, drawn: Any) -> int:
    """The place of the drawn token; at temperature 0 the likeliest."""
    import torch

    if temperature <= 0:
        return int(logp.argmax())
    p = torch.softmax(logp / temperature, 0)
    if top_p < 1:
        order = p.argsort(descending=True)
        before = p[order].cumsum(0) - p[order]
        p = p.clone()
        p[order[before >= top_p]] = 0
    return int(torch.multinomial(p, 1, generator=drawn))


def _json(plain: dict[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Words:
    """The vocabulary. tokens: by id. ids: by token."""

    tokens: tuple[str, ...]
    ids: dict[str, int]
    encoder: Encoder

    @classmethod
    def of(cls, folder: Path) -> Words:
        try:
            ids: dict[str, int] = json.loads((folder / "tokenizer.json").read_text())["model"][
                "vocab"
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder} is no policy: {type(error).__name__} {error}",
                "agentkit phone-policy new writes one",
            ) from error
        tokens = tuple(sorted(ids, key=lambda t: ids[t]))
        return cls(tokens, ids, encoder(tokens))

    def read(self, request: Request) -> tuple[Encoded, tuple[int, ...]]:
        """A request's step prompt, and its tokens.

        Raises:
            BadPrompt: it has none.
        """
        encoded = self.encoder.prompt(StepPrompt.of(request.messages))
        return encoded, tuple(self.ids[t] for t in encoded.tokens)


class PolicyTokens:
    """`Tokens` and `Answers` of the policy: an answer's text is in its own words (`tap #3`), which
    `read` makes an action of. Nothing holds what is drawn to the screen here."""

    def __init__(self, base: Tokens, words: Words) -> None:
        self._base, self._words = base, words

    def render(self, request: Request) -> tuple[int, ...]:
        return self._words.read(request)[1]

    def encode(self, text: str) -> tuple[int, ...]:
        return self._base.encode(text)

    def decode(self, ids: Ids) -> str:
        return " ".join(self._words.tokens[int(i)] for i in ids if int(i) < len(self._words.tokens))

    def open(self, prompts: Sequence[Ids]) -> list[Seq]:
        return self._base.open(prompts)

    def fork(self, seq: Seq, length: int) -> Seq:
        return self._base.fork(seq, length)

    def extend(
        self,
        seqs: Sequence[Seq],
        max_new: int | Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Span]:
        return self._base.extend(seqs, max_new, draws, cancel=cancel)

    def score(
        self, prompts: Sequence[Ids], targets: Sequence[Ids], draws: Sequence[Draw]
    ) -> list[Span]:
        return self._base.score(prompts, targets, draws)

    # Answers.

    def grammar_for(self, request: Request) -> Grammar | None:
        return None

    def text(self, ids: Ids) -> str:
        return self.decode([i for i in ids if int(i) != self._words.ids[END]])

    def read(self, text: str, request: Request) -> tuple[str, tuple[ToolCall, ...]]:
        """The action in JSON; the policy's own words where they mean none."""
        encoded, _ = self._words.read(request)
        try:
            return _json(encoded.mean(text.split())), ()
        except Unsayable:
            return text, ()

    # Lessons.

    def lesson(self, request: Request, answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(prompt, answer) in tokens, for trainers.

        Raises:
            DataError: the policy has no words for that action, or it is none.
        """
        encoded, prompt = self._words.read(request)
        try:
            said = encoded.say(json.loads(answer))
        except (Unsayable, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the policy cannot say {answer[:80]!r}: {error}", "") from error
        return prompt, tuple(self._words.ids[t] for t in said)
