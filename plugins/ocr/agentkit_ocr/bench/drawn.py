"""Figures drawn from known content: bar charts, structural formulas, plane geometry."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from agentkit_ocr.document import Cell
from agentkit_ocr.figures.geometry import Drawing, Segment

SIDE = 512  # pixels
WORDS = (
    "Apples", "Boats", "Coal", "Dairy", "Eggs", "Fish", "Grain", "Honey", "Iron", "Jute", "Kelp",
    "Lime", "Malt", "Nuts", "Oats", "Peat", "Rice", "Salt", "Tea", "Wool", "Yarn", "Zinc",
)  # fmt: skip
COLOURS = ("#4472C4", "#ED7D31", "#70AD47")
MOLECULES = (
    "CCO", "CC(=O)O", "c1ccccc1", "Cc1ccccc1", "Oc1ccccc1", "CC(C)=O", "CCN", "C1CCCCC1", "CC#N",
    "NCC(=O)O", "CC(N)C(=O)O", "O=C(O)c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "CC(=O)Nc1ccc(O)cc1",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "c1ccc2ccccc2c1", "C1CCNCC1", "c1ccncc1", "CCOC(C)=O",
    "COc1cc(C=O)ccc1O", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "NC(=O)c1cccnc1", "OCC(O)CO", "O=C1CCCCC1",
)  # fmt: skip
"""Of common substances: ethanol, acetic acid, benzene … caffeine, vanillin, ibuprofen."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A PNG picture and what it shows: one of the three."""

    picture: bytes
    cells: tuple[Cell, ...] = ()
    smiles: str = ""
    drawing: Drawing = field(default_factory=Drawing)


def chart(rng: random.Random) -> Figure:
    """A bar chart with its values above the bars: two to four groups of one to three series."""
    groups, series = rng.randint(2, 4), rng.randint(1, 3)
    names = rng.sample(WORDS, groups + series)
    values = [[rng.randint(5, 99) for _ in range(series)] for _ in range(groups)]
    picture = Pictures.new("RGB", (SIDE, SIDE), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(20)
    floor, top = SIDE - 60, 90
    draw.line((40, floor, SIDE - 20, floor), "black", 2)
    wide = (SIDE - 80) // groups
    for group, row in enumerate(values):
        left = 50 + group * wide
        draw.text((left + wide // 4, floor + 12), names[series + group], "black", font)
        each = (wide - 20) // series
        for column, value in enumerate(row):
            x, y = left + column * each, floor - value * (floor - top) // 100
            draw.rectangle((x, y, x + each - 4, floor), COLOURS[column])
            draw.text((x + 2, y - 24), str(value), "black", font)
    for column, name in enumerate(names[:series]):
        x = 60 + column * 140
        draw.rectangle((x, 20, x + 18, 38), COLOURS[column])
        draw.text((x + 26, 18), name, "black", font)
    lines = [["", *names[:series]]]
    lines += [[names[series + n], *map(str, row)] for n, row in enumerate(values)]
    cells = tuple(Cell(r, c, text) for r, row in enumerate(lines) for c, text in enumerate(row))
    return Figure(_png(picture), cells=cells)


def geometry(rng: random.Random) -> Figure:
    """A polygon of three to five corners with their names and at times a diagonal, in units of 20
    pixels from the middle, y upwards."""
    corners = rng.randint(3, 5)
    places: list[tuple[int, int]] = []
    while len(places) < corners:
        place = rng.randint(-10, 10), rng.randint(-10, 10)
        if all(abs(place[0] - x) + abs(place[1] - y) >= 6 for x, y in places):
            places.append(place)
    ends = list(zip(places, [*places[1:], places[0]]))
    if corners > 3 and rng.random() < 0.5:
        ends.append((places[0], places[2]))
    picture = Pictures.new("RGB", (SIDE, SIDE), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(22)

    def pixel(place: tuple[int, int]) -> tuple[int, int]:
        return SIDE // 2 + 20 * place[0], SIDE // 2 - 20 * place[1]

    for one, other in ends:
        draw.line((*pixel(one), *pixel(other)), "black", 3)
    named = []
    for name, place in zip("ABCDE", places):
        x, y = pixel(place)
        draw.text((x + 6, y - 28), name, "black", font)
        named.append((name, (float(place[0]), float(place[1]))))
    segments = tuple(Segment((float(a), float(b)), (float(c), float(d))) for (a, b), (c, d) in ends)
    return Figure(_png(picture), drawing=Drawing(segments, tuple(named)))


def molecule(rng: random.Random) -> Figure:
    """A common substance as RDKit draws it.

    Raises:
        ImportError: RDKit is not installed.
    """
    from rdkit import Chem
    from rdkit.Chem import Draw

    smiles = rng.choice(MOLECULES)
    return Figure(
        _png(Draw.MolToImage(Chem.MolFromSmiles(smiles), size=(SIDE, SIDE))), smiles=smiles
    )


def blank() -> bytes:
    return _png(Pictures.new("RGB", (SIDE, SIDE), "white"))


def _png(picture: Pictures.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
