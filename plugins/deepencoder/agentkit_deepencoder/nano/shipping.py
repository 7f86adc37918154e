"""From a training's state to a checkpoint's folder, and what the nano model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image as Pictures
from safetensors.torch import load_file

from agentkit.capabilities import Image
from agentkit.errors import DataError
from agentkit.files import write_atomic
from agentkit_deepencoder.nano.alphabet import tokenizer
from agentkit_deepencoder.nano.learn import Learner, Recipe
from agentkit_deepencoder.nano.shape import NANO
from agentkit_deepencoder.weights import Ocr, empty, save


def learned(learner: Learner) -> Ocr:
    """Encoder and decoder without the scaffolding."""
    made = empty(NANO, torch.float32, "cpu")
    made.encoder.load_state_dict(learner.encoder.state_dict())
    made.decoder.load_state_dict(learner.decoder.state_dict())
    return made


def restored(state: Path) -> tuple[Learner, int]:
    """The model of a training's folder, and the steps it has behind it.

    Raises:
        DataError: there is no state in it.
    """
    try:
        tensors = load_file(state / "state.safetensors")
    except (OSError, ValueError) as error:
        raise DataError(f"{state}: holds no state of a training: {error}", "train first") from error
    learner = Learner()
    learner.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    return learner.eval(), int(tensors["step"])


def ship(learner: Learner, out: Path, recipe: Recipe, step: int) -> Path:
    """Writes a folder: config.json with the recipe, tokenizer.json, weights in fp16."""
    notes = {"recipe": asdict(recipe), "steps": step, "licence": "Apache-2.0"}
    save(learned(learner), out, torch.float16, notes)
    write_atomic(out / "tokenizer.json", tokenizer().to_str(pretty=True))
    return out


def png(picture: Pictures.Image) -> Image:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return Image(buffer.getvalue())


def blanks(pictures: Sequence[Pictures.Image]) -> list[Pictures.Image]:
    """Of the same sizes, with nothing on them: what a model says without looking."""
    return [Pictures.new("L", picture.size, 255) for picture in pictures]
