"""The tiny model is an ordinary model folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow


def test_it_loads_like_any_model_and_is_small(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tiny_model_folder(tmp_path / "tiny")
    assert sum(f.stat().st_size for f in folder.iterdir()) < 1 << 20
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.num_attention_heads // model.config.num_key_value_heads == 3
    text = "Grüße, 世界 🎉\n"
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert ids == list(text.encode())
    assert tokenizer.decode(ids) == text
    messages = [{"role": "user", "content": "Hi"}]
    rendered = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert rendered == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.eos_token_id == 258 == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_the_seed_makes_the_weights(tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> bytes:
        return (tiny_model_folder(tmp_path / name, seed=seed) / "model.safetensors").read_bytes()

    assert weights("a", 0) == weights("b", 0) != weights("c", 1)
