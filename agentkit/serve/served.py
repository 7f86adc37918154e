"""The models that are served, by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from agentkit.capabilities import Embed, LanguageModel
from agentkit.errors import UnknownPart, Unsupported
from agentkit.kit import Kit
from agentkit.names import nearest
from agentkit.serve.faults import unknown_model

if TYPE_CHECKING:
    import numpy as np


class Served:
    """Some of a kit's models, or all.

    Raises:
        UnknownPart: one of the names is not declared.
    """

    def __init__(self, kit: Kit, names: Collection[str] = ()) -> None:
        self._kit = kit
        declared = kit.names("model")
        for name in names:
            if name not in declared:
                raise UnknownPart(
                    f"there is no model {name!r}{nearest(name, declared)}",
                    f"declared: {', '.join(declared) or 'none'}",
                )
        self.names = tuple(dict.fromkeys(names)) or tuple(declared)
        self._built: dict[str, LanguageModel] = {}
        self._contexts: dict[str, int] = {}

    def check(self, name: str) -> str:
        """The name itself.

        Raises:
            Refusal: no such model is served.
        """
        if name not in self.names:
            raise unknown_model(
                UnknownPart(
                    f"there is no model {name!r} here{nearest(name, self.names)}",
                    "GET /v1/models lists them",
                )
            )
        return name

    def model(self, name: str) -> LanguageModel:
        """The model; the first call builds it, which may take its time. Models that are there
        already answer meanwhile."""
        if name not in self._built:
            made = self._kit.model(name)
            self._contexts[name] = made.info.context  # now, since some models ask a server for it
            self._built[name] = made
        return self._built[name]

    def context(self, name: str) -> int | None:
        """Tokens of prompt and answer; None where the model is not built yet."""
        return self._contexts.get(name)

    def parts(self, name: str) -> frozenset[str]:
        """Names under which a request to this model may hold settings."""
        return self._kit.through(name)


def embeddings(model: LanguageModel, texts: Sequence[str], dimensions: int | None) -> np.ndarray:
    """(n, d) float32.

    Raises:
        Unsupported: the model gives none, or none of that size.
    """
    try:
        found = model.ability(Embed).embed(texts)
    except Unsupported as error:
        raise Unsupported(error.message, error.hint, param="model") from error
    if dimensions not in (None, found.shape[1]):
        raise Unsupported(
            f"models.{model.info.name} gives {found.shape[1]} dimensions, not {dimensions}",
            "leave dimensions out",
            param="dimensions",
        )
    return found
