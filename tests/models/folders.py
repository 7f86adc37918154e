"""Tiny models with random weights, of kinds that `agentkit.testing.tiny` does not make."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from agentkit.testing.tiny import write_byte_tokenizer

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
