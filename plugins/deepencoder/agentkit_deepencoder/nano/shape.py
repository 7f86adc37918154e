"""Sizes of the nano model: half the published pixels a token, a tenth of its width."""

from __future__ import annotations

from agentkit_deepencoder.config import ClipConfig, DecoderConfig, OcrConfig, SamConfig
from agentkit_deepencoder.nano.alphabet import IMAGE, SIZE

NANO = OcrConfig(
    SamConfig(
        side=128,
        patch=8,
        width=64,
        depth=2,
        heads=2,
        mlp=128,
        window=4,
        all_see=(1,),
        neck=64,
        compressor=(96, 128),
    ),
    ClipConfig(width=128, depth=3, heads=4, mlp=256, grid=4),
    DecoderConfig(
        vocabulary=SIZE,
        width=128,
        depth=4,
        heads=4,
        mlp=256,
        dense=4,
        experts=2,
        chosen=1,
        shared=1,
        expert_mlp=16,
        context=512,
        theta=500.0,
        bos=0,
        eos=1,
        image=IMAGE,
    ),
)
