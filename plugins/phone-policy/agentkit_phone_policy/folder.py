"""A policy's files: `policy.json` with its sizes and words, and `model.safetensors`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import DataError
from agentkit.files import folder_atomic
from agentkit_phone_policy.words import (
    ACT,
    APP,
    APPS,
    DONE,
    ELEMENT,
    ELEMENTS,
    FIXED,
    GOAL,
    GOAL_WORDS,
    NOTE,
    PAD,
    PLACES,
    SCREEN,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from agentkit_phone_policy.decoder import Config, Policy

ABOUT, WEIGHTS = "policy.json", "model.safetensors"
MEANINGS = "meanings"


def write_policy(
    out: Path,
    words: Sequence[str],
    *,
    width: int,
    layers: int,
    heads: int,
    seed: int = 0,
    more: Sequence[str] = (),
    meanings: np.ndarray | None = None,
) -> Path:
    """A policy that knows nothing yet: random weights for a vocabulary.

    Args:
        more: words that it knows by their meaning alone.
        meanings: (words + more, d), of each; `meanings.py`.
    """
    import torch

    from agentkit_phone_policy.decoder import Policy

    every = [*words, *more]
    if len(set(every)) < len(every) or tuple(every[: len(FIXED)]) != FIXED:
        raise DataError("a vocabulary has each word once, and begins with the fixed tokens", "")
    if meanings is not None and len(meanings) != len(every):
        raise DataError(f"{len(meanings)} meanings are of other words than {len(every)}", "")
    about = {
        "width": width,
        "layers": layers,
        "heads": heads,
        "meaning": 0 if meanings is None else int(meanings.shape[1]),
        "own": len(words),
        "words": every,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = Policy(config(about))
    tensors = dict(module.state_dict())
    if meanings is not None:
        tensors[MEANINGS] = torch.from_numpy(meanings)
    return _write(out, about, tensors, torch.float32)


def write_weights(out: Path, base: Path, trained: Path) -> Path:
    """A policy's folder with the weights of a training, in bf16.

    Raises:
        DataError: they are of another policy.
    """
    import torch

    about, own = read_about(base), _tensors(base / WEIGHTS)
    given = _tensors(trained)
    if MEANINGS in own:  # which no training changes
        given[MEANINGS] = own[MEANINGS]
    if given.keys() != own.keys() or any(own[n].shape != t.shape for n, t in given.items()):
        raise DataError(f"{trained} is of another policy than {base}", "")
    return _write(out, about, given, torch.bfloat16)


def _write(out: Path, about: dict[str, Any], tensors: dict[str, Tensor], dtype: Any) -> Path:
    from safetensors.torch import save_file

    with folder_atomic(out) as folder:
        (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        save_file({n: t.detach().to(dtype).contiguous() for n, t in tensors.items()},
                  str(folder / WEIGHTS))  # fmt: skip
    return out


def read_about(folder: Path) -> dict[str, Any]:
    """Raises:
    DataError: there is no policy.
    """
    try:
        about: dict[str, Any] = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if tuple(about["words"][: len(FIXED)]) != FIXED:
            raise ValueError("its words are of another version")
        if not len(FIXED) <= about["own"] <= len(about["words"]):
            raise ValueError(f"`own` is {about['own']}")
        return about
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is no policy: {type(error).__name__} {error}",
            "agentkit phone-policy new writes one",
        ) from error


def read_policy(folder: Path) -> Policy:
    """The network, in fp32, in evaluation mode.

    Raises:
        DataError: the files do not fit each other.
    """
    from agentkit_phone_policy.decoder import Policy

    module = Policy(config(read_about(folder)))
    try:
        module.load_state_dict(_tensors(folder / WEIGHTS))
    except RuntimeError as error:
        raise DataError(f"{folder}: the weights are of another policy: {error}", "") from error
    module.float().eval()
    return module


def config(about: dict[str, Any]) -> Config:
    """From the words to what the network must know of them."""
    from agentkit_phone_policy.decoder import Config

    ids = {word: number for number, word in enumerate(about["words"])}
    return Config(
        words=len(ids),
        own=about["own"],
        said=len(FIXED),
        meaning=about["meaning"],
        width=about["width"],
        layers=about["layers"],
        heads=about["heads"],
        pad=ids[PAD],
        act=ids[ACT],
        texts=(ids[GOAL], ids[NOTE]),
        app=ids[APP],
        starts=tuple(ids[w] for w in (GOAL, NOTE, APP, DONE, SCREEN, ELEMENT, ACT)),
        numbers=(ids["#0"], ids[f"#{ELEMENTS - 1}"]),
        places=(ids["@0"], ids[f"@{PLACES - 1}"]),
        noted=ids[f"@{GOAL_WORDS}"],
        doors=(ids["&0"], ids[f"&{APPS - 1}"]),
    )


def _tensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        return dict(load_file(str(path)))
    except Exception as error:  # safetensors has an error of its own kind
        raise DataError(f"{path}: cannot be read: {error}", "") from error
