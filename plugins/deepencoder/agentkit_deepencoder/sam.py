"""The windowed half: SAM-base, then a compressor that makes one token of 16 patches.

DeepSeek-OCR (arXiv 2510.18234), section 3.2; SAM (arXiv 2304.02643) and its decomposed relative
positions (MViTv2, arXiv 2112.01526, section 4.1). Attention sees windows in most blocks, so that a
page's many patches stay cheap; few tokens are left when anything sees all of them at once.
Attributes are named as the published tensors are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agentkit_deepencoder.config import SamConfig

BIAS_BYTES = 256 << 20
"""The most that one piece of the relative-position bias may take: at 1280 pixels a whole global
layer's would take 2 GB."""


class RelativeAttention(nn.Module):  # type: ignore[misc]
    """Attention over a (H, W) grid. The logit of query (i, j) and key (k, l) is
    q·key / sqrt(d) + q·Rh[i - k] + q·Rw[j - l]: the position terms use the unscaled q."""

    def __init__(self, width: int, heads: int, grid: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * grid - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * grid - 1, width // heads))

    def forward(self, x: Tensor, bias_bytes: int = BIAS_BYTES) -> Tensor:
        """(B, H, W, C) to the same."""
        b, h, w, c = x.shape
        d = c // self.heads
        q, k, v = self.qkv(x).view(b, h * w, 3, self.heads, d).permute(2, 0, 3, 1, 4)
        high, wide = relative(self.rel_pos_h, h), relative(self.rel_pos_w, w)
        row = b * self.heads * w * h * w * x.element_size()  # the bias of one row of queries
        rows = max(1, min(h, bias_bytes // row))
        seen = []
        for top in range(0, h, rows):  # rows of queries: each sees all keys, so pieces are exact
            part = q[:, :, top * w : (top + rows) * w]
            grid = part.unflatten(2, (-1, w))
            up = torch.einsum("bnhwd,hkd->bnhwk", grid, high[top : top + rows])
            across = torch.einsum("bnhwd,wkd->bnhwk", grid, wide)
            bias = (up[..., :, None] + across[..., None, :]).flatten(4).flatten(2, 3)
            seen.append(F.scaled_dot_product_attention(part, k, v, attn_mask=bias))
        out = torch.cat(seen, 2) if len(seen) > 1 else seen[0]
        made: Tensor = self.proj(out.transpose(1, 2).reshape(b, h, w, c))
        return made


def relative(table: Tensor, size: int) -> Tensor:
    """(size, size, d): row i, column k is the vector of distance i - k.

    A table made for another size is stretched linearly.
    """
    if table.shape[0] != 2 * size - 1:
        line = table.float().T[None]
        table = F.interpolate(line, 2 * size - 1, mode="linear")[0].T.to(table.dtype)
    places = torch.arange(size, device=table.device)
    return table[places[:, None] - places[None] + size - 1]


class Mlp(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, inner)
        self.lin2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.lin2(F.gelu(self.lin1(x)))
        return made


class Block(nn.Module):  # type: ignore[misc]
    """Pre-norm. window: patches a side, 0 for attention that sees all."""

    def __init__(self, config: SamConfig, window: int) -> None:
        super().__init__()
        self.window = window
        self.norm1 = nn.LayerNorm(config.width, eps=1e-6)
        self.attn = RelativeAttention(config.width, config.heads, window or config.grid)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-6)
        self.mlp = Mlp(config.width, config.mlp)

    def forward(self, x: Tensor) -> Tensor:
        x = x + (self._windowed(self.norm1(x)) if self.window else self.attn(self.norm1(x)))
        made: Tensor = x + self.mlp(self.norm2(x))
        return made

    def _windowed(self, x: Tensor) -> Tensor:
        """Zeros fill the last windows and take part, as they did in training."""
        b, h, w, c = x.shape
        s = self.window
        x = F.pad(x, (0, 0, 0, -w % s, 0, -h % s))
        rows, columns = x.shape[1] // s, x.shape[2] // s
        windows = x.view(b, rows, s, columns, s, c).transpose(2, 3).reshape(-1, s, s, c)
        seen = self.attn(windows).view(b, rows, columns, s, s, c).transpose(2, 3)
        return seen.reshape(b, rows * s, columns * s, c)[:, :h, :w]


class ChannelNorm(nn.Module):  # type: ignore[misc]
    """Layer norm over the channels of (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        last = x.permute(0, 2, 3, 1)
        return F.layer_norm(last, last.shape[-1:], self.weight, self.bias, 1e-6).permute(0, 3, 1, 2)


class Patches(nn.Module):  # type: ignore[misc]
    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.width, config.patch, config.patch)

    def forward(self, pixels: Tensor) -> Tensor:
        made: Tensor = self.proj(pixels).permute(0, 2, 3, 1)
        return made


class Sam(nn.Module):  # type: ignore[misc]
    def __init__(self, config: SamConfig) -> None:
        super().__init__()
        self.patch_embed = Patches(config)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.grid, config.grid, config.width))
        self.blocks = nn.ModuleList(
            Block(config, 0 if n in config.all_see else config.window) for n in range(config.depth)
        )
        self.neck = nn.Sequential(
            nn.Conv2d(config.width, config.neck, 1, bias=False),
            ChannelNorm(config.neck),
            nn.Conv2d(config.neck, config.neck, 3, padding=1, bias=False),
            ChannelNorm(config.neck),
        )
        middle, last = config.compressor
        self.net_2 = nn.Conv2d(config.neck, middle, 3, 2, 1, bias=False)
        self.net_3 = nn.Conv2d(middle, last, 3, 2, 1, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, H, W) in -1..1 to (B, channels, H / 64, W / 64) with 16-pixel patches."""
        return self.compress(self.patches(pixels))

    def patches(self, pixels: Tensor) -> Tensor:
        """(B, H / 16, W / 16, width): what the blocks make of every patch."""
        x = self.patch_embed(pixels)
        x = x + resized(self.pos_embed.permute(0, 3, 1, 2), x.shape[1], x.shape[2]).permute(
            0, 2, 3, 1
        )
        for block in self.blocks:
            x = block(x)
        return x

    def compress(self, x: Tensor) -> Tensor:
        """Sixteen patches to one token."""
        made: Tensor = self.net_3(self.net_2(self.neck(x.permute(0, 3, 1, 2))))
        return made


def resized(grid: Tensor, height: int, width: int) -> Tensor:
    """(1, C, h, w) positions for another grid: bicubic with antialias, in fp32."""
    if grid.shape[2:] == (height, width):
        return grid
    made = F.interpolate(
        grid.float(), (height, width), mode="bicubic", antialias=True, align_corners=False
    )
    return made.to(grid.dtype)
