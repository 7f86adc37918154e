"""Scenes of flat shapes, for general vision: what is there, how many, and where."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image as Pictures
from PIL import ImageDraw

KINDS = ("circle", "square", "triangle", "cross")
WORDS = ("no", "one", "two", "three", "four")


@dataclass(frozen=True, slots=True)
class Shape:
    """box: pixels, half open: left, top, right, bottom."""

    kind: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    picture: Pictures.Image
    shapes: tuple[Shape, ...]

    def count(self, kind: str) -> int:
        return sum(shape.kind == kind for shape in self.shapes)

    def description(self) -> str:
        """Kinds in one order, with how many of each."""
        told = [f"{WORDS[n]} {kind}{'s' * (n > 1)}" for kind in KINDS if (n := self.count(kind))]
        return ", ".join(told)


def scene(rng: random.Random, side: int) -> Scene:
    """One to four shapes that do not touch."""
    ink, paper = rng.randint(0, 80), rng.randint(170, 255)
    if rng.random() < 0.3:
        ink, paper = paper, ink
    picture = Pictures.new("L", (side, side), paper)
    canvas = ImageDraw.Draw(picture)
    shapes: list[Shape] = []
    wanted = rng.randint(1, 4)
    for _ in range(40):
        if len(shapes) == wanted:
            break
        size = rng.randint(side // 6, side // 3)
        left, top = rng.randrange(side - size), rng.randrange(side - size)
        box = (left, top, left + size, top + size)
        if any(_touch(box, other.box) for other in shapes):
            continue
        shape = Shape(rng.choice(KINDS), box)
        _draw(canvas, shape, ink)
        shapes.append(shape)
    return Scene(picture, tuple(shapes))


def _touch(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _draw(canvas: ImageDraw.ImageDraw, shape: Shape, ink: int) -> None:
    left, top, right, bottom = shape.box
    right, bottom = right - 1, bottom - 1
    if shape.kind == "circle":
        canvas.ellipse((left, top, right, bottom), fill=ink)
    elif shape.kind == "square":
        canvas.rectangle((left, top, right, bottom), fill=ink)
    elif shape.kind == "triangle":
        canvas.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], fill=ink)
    else:
        third = (right - left) / 3
        canvas.rectangle((left + third, top, right - third, bottom), fill=ink)
        canvas.rectangle((left, top + third, right, bottom - third), fill=ink)
