"""What words mean, as fixed vectors: so that a policy knows words that no demonstration has.

Every word goes through a sentence embedder once, alone (the recipe of model2vec, as static vectors
are made for search); the vectors are centred and brought to their principal components. A picture
is then near a gallery, and to get rid of something near deleting it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from agentkit.capabilities import Embed, LanguageModel
from agentkit.errors import DataError
from agentkit.kit import Kit
from agentkit.models.files.loading import locate
from agentkit_phone_policy.words import FIXED

DIMENSIONS = 64


def common(kit: Kit, name: str) -> list[str]:
    """The whole words of an embedder's vocabulary, the most frequent first.

    Raises:
        DataError: it has none.
    """
    folder = locate(str(kit.values("model", name).plain()["model"]), Path.cwd())
    try:
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        ids: dict[str, int] = json.loads(text)["model"]["vocab"]
        by_id = sorted(ids, key=lambda word: ids[word])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} has no vocabulary: {error}", "name an embedder") from error
    return [w for w in by_id if len(w) > 1 and w.isascii() and w.isalpha() and w.islower()]


def of_words(model: LanguageModel, words: list[str], dimensions: int = DIMENSIONS) -> np.ndarray:
    """(words, dimensions) float32, rows of length 1; 0 for fixed tokens and for what has no
    letters."""
    rows = [n for n, w in enumerate(words) if n >= len(FIXED) and any(c.isalpha() for c in w)]
    # Some fixed tokens are words as well: what is switched on, and what rows are called.
    rows += [n for n, w in enumerate(words[: len(FIXED)]) if w.isalpha()]
    found = model.ability(Embed).embed([words[n] for n in rows]).astype(np.float64)
    found -= found.mean(0)
    values, axes = np.linalg.eigh(found.T @ found)
    kept = found @ axes[:, np.argsort(-values)[:dimensions]]
    kept /= np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-9)
    made = np.zeros((len(words), min(dimensions, kept.shape[1])), np.float32)
    made[rows] = kept
    return made
