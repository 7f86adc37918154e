"""Checkpoints: the published names, and what is said about wrong ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from agentkit.errors import ModelFileError
from agentkit_deepencoder.config import FULL, TINY, OcrConfig
from agentkit_deepencoder.reference import reference_config
from agentkit_deepencoder.weights import (
    UNUSED,
    Ocr,
    canonical,
    check,
    config_of,
    load,
    published,
)

NAMED = {
    "model.sam_model.blocks.11.attn.rel_pos_h": (127, 64),
    "model.sam_model.blocks.0.attn.rel_pos_w": (27, 64),
    "model.sam_model.blocks.3.mlp.lin2.bias": (768,),
    "model.sam_model.patch_embed.proj.weight": (768, 3, 16, 16),
    "model.sam_model.pos_embed": (1, 64, 64, 768),
    "model.sam_model.neck.2.weight": (256, 256, 3, 3),
    "model.sam_model.neck.3.bias": (256,),
    "model.sam_model.net_3.weight": (1024, 512, 3, 3),
    "model.vision_model.embeddings.class_embedding": (1024,),
    "model.vision_model.embeddings.position_embedding.weight": (257, 1024),
    "model.vision_model.pre_layrnorm.weight": (1024,),
    "model.vision_model.transformer.layers.23.self_attn.qkv_proj.weight": (3072, 1024),
    "model.projector.layers.weight": (1280, 2048),
    "model.image_newline": (1280,),
    "model.view_seperator": (1280,),
    "model.embed_tokens.weight": (129280, 1280),
    "model.layers.0.mlp.gate_proj.weight": (6848, 1280),
    "model.layers.1.mlp.gate.weight": (64, 1280),
    "model.layers.11.mlp.experts.63.down_proj.weight": (1280, 896),
    "model.layers.11.mlp.shared_experts.up_proj.weight": (1792, 1280),
    "model.norm.weight": (1280,),
    "lm_head.weight": (129280, 1280),
}


def test_all_2710_published_names_and_shapes() -> None:
    names = published(FULL)
    assert len(names) == 2710
    assert sum(torch.Size(shape).numel() for shape in names.values()) == 3_336_106_240
    assert {name: names[name] for name in NAMED} == NAMED


@pytest.mark.slow
def test_the_reference_has_as_many_numbers() -> None:
    """transformers' class at full size, on the meta device: the same but for CLIP's patches."""
    from transformers import UnlimitedOcrForConditionalGeneration

    with torch.device("meta"):
        other = UnlimitedOcrForConditionalGeneration(reference_config(FULL))
    unused = torch.Size(published(FULL)[UNUSED]).numel()
    assert sum(v.numel() for v in other.state_dict().values()) == 3_336_106_240 - unused


def test_the_reference_takes_every_name(folder: Path) -> None:
    """A file written here leaves nothing missing and nothing over in transformers' own loader."""
    from transformers import UnlimitedOcrForConditionalGeneration

    _, told = UnlimitedOcrForConditionalGeneration.from_pretrained(
        folder, config=reference_config(TINY), output_loading_info=True
    )
    assert not told["missing_keys"] and not told["unexpected_keys"] and not told["mismatched_keys"]


def test_what_is_written_is_read(ocr: Ocr, folder: Path) -> None:
    again, report = load(folder, torch.float32, "cpu")
    assert report.good and len(report.used) == len(published(TINY)) - 1
    assert all(
        torch.equal(a, b) for a, b in zip(ocr.state_dict().values(), again.state_dict().values())
    )
    ids = torch.tensor([[0, 5, 9]])
    ours, theirs = (m.decoder(m.decoder.model.embed_tokens(ids)) for m in (ocr, again))
    assert torch.equal(ours, theirs), "frequencies that are computed came out otherwise"


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def rewritten(folder: Path, change: object) -> Path:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)  # type: ignore[operator]
    save_file(tensors, path)
    return folder


def test_every_wrong_key_is_named(copied: Path) -> None:
    def break_it(tensors: dict[str, torch.Tensor]) -> None:
        del tensors["model.sam_model.net_2.weight"]
        tensors["model.projector.layers.bias"] = torch.zeros(3)
        tensors["model.layers.1.mlp.experts.9.up_proj.weight"] = torch.zeros(2)

    with pytest.raises(ModelFileError) as caught:
        load(rewritten(copied, break_it), torch.float32, "cpu")
    told = str(caught.value)
    assert "1 missing: model.sam_model.net_2.weight" in told
    assert "model.projector.layers.bias is (3,), not (40,)" in told
    assert "1 unknown: model.layers.1.mlp.experts.9.up_proj.weight" in told


def test_other_spellings_are_taken(copied: Path, ocr: Ocr) -> None:
    """Root-level names, the mended separator; CLIP's patches are dropped, and said to be."""

    def rename(tensors: dict[str, torch.Tensor]) -> None:
        for name in list(tensors):
            short = name.removeprefix("model.").replace("seperator", "separator")
            tensors[short] = tensors.pop(name)
        tensors["vision_model.embeddings.patch_embedding.weight"] = torch.zeros(
            published(TINY)[UNUSED]
        )

    again, report = load(rewritten(copied, rename), torch.float32, "cpu")
    assert report.dropped == [UNUSED] and torch.equal(
        again.encoder.view_seperator, ocr.encoder.view_seperator
    )
    assert canonical("lm_head.weight") == "lm_head.weight"


def test_shards_are_read(copied: Path, ocr: Ocr) -> None:
    path = copied / "model.safetensors"
    tensors = load_file(path)
    names = sorted(tensors)
    save_file({n: tensors[n] for n in names[::2]}, copied / "model-00001-of-00002.safetensors")
    save_file({n: tensors[n] for n in names[1::2]}, copied / "model-00002-of-00002.safetensors")
    path.unlink()
    again, _ = load(copied, torch.float32, "cpu")
    assert torch.equal(again.decoder.lm_head.weight, ocr.decoder.lm_head.weight)


def test_broken_folders_are_told_apart(copied: Path, tmp_path: Path) -> None:
    path = copied / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelFileError, match=r"model\.safetensors: cannot be read"):
        load(copied, torch.float32, "cpu")
    path.unlink()
    with pytest.raises(ModelFileError, match="holds no safetensors"):
        load(copied, torch.float32, "cpu")
    for text in ("", "{}", '{"deepencoder": {"sam": {"sides": 3}}}'):
        (copied / "config.json").write_text(text)
        with pytest.raises(ModelFileError, match=r"config\.json"):
            config_of(copied)
    with pytest.raises(ModelFileError, match="cannot be read"):
        config_of(tmp_path / "absent")


def test_the_published_config_is_the_full_model(tmp_path: Path) -> None:
    """The sizes as the published config.json has them, under `language_config`."""
    text = {
        "vocab_size": 129280,
        "hidden_size": 1280,
        "num_hidden_layers": 12,
        "num_attention_heads": 10,
        "intermediate_size": 6848,
        "first_k_dense_replace": 1,
        "n_routed_experts": 64,
        "num_experts_per_tok": 6,
        "n_shared_experts": 2,
        "moe_intermediate_size": 896,
        "max_position_embeddings": 8192,
    }
    (tmp_path / "config.json").write_text(json.dumps({"language_config": text}))
    assert config_of(tmp_path) == FULL
    assert OcrConfig.of(TINY.plain(), "here") == TINY


def test_a_report_shows_some_keys_and_counts_the_rest() -> None:
    report = check({}, TINY)
    assert not report.good and f"{len(report.missing)} missing" in str(report)
    assert "and" in str(report) and len(str(report)) < 1200
