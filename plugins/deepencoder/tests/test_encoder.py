"""The encoder beside a second implementation, and its tokens' layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from agentkit_deepencoder.config import FULL, TINY
from agentkit_deepencoder.decoder import decode
from agentkit_deepencoder.encoder import DeepEncoder, lay_out
from agentkit_deepencoder.reference import reference
from agentkit_deepencoder.sam import RelativeAttention
from agentkit_deepencoder.weights import Ocr

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def other(folder: Path) -> Any:
    """transformers' own classes with the same numbers, read by transformers' own renaming."""
    return reference(folder, TINY)


def pixels(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(7)) * 2 - 1


def apart(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape and theirs.std() > 0.01
    return ((ours - theirs).norm() / theirs.norm()).item()


@pytest.mark.parametrize("side", [128, 192, 256, 320])
def test_features_are_those_of_the_reference(ocr: Ocr, other: Any, side: int) -> None:
    """Positions are stretched at 128, 192 and 320 pixels, and as learned at 256; windows of 5
    never divide the grid, so padding takes part."""
    seen = pixels(2, 3, side, side)
    theirs = other.model.multi_modal_projector(other.model.vision_tower(seen).last_hidden_state)
    assert apart(ocr.encoder(seen).flatten(1, 2), theirs) < 1e-5


def test_the_comparison_would_notice(ocr: Ocr, other: Any) -> None:
    """One position of one window's table is enough to part them."""
    table = ocr.encoder.sam_model.blocks[0].attn.rel_pos_h
    seen = pixels(1, 3, 192, 192)
    theirs = other.model.multi_modal_projector(other.model.vision_tower(seen).last_hidden_state)
    kept = table.clone()
    try:
        table[0] += 0.5
        assert apart(ocr.encoder(seen).flatten(1, 2), theirs) > 1e-5
    finally:
        table.copy_(kept)


def test_tiles_and_overview_are_laid_out_as_in_the_reference(ocr: Ocr, other: Any) -> None:
    whole, tiles = pixels(3, 256, 256), pixels(6, 3, 192, 192)
    ours = ocr.encoder.read(whole, tiles, columns=3)
    theirs = other.get_image_features(whole[None], tiles, [6], [[3, 2]]).pooler_output[0]
    assert len(ours) == 2 * 3 * (3 * 3 + 1) + 4 * 5 + 1
    assert apart(ours, theirs) < 1e-5


@pytest.mark.parametrize("tiled", [False, True])
def test_a_picture_is_answered_with_the_reference_s_tokens(
    ocr: Ocr, other: Any, tiled: bool
) -> None:
    whole = pixels(3, 256, 256)
    tiles = pixels(2, 3, 192, 192) if tiled else None
    seen = ocr.encoder.read(whole, tiles, columns=1)
    prompt = [5, 6, 7]
    ids = torch.tensor([[0, *[TINY.decoder.image] * len(seen), *prompt]])
    local = (
        {"pixel_values_local": tiles, "num_local_patches": [2], "patches_grid": [[1, 2]]}
        if tiled
        else {}
    )
    theirs = other.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        pixel_values=whole[None],
        max_new_tokens=40,
        do_sample=False,
        **local,
    )[0, ids.shape[1] :].tolist()
    embeds = torch.cat([ocr.decoder.embed([0]), seen, ocr.decoder.embed(prompt)])
    # Beside a shorter prompt: padding and masks change nothing.
    found: list[list[int]] = [[], []]

    def pick(row: int, logits: torch.Tensor) -> int | None:
        token = int(logits.argmax())
        if len(found[row]) == (40, 9)[row] or token == TINY.decoder.eos:
            return None
        found[row].append(token)
        return token

    decode(ocr.decoder, [embeds, ocr.decoder.embed([0, 9, 8])], pick)
    assert found[0] == [token for token in theirs if token != TINY.decoder.eos]
    assert len(set(found[0])) > 2, "the answer says too little to compare"


def test_pieces_of_the_position_bias_change_nothing() -> None:
    attention = RelativeAttention(24, 2, 8)
    torch.nn.init.normal_(attention.rel_pos_h)
    torch.nn.init.normal_(attention.rel_pos_w)
    x = torch.randn(2, 7, 9, 24)
    whole = attention(x)
    for size in (1, 4000, 20000):
        assert torch.allclose(attention(x, bias_bytes=size), whole, atol=1e-5)


def test_views_need_not_be_square(ocr: Ocr) -> None:
    assert ocr.encoder(pixels(1, 3, 128, 320)).shape == (1, 2, 5, TINY.decoder.width)


def test_half_precision_gives_nearly_the_same(ocr: Ocr) -> None:
    seen = pixels(1, 3, 256, 256)
    half = DeepEncoder(TINY).to(torch.bfloat16).requires_grad_(False)
    half.load_state_dict(ocr.encoder.state_dict())
    assert apart(half(seen.bfloat16()).float(), ocr.encoder(seen)) < 0.05


def test_the_order_of_tokens() -> None:
    """Numbers stand for tokens: 2 x 3 tiles of 2 x 2 tokens as one raster with a newline a row,
    the overview, the separator."""
    tiles = torch.arange(24.0).view(6, 2, 2, 1)
    overview = torch.arange(100.0, 104.0).view(2, 2, 1)
    made = lay_out(overview, tiles, 3, torch.tensor([-1.0]), torch.tensor([-2.0]))
    rows = [
        [0, 1, 4, 5, 8, 9],
        [2, 3, 6, 7, 10, 11],
        [12, 13, 16, 17, 20, 21],
        [14, 15, 18, 19, 22, 23],
        [100, 101],
        [102, 103],
    ]
    assert made.flatten().tolist() == [*(n for row in rows for n in [*row, -1]), -2]


@pytest.mark.slow
def test_the_published_encoder_runs() -> None:
    """Full size, random numbers, at 512 pixels: 64 tokens of 1280."""
    with torch.device("meta"):
        made = DeepEncoder(FULL)
    made = made.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for value in made.parameters():
        value.requires_grad_(False).normal_(0, 0.02, generator=generator)
    out = made(pixels(1, 3, 512, 512))
    assert out.shape == (1, 8, 8, 1280) and bool(out.isfinite().all())
