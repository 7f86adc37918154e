"""`use = "phone-policy"`: a language model that reads step prompts and says actions.

It takes the messages of `agentkit.agents.acting` like any model, and nothing else: a prompt that is
no step prompt is an error that says so. Between them and the weights stands the encoding; what it
may say is held to actions that can be taken on the screen before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agentkit.agents.acting import StepPrompt
from agentkit.capabilities import (
    ABILITIES,
    Answers,
    Cancel,
    Completion,
    Delta,
    Image,
    ModelInfo,
    OnDelta,
    Request,
    TokenLogprob,
    Tokens,
    Usage,
    Weights,
)
from agentkit.errors import AgentkitError, ContextOverflow, DataError, Unsupported
from agentkit.seeds import derive
from agentkit_phone_policy.encoding import Encoded
from agentkit_phone_policy.leaning import SURE, bonus, ways
from agentkit_phone_policy.refusing import Said, left, refused
from agentkit_phone_policy.settings import PolicySettings
from agentkit_phone_policy.tokens import CONTEXT, PolicyTokens, as_json
from agentkit_phone_policy.words import END

if TYPE_CHECKING:
    from torch import Tensor

    from agentkit.kit import Parts
    from agentkit_phone_policy.network import Network

A = TypeVar("A")
SHIPPED = Path(__file__).parent / "weights"

LONGEST = 4  # tokens of an answer


def open_policy(settings: PolicySettings, parts: Parts) -> PhonePolicy:
    """Parts on one folder share its weights."""
    from agentkit_phone_policy.network import Network

    folder = parts.resolve(settings.folder, "folder") if settings.folder else SHIPPED
    network = parts.share(f"phone-policy:{folder.resolve()}", lambda: Network(folder))
    return PhonePolicy(parts.name, network)


class PhonePolicy:
    """Wraps the network that knows only the policy's words."""

    def __init__(self, name: str, network: Network) -> None:
        self._name, self._network, self.words = name, network, network.words
        self.info = ModelInfo(
            name=name,
            context=CONTEXT,
            abilities=frozenset({"tokens", "weights", "answers"}),
            fingerprint=network.fingerprint,
            parameters=network.parameters,
        )
        self._tokens = PolicyTokens(network)

    def ability(self, kind: type[A]) -> A:
        found = {
            Tokens: self._tokens, Answers: self._tokens, Weights: self._network.weights,
        }.get(kind)  # fmt: skip
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
        pass

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        prepared = [self._read(request) for request in requests]
        made = []
        for index, (request, read) in enumerate(zip(requests, prepared)):
            if isinstance(read, AgentkitError):
                made.append(Completion.failed(read, self._name))
                continue
            tell = partial(_tell, on_delta, index)
            choices = [
                self._drawn(request, *read, n, cancel, tell if n == 0 else None)
                for n in range(request.n)
            ]
            made.append(replace(choices[0], others=tuple(choices[1:])))
        return made

    def _read(
        self, request: Request
    ) -> tuple[Encoded, tuple[int, ...], frozenset[Said], frozenset[Said]] | AgentkitError:
        """Raises:
        ContextOverflow: for the whole batch, before anything is generated.
        """
        for message in request.messages:
            if any(isinstance(part, Image) for part in message.parts):
                return Unsupported(f"models.{self._name} sees no pictures", "leave them out")
        try:
            encoded, prompt = self.words.read(request)
        except DataError as error:
            return error
        if len(prompt) + LONGEST > CONTEXT:
            raise ContextOverflow(
                f"models.{self._name}: the prompt has {len(prompt)} tokens, the model {CONTEXT}",
                "show less of the screen",
            )
        against = refused(encoded, request.messages)
        return encoded, prompt, against, ways(StepPrompt.of(request.messages), encoded) - against

    def _drawn(
        self,
        request: Request,
        encoded: Encoded,
        prompt: tuple[int, ...],
        against: frozenset[Said],
        towards: frozenset[Said],
        choice: int,
        cancel: Cancel | None,
        tell: Callable[[str], None] | None,
    ) -> Completion:
        """One answer, token by token, of those that can be done on this screen and were not refused
        (`against`), those on a way (`towards`) more readily. Likelihoods are those of the network,
        before any of that."""
        import torch

        seed = request.context.seed
        drawn = torch.Generator().manual_seed(
            derive(derive(seed, "choice", choice) if choice else seed, "policy") % (1 << 62)
        )
        said: list[str] = []
        numbers: list[TokenLogprob] = []
        text, finish = "", "length"
        while len(said) < request.max_tokens and (not said or said[-1] != END):
            if cancel:
                finish = "cancelled"
                break
            may = {self.words.ids[t]: bonus(said, t, towards) for t in left(encoded, said, against)}
            allowed = sorted(may)
            ids = (*prompt, *(self.words.ids[t] for t in said))
            logits = self._tokens.logits(ids, 1)[0]
            scores = logits[allowed]
            if scores.softmax(0).max() < SURE:
                scores = scores + torch.tensor([may[t] for t in allowed])
            token = allowed[_pick(scores, request.temperature, request.top_p, drawn)]
            said.append(self.words.tokens[token])
            if request.logprobs is not None:
                numbers.append(self._told(logits, token, request.logprobs))
            if len(said) == 1:  # the kind is known; what else it says is not
                text = as_json({"kind": said[0]})[:-1]
                if tell and not request.stop:
                    tell(text)
        if said and said[-1] == END:
            begun, finish = len(text), "stop"
            text = as_json(encoded.mean(said))
            for stop in request.stop:
                if stop and stop in text:
                    text = text[: text.index(stop)]
            if tell:
                tell(text if request.stop else text[begun:])
        return Completion(
            text=text,
            finish=cast(Any, finish),
            ids=tuple(self.words.ids[t] for t in said),
            logprobs=tuple(numbers),
            usage=Usage(len(prompt) if choice == 0 else 0, len(said), len(said)),
            path=(self._name,),
        )

    def _told(self, logits: Tensor, token: int, most: int) -> TokenLogprob:
        logp = logits.log_softmax(0)
        top = logp.topk(most) if most else None
        likely = [(int(i), float(p)) for p, i in zip(top.values, top.indices)] if top else []
        words = self.words.tokens
        return TokenLogprob(
            words[token],
            token,
            float(logp[token]),
            tuple((words[i], p) for i, p in likely),
            tuple(i for i, _ in likely),
        )


def _tell(on_delta: OnDelta | None, index: int, text: str) -> None:
    if on_delta is not None and text:
        on_delta(Delta(index, text))


def _pick(logits: Tensor, temperature: float, top_p: float, drawn: Any) -> int:
    """The place of the drawn one; at temperature 0 the likeliest."""
    import torch

    if temperature <= 0:
        return int(logits.argmax())
    p = torch.softmax(logits / temperature, 0)
    if top_p < 1:
        order = p.argsort(descending=True)
        before = p[order].cumsum(0) - p[order]
        p = p.clone()
        p[order[before >= top_p]] = 0
    return int(torch.multinomial(p, 1, generator=drawn))
