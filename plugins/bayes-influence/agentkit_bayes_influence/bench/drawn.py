"""Letters drawn in the fonts that matplotlib brings: a tree of scripts, letters and fonts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from agentkit_bayes_influence.posterior import Items, Loss

SCRIPTS = {
    # No letter here looks like one of another script, as A, o and p would.
    "Latin": "bdefghkmqrstwz",
    "Greek": "βγδζηθλμξπσφψω",
    "Cyrillic": "бвджзийлфцчшщю",
    "Armenian": "բգդեզըթժլխծկձճ",
    "Georgian": "აბგდევზთიკლმნჟ",
}
FONTS = (
    "Sans", "Serif", "SansMono", "Sans-Bold", "Serif-Bold", "Sans-Oblique", "Serif-Italic",
    "SansMono-Bold",
)  # fmt: skip
SIDE = 24  # pixels
LEVELS = {
    "font": "same letter: same font before others",
    "letter": "same script: same letter in other fonts before other letters",
    "script": "same script's other letters before other scripts",
}
Ints = NDArray[np.int64]
Reals = NDArray[np.floating]


@dataclass(frozen=True)
class Tree:
    """Where each of n pictures hangs. script, letter, font: (n,); letters of two scripts have two
    numbers."""

    script: Ints
    letter: Ints
    font: Ints

    def pairs(self, level: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n, n) twice: pairs that should come first at this level, and those that should not."""
        same = {k: v[:, None] == v[None] for k, v in vars(self).items()}
        if level == "font":
            return same["letter"] & same["font"], same["letter"] & ~same["font"]
        if level == "letter":
            near = same["letter"] & ~same["font"]
            return near, same["script"] & ~same["letter"]
        return same["script"] & ~same["letter"], ~same["script"]

    def at(self, rows: Ints) -> Tree:
        """Of these pictures alone."""
        return Tree(self.script[rows], self.letter[rows], self.font[rows])

    def closeness(self) -> Ints:
        """(n, n): 0 of other scripts, 1 of one script, 2 of one letter, 3 of one font as well."""
        letter = self.letter[:, None] == self.letter[None]
        font = self.font[:, None] == self.font[None]
        script = self.script[:, None] == self.script[None]
        found: Ints = script.astype(np.int64) + letter + (letter & font)
        return found

    def shuffled(self, level: str, rng: np.random.Generator) -> Tree:
        """The same tree, but for one level, at which what hangs there is dealt out anew: letters to
        scripts, pictures of a script to letters, pictures of a letter to fonts."""
        script, letter, font = self.script.copy(), self.letter.copy(), self.font.copy()
        if level == "script":
            owner = np.zeros(letter.max() + 1, dtype=np.int64)
            owner[letter] = script
            kinds = np.unique(letter)
            owner[kinds] = rng.permutation(owner[kinds])
            script = owner[letter]
        elif level == "letter":
            for one in np.unique(script):
                rows = np.flatnonzero(script == one)
                letter[rows] = letter[rng.permutation(rows)]
        else:
            for one in np.unique(letter):
                rows = np.flatnonzero(letter == one)
                font[rows] = font[rng.permutation(rows)]
        return Tree(script, letter, font)


def draw(
    letters: Mapping[str, str], fonts: Sequence[str], times: int, seed: int
) -> tuple[Tensor, Tree]:
    """Every letter in every font, `times` each, turned by up to 8 degrees, moved, scaled and with
    noise: (n, SIDE * SIDE) from 0 to 1, and their tree."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    rng = np.random.default_rng(seed)
    pictures, places = [], []
    for font, name in enumerate(fonts):
        large = ImageFont.truetype(str(folder / f"DejaVu{name}.ttf"), 48)
        for script, alphabet in enumerate(letters.values()):
            for number, letter in enumerate(alphabet):
                clean = Image.new("L", (96, 96))
                ImageDraw.Draw(clean).text((48, 48), letter, 255, large, anchor="mm")
                for _ in range(times):
                    turned = clean.rotate(rng.uniform(-8, 8), Image.Resampling.BILINEAR)
                    half = 30 * rng.uniform(0.9, 1.1)
                    x, y = 48 + rng.uniform(-4, 4, 2)
                    box = (x - half, y - half, x + half, y + half)
                    small = turned.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box)
                    noise = rng.normal(0, 0.05, SIDE * SIDE)
                    pictures.append(np.asarray(small).ravel() / 255 + noise)
                    places.append((script, script * 100 + number, font))
    pixels = torch.tensor(np.stack(pictures), dtype=torch.float32)
    return pixels, Tree(*np.array(places).T)


class Glyphs(nn.Module):  # type: ignore[misc]
    """A perceptron of two hidden layers: pictures to logits of letters, and of scripts where it
    learns them, side by side."""

    def __init__(self, outputs: int, width: int = 96) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(SIDE * SIDE, width), nn.GELU(), nn.Linear(width, width), nn.GELU()
        )
        self.head = nn.Linear(width, outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        made: Tensor = self.head(self.body(pixels))
        return made


@dataclass(frozen=True)
class Lesson:
    """What a model is taught. leaves, scripts: how many there are; scripts: 0 where it is told
    letters alone."""

    leaves: int
    scripts: int

    def labels(self, tree: Tree) -> Tensor:
        """(n, 1) or (n, 2): number of the letter, and of the script."""
        leaf = np.unique(tree.letter, return_inverse=True)[1]
        columns = [leaf, tree.script] if self.scripts else [leaf]
        return torch.tensor(np.stack(columns, 1))

    def nats(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(n, 1): of the letter, and of the script beside it."""
        found = -logits[:, : self.leaves].log_softmax(-1).gather(1, labels[:, :1])
        if self.scripts:
            found = found - logits[:, self.leaves :].log_softmax(-1).gather(1, labels[:, 1:])
        return found

    def train(self, pixels: Tensor, tree: Tree, seed: int, steps: int) -> Glyphs:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = Glyphs(self.leaves + self.scripts)
        noise, labels = torch.Generator().manual_seed(seed), self.labels(tree)
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
        for _ in range(steps):
            rows = torch.randint(0, len(pixels), (128,), generator=noise)
            loss = self.nats(model(pixels[rows]), labels[rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        return model

    def loss(self, model: Glyphs) -> Loss:
        def loss(parameters: Mapping[str, Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
            return self.nats(functional_call(model, dict(parameters), (pixels,)), labels)

        return loss

    def items(self, pixels: Tensor, tree: Tree, kind: str) -> Items:
        ids = tuple(f"{kind} {n}" for n in range(len(pixels)))
        mask = torch.ones(len(pixels), 1, dtype=torch.bool)
        return Items((pixels, self.labels(tree)), mask, ids)


def area(likeness: Reals, first: NDArray[np.bool_], later: NDArray[np.bool_]) -> float:
    """Mean over pictures of the share of (first, later) pairs whose first is more alike: the area
    under the ROC curve, 0.5 by chance, and where there is nothing to compare; a picture is never
    compared with itself."""
    found = []
    for row, (value, above, below) in enumerate(zip(likeness, first, later)):
        above, below = above.copy(), below.copy()
        above[row] = below[row] = False
        count, others = int(above.sum()), int(below.sum())
        if count and others:
            ranks = rankdata(np.concatenate([value[above], value[below]]))
            wins = ranks[:count].sum() - count * (count + 1) / 2
            found.append(wins / (count * others))
    return float(np.mean(found)) if found else 0.5


def agreement(likeness: Reals, tree: Tree, rng: np.random.Generator | None = None) -> float:
    """Kendall's tau-b of likeness and closeness in the tree, over all pairs; rng: deals the
    pictures to the tree at random first."""
    close = tree.closeness()
    if rng is not None:
        order = rng.permutation(len(close))
        close = close[order][:, order]
    upper = np.triu_indices(len(close), 1)
    return float(kendalltau(likeness[upper], close[upper]).statistic)


def alike(vectors: Tensor) -> Reals:
    """(n, n): cosines of rows, their common mean taken off."""
    unit = F.normalize(vectors - vectors.mean(0), dim=1)
    found: Reals = (unit @ unit.T).numpy()
    return found
