"""A second implementation to compare with: transformers' classes of Unlimited-OCR, whose encoder
is DeepEncoder and whose decoder differs only in how far an answer looks back (`sliding_window`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from agentkit_deepencoder.config import OcrConfig


def reference_config(config: OcrConfig) -> Any:
    """transformers' form of it; answers look back over the whole context."""
    from transformers import UnlimitedOcrConfig

    sam, clip, text = config.sam, config.clip, config.decoder
    return UnlimitedOcrConfig(
        vision_config={
            "sam_config": {
                "hidden_size": sam.width,
                "output_channels": sam.neck,
                "num_hidden_layers": sam.depth,
                "num_attention_heads": sam.heads,
                "image_size": sam.side,
                "patch_size": sam.patch,
                "window_size": sam.window,
                "global_attn_indexes": list(sam.all_see),
                "mlp_dim": sam.mlp,
                "downsample_channels": list(sam.compressor),
            },
            "encoder_config": {
                "hidden_size": clip.width,
                "intermediate_size": clip.mlp,
                "num_hidden_layers": clip.depth,
                "num_attention_heads": clip.heads,
                "image_size": 14 * clip.grid,
                "patch_size": 14,
            },
        },
        text_config={
            "vocab_size": text.vocabulary,
            "hidden_size": text.width,
            "intermediate_size": text.mlp,
            "num_hidden_layers": text.depth,
            "num_attention_heads": text.heads,
            "num_key_value_heads": text.heads,
            "max_position_embeddings": text.context,
            "rope_parameters": {"rope_type": "default", "rope_theta": text.theta},
            "first_k_dense_replace": text.dense,
            "n_routed_experts": text.experts,
            "num_experts_per_tok": text.chosen,
            "n_shared_experts": text.shared,
            "moe_intermediate_size": text.expert_mlp,
            "bos_token_id": text.bos,
            "eos_token_id": text.eos,
            "sliding_window": text.context,
        },
        image_token_id=text.image,
    )


def reference(folder: Path, config: OcrConfig) -> Any:
    """transformers' own model with a checkpoint that was written under the published names, in
    fp32, read by transformers' own renaming."""
    from transformers import UnlimitedOcrForConditionalGeneration

    made = UnlimitedOcrForConditionalGeneration.from_pretrained(
        folder, config=reference_config(config), dtype=torch.float32
    )
    return made.eval().requires_grad_(False)
