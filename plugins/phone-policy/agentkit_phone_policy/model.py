"""`use = "phone-policy"`: a language model that reads step prompts and says actions.

It takes the messages of `agentkit.agents.acting` like any model, and nothing else: a prompt that is
no step prompt is an error that says so. Between them and the weights stands the encoding; what it
may say is held to actions that can be taken on the screen before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agentkit.capabilities import (
    ABILITIES,
    Answers,
    Cancel,
    Completion,
    Delta,
    ModelInfo,
    OnDelta,
    Request,
    TokenLogprob,
    Tokens,
    Usage,
    Weights,
)
from agentkit.errors import AgentkitError, ContextOverflow, Unsupported
from agentkit.seeds import derive
from agentkit_phone_policy.encoding import END, Encoded
from agentkit_phone_policy.settings import PolicySettings
from agentkit_phone_policy.tokens import CONTEXT, PolicyTokens, as_json

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
        with self._network.weights.borrow("read") as module, torch.no_grad():
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
            text, finish = as_json(encoded.mean(said)), "stop"
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
