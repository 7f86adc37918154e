"""Tiny models with random weights, of kinds that `agentkit.testing.tiny` does not make."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from agentkit.testing.tiny import SPECIAL, TEMPLATE, byte_symbols, write_byte_tokenizer

IDS = {"bos_token_id": 256, "eos_token_id": 258, "pad_token_id": 259}


def other_family_folder(path: Path) -> None:
    """A GPT-2: learned positions, no rotary embedding, another naming of layers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=260, n_embd=48, n_layer=2, n_head=3, n_positions=1024, n_inner=96, **IDS
    )
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():  # the library's own start is so flat that every token is as likely
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.25)
        model.transformer.wte.weight[32:127] *= 2  # letters are likelier than broken UTF-8
    model.save_pretrained(path)
    write_byte_tokenizer(path)


def tiny_encoder_folder(path: Path) -> None:
    """A BERT of two layers with a word-piece tokenizer of letters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    letters = [chr(n) for n in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{one}" for one in letters)]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    torch.manual_seed(0)
    model = BertModel(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.3)
    model.save_pretrained(path)
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(path / "tokenizer.json"))
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48}))


def tiny_gguf(path: Path, *, layers: int = 1) -> dict[str, np.ndarray]:
    """Writes a Llama in GGUF with the gguf package; gives some weights under the names that they
    have in the library, as they must come out."""
    from gguf import GGUFWriter, TokenType

    width, inner, heads, kv = 64, 96, 4, 2
    noise = np.random.default_rng(3)
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(256)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(width // heads)
    tokens = [*byte_symbols(), *SPECIAL, "ab"]
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.NORMAL] * 256 + [TokenType.CONTROL] * len(SPECIAL) + [1])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(IDS["bos_token_id"])
    writer.add_eos_token_id(IDS["eos_token_id"])
    writer.add_pad_token_id(IDS["pad_token_id"])
    writer.add_chat_template(TEMPLATE)

    def tensor(name: str, *shape: int) -> np.ndarray:
        made = noise.normal(0, 0.1, shape).astype(np.float32)
        writer.add_tensor(name, made)
        return made

    known = {"model.embed_tokens.weight": tensor("token_embd.weight", len(tokens), width)}
    for n in range(layers):
        for name, theirs, *shape in (
            ("attn_norm", "input_layernorm", width),
            ("ffn_norm", "post_attention_layernorm", width),
            ("attn_q", "", width, width),  # queries and keys are stored in another order
            ("attn_k", "", width // heads * kv, width),
            ("attn_v", "self_attn.v_proj", width // heads * kv, width),
            ("attn_output", "self_attn.o_proj", width, width),
            ("ffn_gate", "mlp.gate_proj", inner, width),
            ("ffn_up", "mlp.up_proj", inner, width),
            ("ffn_down", "mlp.down_proj", width, inner),
        ):
            made = tensor(f"blk.{n}.{name}.weight", *shape)
            if theirs:
                known[f"model.layers.{n}.{theirs}.weight"] = made
    known["model.norm.weight"] = tensor("output_norm.weight", width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return known
