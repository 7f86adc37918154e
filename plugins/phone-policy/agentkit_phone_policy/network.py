"""The weights in memory, with the words they know, shared by all parts on one folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentkit.agents.acting import StepPrompt
from agentkit.capabilities import Request
from agentkit.models.weights import ModuleWeights
from agentkit_phone_policy.encoding import Encoded, Encoder
from agentkit_phone_policy.folder import ABOUT, WEIGHTS, read_about, read_policy
from agentkit_phone_policy.vocabulary import encoder


@dataclass(frozen=True)
class Words:
    """The vocabulary. tokens: by id. ids: by token."""

    tokens: tuple[str, ...]
    ids: dict[str, int]
    encoder: Encoder

    @classmethod
    def of(cls, folder: Path) -> Words:
        tokens = tuple(read_about(folder)["words"])
        return cls(tokens, {word: number for number, word in enumerate(tokens)}, encoder(tokens))

    def read(self, request: Request) -> tuple[Encoded, tuple[int, ...]]:
        """A request's step prompt, and its tokens.

        Raises:
            BadPrompt: it has none.
        """
        encoded = self.encoder.prompt(StepPrompt.of(request.messages))
        return encoded, tuple(self.ids[t] for t in encoded.tokens)


class Network:
    """version: of the weights, counted upward whenever they change."""

    def __init__(self, folder: Path) -> None:
        self.words = Words.of(folder)
        self.module = read_policy(folder)
        self.parameters = sum(p.numel() for p in self.module.parameters())
        digest = hashlib.sha256()
        for name in (ABOUT, WEIGHTS):
            digest.update((folder / name).read_bytes())
        self.fingerprint = digest.hexdigest()
        self.version = 0
        self._lock = threading.RLock()
        self.weights = ModuleWeights(
            self.module,
            exclusive=self.exclusive,
            renew=self._renew,
            version=lambda: self.version,
        )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._lock:
            yield

    def _renew(self, version: int) -> None:
        self.version = version
