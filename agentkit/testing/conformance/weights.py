"""WE: the Weights ability. Who borrows privately changes nothing for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Draw, Request, Span, Tokens, Weights
from agentkit.errors import AgentkitError
from agentkit.testing.conformance.base import Conformance

REQUEST = Request.of("Say hello to everybody in the room.", max_tokens=6, logprobs=0)


class WeightCases(Conformance):
    """The cases give back the weights that they change."""

    if TYPE_CHECKING:

        def declared(self, kind: type[Any]) -> Any: ...

    def numbers(self) -> list[Any]:
        """What the model computes now, to the bit."""
        if "tokens" in self.part.info.abilities:
            numbers: list[Any] = _score(self.part.ability(Tokens)).logp.tolist()
            return numbers
        made = self.part.generate([REQUEST])[0]
        return [made.text, *(entry.logprob for entry in made.logprobs)]

    def test_we01_a_private_copy_leaves_the_base_alone(self) -> None:
        """All parameters are changed in a private borrow; the base stays equal to the bit, during
        it and after."""
        if (weights := self.declared(Weights)) is None:
            return
        import torch

        before = self.numbers()
        with weights.borrow("private") as module, torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.5)
            assert self.numbers() == before, "a private change is seen through the base"
        assert self.numbers() == before, "a private change stayed in the base"
        with weights.borrow("private") as module:
            values = [float(p.detach().float().sum()) for p in module.parameters()]
        with weights.borrow("read") as module:
            assert values == [float(p.detach().float().sum()) for p in module.parameters()]

    def test_we02_reading_gives_no_gradients(self) -> None:
        """In a read borrow nothing that is computed can be back-propagated."""
        if (weights := self.declared(Weights)) is None:
            return
        with weights.borrow("read") as module:
            total = sum(p.float().sum() for p in module.parameters())
            assert not total.requires_grad, "a read borrow records gradients"

    def test_we03_training_is_seen_by_everyone(self) -> None:
        """In a train borrow parameters take gradients, and what is changed stays changed."""
        if (weights := self.declared(Weights)) is None:
            return
        import torch

        before = self.numbers()
        with weights.borrow("train") as module:
            kept = {n: p.detach().clone() for n, p in module.named_parameters()}
            total = sum(p.float().sum() for p in module.parameters())
            assert total.requires_grad, "a train borrow records no gradients"
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.mul_(0.5)
        try:
            assert self.numbers() != before, "training changed nothing"
        finally:
            with weights.borrow("train") as module, torch.no_grad():
                for name, parameter in module.named_parameters():
                    parameter.copy_(kept[name])
        assert self.numbers() == before, "weights that were put back give other numbers"

    def test_we04_loading_changes_the_version(self) -> None:
        """After `load` new spans carry the new version, and older sequences are refused."""
        if (weights := self.declared(Weights)) is None:
            return
        if (tokens := self.declared(Tokens)) is None:
            return
        before = self.numbers()
        with weights.borrow("read") as module:
            kept = {n: p.detach().clone() for n, p in module.named_parameters()}
        old = tokens.open([tokens.encode("Hello there")])[0]
        version = old.version + 7
        weights.load({name: tensor * 0.5 for name, tensor in kept.items()}, version=version)
        try:
            assert self.numbers() != before, "loading changed nothing"
            span = _score(tokens)
            assert set(span.version.tolist()) == {version}
            assert tokens.open([tokens.encode("Hello there")])[0].version == version
            try:
                tokens.extend([old], 2, [Draw()])
            except (AgentkitError, ValueError):
                pass
            else:
                raise AssertionError("keys and values of older weights were used")
        finally:
            weights.load(kept, version=version + 1)
        assert self.numbers() == before

    def test_we05_an_unknown_tensor_is_refused_whole(self) -> None:
        """`load` with a wrong name or shape is an error, and then nothing was loaded."""
        if (weights := self.declared(Weights)) is None:
            return
        before = self.numbers()
        with weights.borrow("read") as module:
            name, tensor = next(iter(module.named_parameters()))
            good, tensor = tensor.detach() * 2.0, tensor.detach().clone()
        wrong = ({name: good, "no.such.tensor": tensor}, {name: tensor.reshape(-1)[:1]})
        for tensors in wrong:
            try:
                weights.load(tensors, version=1_000)
            except (AgentkitError, ValueError, KeyError):
                pass
            else:
                raise AssertionError(f"load took {', '.join(tensors)}")
            assert self.numbers() == before, "half of a refused load stayed"


def _score(tokens: Tokens) -> Span:
    prompt, target = tokens.encode("Say hello to"), tokens.encode(" everybody in the room")
    return tokens.score([prompt], [target], [Draw()])[0]
