"""A real language model of under a megabyte, with random weights, for tests.

It has all that the small default model has: a Llama with grouped queries (three heads share one
key-value head), a byte-level tokenizer, a chat template, an ordinary model folder. What it says
means nothing, yet every path of the engine runs on it in milliseconds.
"""

from __future__ import annotations

import json
from pathlib import Path

from agentkit.files import folder_atomic

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>")
CONTEXT = 1024
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_model_folder(
    path: Path, *, seed: int = 0, layers: int = 2, context: int = CONTEXT
) -> Path:
    """Writes a random two-layer Llama with tokenizer and chat template, as any model folder is.

    Args:
        path: the folder to make; one that is there already is left as it is.
        seed: of the weights; two seeds give two models with one tokenizer.
        layers: number of decoder layers.
        context: the most tokens of prompt and answer together.
    """
    if (path / "config.json").exists():
        return path
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=256 + len(SPECIAL),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=layers,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=256,
        eos_token_id=258,
        pad_token_id=259,
    )
    model = LlamaForCausalLM(config)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:  # norms keep their ones
                weight.normal_(0.0, 1.6 / weight.shape[1] ** 0.5, generator=noise)
    with folder_atomic(path) as folder:
        model.save_pretrained(folder)
        write_byte_tokenizer(folder, context=context)
    return path


def write_byte_tokenizer(folder: Path, *, context: int = CONTEXT) -> None:
    """A tokenizer with one token per byte and four special ones (ids 256 to 259)."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = {symbol: index for index, symbol in enumerate(byte_symbols())}
    tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=SPECIAL[0],
        eos_token=SPECIAL[2],
        pad_token=SPECIAL[3],
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    generation = {"bos_token_id": 256, "eos_token_id": 258, "pad_token_id": 259}
    (folder / "generation_config.json").write_text(json.dumps(generation))


def byte_symbols() -> list[str]:
    """The printable character that stands for each byte in byte-level vocabularies, so that token
    ids are byte values: printable bytes stand for themselves, the rest for 256, 257, …"""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]
