"""The global half: CLIP-large without its patch embedding, fed with the compressor's tokens.

DeepSeek-OCR (arXiv 2510.18234), section 3.2.2. All layers are used and no norm follows the last.
Attributes are named as the published tensors are, spelling included.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from agentkit_deepencoder.config import ClipConfig
from agentkit_deepencoder.sam import resized


class SelfAttention(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv_proj(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v)
        made: Tensor = self.out_proj(seen.transpose(1, 2).reshape(b, n, c))
        return made


class Mlp(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)
        made: Tensor = self.fc2(x * torch.sigmoid(1.702 * x))
        return made


class Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(config.width, eps=1e-5)
        self.self_attn = SelfAttention(config.width, config.heads)
        self.layer_norm2 = nn.LayerNorm(config.width, eps=1e-5)
        self.mlp = Mlp(config.width, config.mlp)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        made: Tensor = x + self.mlp(self.layer_norm2(x))
        return made


class Embeddings(nn.Module):  # type: ignore[misc]
    """A class token in front, and a learned position for each."""

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.grid = config.grid
        self.class_embedding = nn.Parameter(torch.zeros(config.width))
        self.position_embedding = nn.Embedding(config.grid**2 + 1, config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, C, h, w) to (B, 1 + h·w, C)."""
        b, c, h, w = tokens.shape
        first = self.class_embedding.expand(b, 1, c)
        places = self.position_embedding.weight
        square = places[1:].T.reshape(1, c, self.grid, self.grid)
        spread = resized(square, h, w).flatten(2).transpose(1, 2)
        made = torch.cat([first, tokens.flatten(2).transpose(1, 2)], 1)
        return made + torch.cat([places[None, :1], spread], 1)


class Layers(nn.Module):  # type: ignore[misc]
    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.depth))


class Clip(nn.Module):  # type: ignore[misc]
    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width, eps=1e-5)
        self.transformer = Layers(config)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, C, h, w) to (B, 1 + h·w, C), the class token first."""
        x = self.pre_layrnorm(self.embeddings(tokens))
        for layer in self.transformer.layers:
            x = layer(x)
        return x
