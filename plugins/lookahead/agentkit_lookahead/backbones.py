"""The language models that routers stand on: from a folder, or tiny ones made here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from agentkit.errors import ModelFileError
from agentkit.models.files.loading import locate, offline_and_quiet, torch_device
from agentkit_lookahead.clm import CausalRouter
from agentkit_lookahead.mlm import MaskedRouter
from agentkit_lookahead.settings import TrainSettings
from agentkit_lookahead.words import Words, folder_words, train_words

TINY = "tiny"
Router = MaskedRouter | CausalRouter


def make(settings: TrainSettings, candidates: int, texts: Iterable[str]) -> Router:
    """An untrained router.

    Args:
        texts: what the tiny backbone's tokenizer is made from.

    Raises:
        ModelFileError: the backbone's folder cannot be loaded, or is of another kind.
    """
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        if settings.backbone == TINY:
            words = train_words(texts, settings.vocabulary, candidates)
            made = assemble(settings, words, tiny(settings, words))
        else:
            folder = locate(settings.backbone, Path.cwd())
            words = folder_words(folder, candidates, settings.variant == "mlm")
            backbone = _loaded(folder, settings)
            _widen(backbone, words)
            made = assemble(settings, words, backbone)
    made.to(torch_device(settings.device))
    return made


def assemble(settings: TrainSettings, words: Words, backbone: Any) -> Router:
    kind = MaskedRouter if settings.variant == "mlm" else CausalRouter
    return kind(backbone, words, settings.block, settings.dropout)


def tiny(settings: TrainSettings, words: Words) -> Any:
    """A ModernBERT or a Llama of `layers` layers, random. All layers see everything."""
    from transformers import (
        LlamaConfig,
        LlamaForCausalLM,
        ModernBertConfig,
        ModernBertForMaskedLM,
    )

    longest = settings.prompt + settings.block + 4
    shared: dict[str, Any] = {
        "vocab_size": words.size,
        "hidden_size": settings.width,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "intermediate_size": 2 * settings.width,
        "max_position_embeddings": longest,
        "pad_token_id": words.pad,
        "tie_word_embeddings": True,
        "attn_implementation": "sdpa",
    }
    if settings.variant == "clm":
        causal = LlamaConfig(**shared, bos_token_id=words.cls, eos_token_id=words.eos)
        return LlamaForCausalLM(causal)
    masked = ModernBertConfig(
        **shared,
        cls_token_id=words.cls,
        sep_token_id=words.sep,
        bos_token_id=words.cls,
        eos_token_id=words.eos,
        layer_types=["full_attention"] * settings.layers,
    )
    return ModernBertForMaskedLM(masked)


def empty(settings: TrainSettings, config: dict[str, Any]) -> Any:
    """A backbone of that configuration, to be filled with weights."""
    import transformers

    mlm = settings.variant == "mlm"
    made = transformers.AutoConfig.for_model(**config)
    kind = transformers.AutoModelForMaskedLM if mlm else transformers.AutoModelForCausalLM
    return kind.from_config(made, attn_implementation="sdpa")


def _loaded(folder: Path, settings: TrainSettings) -> Any:
    import transformers

    kind = (
        transformers.AutoModelForMaskedLM
        if settings.variant == "mlm"
        else transformers.AutoModelForCausalLM
    )
    with offline_and_quiet(folder):
        return kind.from_pretrained(
            str(folder),
            dtype=torch.float32,
            attn_implementation="sdpa",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )


def _widen(backbone: Any, words: Words) -> None:
    """Rows for tokens that the model does not know: the mean of all with noise of 1 / sqrt(d)."""
    old = int(backbone.get_input_embeddings().weight.shape[0])
    if max(words.mids) < old:
        return
    backbone.resize_token_embeddings(words.size, pad_to_multiple_of=64, mean_resizing=False)
    tables = {
        id(t.weight): t.weight
        for t in (backbone.get_input_embeddings(), backbone.get_output_embeddings())
        if t is not None
    }
    if not tables:
        raise ModelFileError("the backbone has no embeddings", "use another one")
    with torch.no_grad():
        for table in tables.values():
            mean = table[:old].mean(0, keepdim=True)
            noise = torch.randn_like(table[old:]) / table.shape[1] ** 0.5
            table[old:] = mean + noise
