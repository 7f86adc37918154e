"""`use = "retrained"`: a model with the weights of a training, whatever kind of model it is.

[models.better]
use = "retrained"
base = "phone-policy"
weights = "trained/checkpoint/model.safetensors"
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit.capabilities import (
    ABILITIES,
    Cancel,
    Completion,
    LanguageModel,
    OnDelta,
    Request,
    Weights,
)
from agentkit.errors import DataError, Unsupported
from agentkit.files import write_atomic
from agentkit.kit import Kit
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

A = TypeVar("A")
GIVES = ("tokens", "weights", "answers")


class RetrainedSettings(PartSettings):
    """base: a model whose weights are in this process; it stays as it is. weights: a
    model.safetensors of its own training; without one it is a copy."""

    base: str
    weights: Path | None = None


def private(kit: Kit, model: str) -> tuple[Kit, LanguageModel]:
    """A copy of a model with weights of its own, and the kit that holds it, to be closed.

    Raises:
        ConfigError: a program put the model into the kit, so that it cannot be made again.
    """
    own = Kit.from_recipe(kit.recipe("model", model), kit.host)
    return own, own.model(model)


def read_weights(path: Path) -> dict[str, Any]:
    """Raises:
    DataError: there are none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(str(path)))
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a model.safetensors") from error


def write_weights(path: Path, tensors: Mapping[str, Any]) -> None:
    """As a model.safetensors that `read_weights` reads; the file is there whole, or not at all."""
    from safetensors.torch import save

    write_atomic(path, save({name: tensor.contiguous() for name, tensor in tensors.items()}))


class Retrained:
    """The base's own copy, with other weights."""

    def __init__(self, settings: RetrainedSettings, parts: Parts) -> None:
        self._kit, self._model = private(parts.kit, settings.base)
        info, said = self._model.info, ""
        if settings.weights is not None:
            path = parts.resolve(settings.weights, "weights")
            try:
                self._model.ability(Weights).load(read_weights(path), version=1)
            except (KeyError, RuntimeError) as error:
                raise DataError(f"{path} is of another model than {settings.base}", "") from error
            said = hashlib.sha256(path.read_bytes()).hexdigest()
        print_ = hashlib.sha256(f"{info.fingerprint} {said}".encode()).hexdigest()
        self.info = replace(
            info,
            name=parts.name,
            abilities=info.abilities & frozenset(GIVES),
            fingerprint=print_,
        )

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        made = self._model.generate(requests, on_delta=on_delta, cancel=cancel)
        return [replace(one, path=(self.info.name, *one.path)) for one in made]

    def ability(self, kind: type[A]) -> A:
        name = next((n for n, known in ABILITIES.items() if known is kind), kind.__name__)
        if name not in self.info.abilities:
            raise Unsupported(
                f"models.{self.info.name} (use = 'retrained') lacks the ability {name!r}",
                f"it has {', '.join(sorted(self.info.abilities))}",
            )
        return self._model.ability(kind)

    def loaded(self) -> dict[str, Any]:
        return {"fingerprint": self.info.fingerprint}

    def close(self) -> None:
        self._kit.close()
