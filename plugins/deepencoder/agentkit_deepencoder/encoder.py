"""DeepEncoder: windowed half, compressor, global half, projector, and the tokens' layout.

DeepSeek-OCR (arXiv 2510.18234), section 3.2 and figure 3. Two things its figure hides: the
compressor's tokens go beside the global half's into the projector, CLIP's channels first; and every
row of tokens ends with a learned newline.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from agentkit_deepencoder.clip import Clip
from agentkit_deepencoder.config import OcrConfig
from agentkit_deepencoder.sam import Sam

AT_ONCE = 8  # tiles of one pass


class Projector(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.layers(x)
        return made


class DeepEncoder(nn.Module):  # type: ignore[misc]
    def __init__(self, config: OcrConfig) -> None:
        super().__init__()
        out = config.decoder.width
        self.sam_model = Sam(config.sam)
        self.vision_model = Clip(config.clip)
        self.projector = Projector(config.clip.width + config.sam.compressor[1], out)
        self.image_newline = nn.Parameter(torch.zeros(out))
        self.view_seperator = nn.Parameter(torch.zeros(out))

    def forward(self, pixels: Tensor) -> Tensor:
        """Views (B, 3, H, W) in -1..1 to their tokens (B, h, w, d); h = H / 64 with 16-pixel
        patches. Views need not be square."""
        return self.fuse(self.sam_model(pixels))

    def fuse(self, local: Tensor) -> Tensor:
        """The compressor's tokens (B, C, h, w), seen by the global half, and both projected."""
        whole = self.vision_model(local)[:, 1:]
        both = torch.cat([whole, local.flatten(2).transpose(1, 2)], -1)
        made: Tensor = self.projector(both).unflatten(1, local.shape[2:])
        return made

    def read(self, overview: Tensor, tiles: Tensor | None = None, columns: int = 1) -> Tensor:
        """One picture's tokens as the decoder takes them, (n, d).

        Args:
            overview: (3, H, W), the whole picture.
            tiles: (rows · columns, 3, h, w), row by row, where it was cut into any.
        """
        local = (
            torch.cat([self(part) for part in tiles.split(AT_ONCE)]) if tiles is not None else None
        )
        return lay_out(
            self(overview[None])[0], local, columns, self.image_newline, self.view_seperator
        )


def lay_out(
    overview: Tensor,
    tiles: Tensor | None,
    columns: int,
    newline: Tensor,
    separator: Tensor,
) -> Tensor:
    """Tokens in the decoder's order: the tiles as one raster, the overview, the separator.

    Args:
        overview: (h, w, d).
        tiles: (rows · columns, h, w, d), row by row; None for none.
        newline: (d,), after each row of either raster.
        separator: (d,), once at the end.
    """
    rasters = [overview]
    if tiles is not None:
        n, h, w, d = tiles.shape
        rows = n // columns
        grid = tiles.view(rows, columns, h, w, d).transpose(1, 2)
        rasters.insert(0, grid.reshape(rows * h, columns * w, d))
    lines: Sequence[Tensor] = [
        torch.cat([raster, newline.expand(raster.shape[0], 1, -1)], 1).flatten(0, 1)
        for raster in rasters
    ]
    return torch.cat([*lines, separator[None]])
