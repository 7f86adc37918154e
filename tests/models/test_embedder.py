"""Embeddings: the recipe by hand, cuts that are reported, damage that is told."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agentkit.capabilities import Cancel, Embed
from agentkit.errors import Cancelled, ModelFileError, UsageError
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.models.embedder import Embedder
from agentkit.settings import Settings
from tests.models.folders import tiny_encoder_folder

pytestmark = pytest.mark.slow

TEXTS = ["A man eats.", "x", "a long sentence about nothing " * 8, "", "Two words", "!?"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_encoder_folder(tmp_path / "model")
    return tmp_path / "model"


def opened(folder: Path | str, **settings: Any) -> Embedder:
    kit = Kit(Host.load(), Settings())
    kit.define("model", "part", use="embedder", model=str(folder), **settings)
    made = kit.model("part")
    assert isinstance(made, Embedder) and made.ability(Embed) is made  # type: ignore[comparison-overlap]
    return made


def by_hand(folder: Path, texts: list[str], limit: int) -> np.ndarray:
    """Sentence-BERT's recipe: one text at a time, mean over its tokens, length 1."""
    from transformers import AutoModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]"
    )
    module = AutoModel.from_pretrained(str(folder), dtype=torch.float32).eval()
    rows = []
    with torch.no_grad():
        for text in texts:
            ids = tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
            states = module(ids["input_ids"], ids["attention_mask"]).last_hidden_state[0]
            mean = states.mean(0)
            rows.append(mean / mean.norm())
    return torch.stack(rows).numpy()


def test_embeddings_are_those_of_the_recipe(folder: Path) -> None:
    made = opened(folder).embed(TEXTS)
    assert made.shape == (6, 32) and made.dtype == np.float32
    assert np.abs(made - by_hand(folder, TEXTS, 48)).max() < 1e-5


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_batches_change_nothing(folder: Path, batch: int) -> None:
    wanted = opened(folder).embed(TEXTS * 7)
    assert np.abs(opened(folder, batch=batch).embed(TEXTS * 7) - wanted).max() < 1e-5


def test_what_was_cut_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentkit")
    model = opened(folder, max_tokens=10)
    made = model.embed_reporting(TEXTS)
    assert made.cut[2] and not made.cut[[1, 3, 5]].any()
    assert (made.cut == (made.tokens > 10)).all() and made.tokens[3] == 2
    model.embed(TEXTS)
    assert "were cut to 10 tokens" in caplog.text and model.info.context == 10
    assert np.abs(made.vectors - by_hand(folder, TEXTS, 10)).max() < 1e-5
    assert opened(folder, max_tokens=5000).info.context == 48, "no more than it was trained with"


def test_wrong_texts_are_refused(folder: Path) -> None:
    model = opened(folder)
    with pytest.raises(UsageError, match="text 1 is no text but int"):
        model.embed(["a", 5])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="text 0 holds a character"):
        model.embed(["\udc80"])


def test_cancelling_between_batches(folder: Path) -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        opened(folder).embed_reporting(TEXTS, cancel)


def test_names_on_one_folder_share_the_encoder(folder: Path) -> None:
    with Kit(Host.load(), Settings()) as kit:
        for name in ("a", "b"):
            kit.define("model", name, use="embedder", model=str(folder))
        a, b = kit.model("a"), kit.model("b")
        assert a._encoder is b._encoder and a.info.fingerprint == b.info.fingerprint  # type: ignore[attr-defined]
        assert kit.recipe("model", "a")["loaded"] == {"fingerprint": a.info.fingerprint}


def pooling(folder: Path, **modes: bool) -> None:
    (folder / "1_Pooling").mkdir()
    chosen = {f"pooling_mode_{name}": on for name, on in modes.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(chosen))


def test_a_folder_that_pools_by_its_first_token(folder: Path) -> None:
    mean = opened(folder).embed(["a text"])
    pooling(folder, cls_token=True, mean_tokens=False)
    first = opened(folder).embed(["a text"])
    assert np.abs(first - mean).max() > 1e-3


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("pooling", "pools by pooling_mode_max_tokens"),
        ("no tokenizer", "found no tokenizer.json"),
        ("tokenizer", "tokenizer.json"),
        ("weights", "expected .* bytes"),
        ("config", "is no JSON|cannot be loaded"),
        ("limit", "sentence_bert_config.json: cannot be read"),
    ],
)
def test_damaged_folders_are_refused_in_a_line(folder: Path, damage: str, words: str) -> None:
    if damage == "pooling":
        pooling(folder, max_tokens=True)
    elif damage == "no tokenizer":
        (folder / "tokenizer.json").unlink()
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text("{}")
    elif damage == "weights":
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-10])
    elif damage == "config":
        (folder / "config.json").write_text("{")
    else:
        (folder / "sentence_bert_config.json").write_text("{")
    with pytest.raises(ModelFileError, match=words) as caught:
        opened(folder)
    assert "\n" not in caught.value.message


@pytest.mark.slow
def test_minilm_gives_its_known_cosines() -> None:
    """Reference values: computed once with transformers' own model, mean pooling, fp32."""
    model = opened("minilm")
    a, b, c = model.embed(
        ["A man is eating food.", "A man eats a meal.", "The stock market fell today."]
    )
    assert a @ b == pytest.approx(0.9082, abs=1e-3) and a @ c == pytest.approx(-0.0170, abs=1e-3)
    long = model.embed_reporting(["word " * 10_000, ""])
    assert long.cut.tolist() == [True, False] and long.tokens[0] == 10_002
