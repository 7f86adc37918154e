"""Sentence embeddings by a small encoder in this process.

Mean of the last hidden states over a text's own tokens, brought to length 1: the recipe of
Sentence-BERT (Reimers & Gurevych 2019, section 3), which MiniLM was trained for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from agentkit.capabilities.abilities import ABILITIES, Embed
from agentkit.capabilities.language_model import Cancel, Completion, ModelInfo, OnDelta, Request
from agentkit.errors import Cancelled, ModelFileError, Unsupported, UsageError
from agentkit.kit import Parts
from agentkit.models.files.copies import fingerprint
from agentkit.models.files.loading import folder_hash, locate, offline_and_quiet, torch_device
from agentkit.models.settings import Device, EmbedderSettings

A = TypeVar("A")
_MOST = 512  # texts in a batch, however short
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """vectors: (n, d) float32, rows of length 1. tokens: (n,) as the texts have them, special ones
    included. cut: (n,) bool, true where only the beginning was read."""

    vectors: np.ndarray
    tokens: np.ndarray
    cut: np.ndarray


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded encoder: the module, its tokenizer, and how its token vectors become one."""

    module: Any
    tokenizer: Any
    pool: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    limit: int
    fingerprint: str
    device: str


def open_embedder(settings: EmbedderSettings, parts: Parts) -> Embedder:
    """The part `use = "embedder"`.

    Raises:
        ModelFileError: its files are absent or damaged.
    """
    folder = locate(settings.model, parts.resolve("", "model"))
    key = f"models.encoder.{folder}.{settings.device}"
    encoder = parts.share(key, lambda: load_encoder(folder, settings.device))
    return Embedder(parts.name, encoder, settings)


def load_encoder(folder: Path, device: Device = "auto") -> Encoder:
    """An encoder from a model folder, in fp32. Reads local files only.

    Raises:
        ModelFileError: the folder does not hold one.
    """
    from tokenizers import Tokenizer
    from transformers import AutoModel

    if not (folder / "tokenizer.json").is_file():
        raise ModelFileError(f"{folder}: found no tokenizer.json", "name an embedder's folder")
    with offline_and_quiet(folder):
        module: Any = AutoModel.from_pretrained(
            str(folder),
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    try:
        tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises plain Exception
        raise ModelFileError(f"{folder / 'tokenizer.json'}: {error}", "fetch it again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    chosen = torch_device(device)
    return Encoder(
        module.eval().to(chosen),
        tokenizer,
        _pooling(folder),
        _limit(folder, module),
        fingerprint({"folder.json": folder_hash(folder)}),
        chosen,
    )


class Embedder:
    """A model that embeds and does not generate."""

    def __init__(self, name: str, encoder: Encoder, settings: EmbedderSettings) -> None:
        self._encoder, self._batch = encoder, settings.batch
        self._limit = min(settings.max_tokens or encoder.limit, encoder.limit)
        self.info = ModelInfo(
            name=name,
            context=self._limit,
            abilities=frozenset({"embed"}),
            fingerprint=encoder.fingerprint,
            parameters=sum(p.numel() for p in encoder.module.parameters()),
        )

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32, each row of length 1. Texts longer than the context are cut, which is
        logged; `embed_reporting` says which."""
        made = self.embed_reporting(texts)
        if made.cut.any():
            log.info(
                "%d of %d texts were cut to %d tokens", made.cut.sum(), len(texts), self._limit
            )
        return made.vectors

    def embed_reporting(self, texts: Sequence[str], cancel: Cancel | None = None) -> Embedded:
        """Embeddings, and which texts were cut.

        Raises:
            UsageError: one is no text, or not valid Unicode.
            Cancelled: between two batches.
        """
        encoder = self._encoder
        ids = self._tokenize(texts)
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        vectors = np.zeros((len(texts), encoder.module.config.hidden_size), dtype=np.float32)
        for rows in self._batches(lengths):
            if cancel:
                raise Cancelled
            vectors[rows] = self._forward([ids[row] for row in rows])
        return Embedded(vectors, lengths, lengths > self._limit)

    def loaded(self) -> dict[str, str]:
        """What the recipe of this part names."""
        return {"fingerprint": self._encoder.fingerprint}

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        """Raises Unsupported: an encoder writes nothing."""
        raise Unsupported(
            f"models.{self.info.name} embeds texts and cannot generate any",
            "name a language model here",
        )

    def ability(self, kind: type[A]) -> A:
        if kind is Embed:
            return self  # type: ignore[return-value]
        name = next((n for n, k in ABILITIES.items() if k is kind), kind.__name__)
        raise Unsupported(
            f"models.{self.info.name} (use = 'embedder') lacks the ability {name!r}",
            "it has embed only",
        )

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise UsageError(f"text {number} is no text but {type(text).__name__}")
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise UsageError(
                    f"text {number} holds a character that is not valid Unicode",
                    'decode bytes with errors="replace"',
                ) from error
        return [e.ids for e in self._encoder.tokenizer.encode_batch(list(texts))]

    def _batches(self, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Row numbers, neighbours in length together: little padding, about equal work each."""
        order = np.argsort(lengths, kind="stable")
        start = 0
        while start < len(order):
            # Sorted upward: the last row that may come in is the longest.
            size = self._batch
            while size < _MOST and start + size < len(order):
                longest = min(int(lengths[order[min(start + size, len(order) - 1)]]), self._limit)
                if (size + 1) * longest > self._batch * self._limit:
                    break
                size += 1
            yield order[start : start + size]
            start += size

    def _forward(self, ids: list[list[int]]) -> np.ndarray:
        # A cut text keeps its last token, which closes it.
        rows = [r if len(r) <= self._limit else [*r[: self._limit - 1], r[-1]] for r in ids]
        width = max(1, max(len(row) for row in rows))
        tokens = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        for place, row in enumerate(rows):
            tokens[place, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[place, : len(row)] = 1
        device = self._encoder.device
        with torch.inference_mode():
            out = self._encoder.module(
                input_ids=tokens.to(device), attention_mask=mask.to(device)
            ).last_hidden_state
            pooled = self._encoder.pool(out.float(), mask.to(device))
            unit = torch.nn.functional.normalize(pooled, dim=-1)
        made: np.ndarray = unit.cpu().numpy()
        return made


def _mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(n, T, d), (n, T) -> (n, d)"""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)


def _first(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return states[:, 0]


def _pooling(folder: Path) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """What the folder's own pooling file asks for; the mean where it has none."""
    chosen = _json(folder / "1_Pooling" / "config.json")
    on = {key for key, value in chosen.items() if key.startswith("pooling_mode") and value is True}
    if on <= {"pooling_mode_mean_tokens"}:
        return _mean
    if on == {"pooling_mode_cls_token"}:
        return _first
    raise ModelFileError(
        f"{folder}: pools by {', '.join(sorted(on))}, which is not built here",
        "use a model that pools by mean or by its first token",
    )


def _limit(folder: Path, module: Any) -> int:
    """Tokens that the model was trained with, at most those that it has positions for."""
    most = int(getattr(module.config, "max_position_embeddings", 512))
    said = _json(folder / "sentence_bert_config.json").get("max_seq_length")
    return min(int(said), most) if isinstance(said, int) and said > 2 else most


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}", "fetch it again") from error
    return found if isinstance(found, dict) else {}
