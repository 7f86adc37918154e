"""A policy's files: an ordinary model folder (a small Llama) whose tokens are whole words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agentkit.errors import DataError
from agentkit.files import folder_atomic
from agentkit_phone_policy.encoding import END, FIXED, PAD, WORD

CONTEXT = 512


def write_policy(
    out: Path, tokens: Sequence[str], *, width: int, layers: int, heads: int, seed: int = 0
) -> Path:
    """A policy that knows nothing yet: random weights, and the tokenizer of a vocabulary.

    A pre-norm decoder with rotary positions, RMS norms, a gated feed-forward layer and tied
    embeddings, which is what Llama is: the kit's engine runs it, and no second decoder is kept.
    """
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    ids = {token: number for number, token in enumerate(tokens)}
    if len(ids) < len(tokens) or tuple(tokens[: len(FIXED)]) != FIXED:
        raise DataError("a vocabulary has each word once, and begins with the fixed tokens", "")
    words = Tokenizer(models.WordLevel(ids, unk_token=WORD))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END, pad_token=PAD, unk_token=WORD,
        model_max_length=CONTEXT, clean_up_tokenization_spaces=False,
    )  # fmt: skip
    config = LlamaConfig(
        vocab_size=-(-len(tokens) // 8) * 8,
        hidden_size=width,
        intermediate_size=-(-width * 8 // 3 // 16) * 16,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.02,
        bos_token_id=None,
        eos_token_id=ids[END],
        pad_token_id=ids[PAD],
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    with folder_atomic(out) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return out


def write_weights(out: Path, base: Path, trained: Path) -> Path:
    """A policy's folder with other weights: those of a checkpoint's model.safetensors, in bf16.

    Raises:
        DataError: they are of another policy.
    """
    import json
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    try:
        given = load_file(str(trained))
        own = load_file(str(base / "model.safetensors"))
    except (OSError, ValueError) as error:
        raise DataError(f"the weights cannot be read: {error}", "") from error
    if given.keys() != own.keys() or any(own[n].shape != t.shape for n, t in given.items()):
        raise DataError(f"{trained} is of another policy than {base}", "")
    with folder_atomic(out) as folder:
        for path in base.glob("*.json"):
            shutil.copy(path, folder / path.name)
        config = json.loads((folder / "config.json").read_text())
        config["dtype"] = "bfloat16"
        (folder / "config.json").write_text(json.dumps(config, indent=2))
        save_file(
            {n: t.to(torch.bfloat16) for n, t in given.items()},
            str(folder / "model.safetensors"),
            {"format": "pt"},
        )
    return out
