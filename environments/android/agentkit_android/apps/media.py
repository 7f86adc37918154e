"""Pictures and sounds that the phone's apps make and read: real files, small ones."""

from __future__ import annotations

import io
import math
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

PICTURES = (".jpg", ".jpeg", ".png", ".gif")
SOUNDS = (".wav",)
FORMATS = ("PNG", "JPEG", "GIF")
MAX_PIXELS = 40_000_000
DATE_TAG = 306  # of EXIF: when it was taken


def path_of(data: str) -> str:
    """The path below /sdcard of what an intent points to."""
    path = unquote(data.partition("://")[2] if "://" in data else data)
    for root in ("/sdcard/", "/storage/emulated/0/"):
        if path.startswith(root):
            return path.removeprefix(root)
    return path.lstrip("/")


# Sounds: 8-bit PCM in a RIFF file.


@dataclass(frozen=True, slots=True)
class Sound:
    """seconds: how long it is; 0 of a file that is none. rate: samples a second."""

    seconds: float = 0.0
    rate: int = 0
    title: str = ""
    artist: str = ""
    album: str = ""


NAMES = {"title": b"INAM", "artist": b"IART", "album": b"IPRD"}


def wav(
    seconds: float, rate: int = 8000, *, pitch: float = 0.1, tags: Mapping[str, str] | None = None
) -> bytes:
    """A tone. pitch: waves a sample; tags: title, artist, album."""
    period = [128 + round(90 * math.sin(2 * math.pi * n * pitch)) for n in range(100)]
    count = round(seconds * rate)
    samples = (bytes(period) * (count // 100 + 1))[:count]
    listed = b"INFO"
    for key, name in NAMES.items():
        if value := (tags or {}).get(key, "").encode():
            listed += _chunk(name, value + b"\0")
    form = struct.pack("<HHIIHH", 1, 1, rate, rate, 1, 8)
    inside = b"WAVE" + _chunk(b"fmt ", form)
    inside += _chunk(b"LIST", listed) if tags else b""
    return _chunk(b"RIFF", inside + _chunk(b"data", samples))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


@lru_cache(256)
def sound(content: bytes) -> Sound:
    """What a WAV file says of itself."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return Sound()
    told: dict[str, str] = {}
    rate = bytes_a_second = length = 0
    for name, start, size in _chunks(content, 12, len(content)):
        if name == b"fmt " and size >= 16:
            rate, bytes_a_second = struct.unpack_from("<II", content, start + 4)
        elif name == b"data":
            length = min(size, len(content) - start)
        elif name == b"LIST" and content[start : start + 4] == b"INFO":
            for tag, at, many in _chunks(content, start + 4, start + size):
                text = content[at : at + many].split(b"\0")[0].decode("utf-8", "replace")
                told |= {key: text for key, known in NAMES.items() if known == tag}
    return Sound(length / bytes_a_second if bytes_a_second else 0.0, rate, **told)


def _chunks(content: bytes, start: int, end: int) -> list[tuple[bytes, int, int]]:
    found = []
    while start + 8 <= min(end, len(content)):
        size = int(struct.unpack_from("<I", content, start + 4)[0])
        found.append((content[start : start + 4], start + 8, size))
        start += 8 + size + size % 2
    return found


def minutes(seconds: float) -> str:
    """As 3:05."""
    whole = int(seconds)
    hours = f"{whole // 3600}:{whole // 60 % 60:02}" if whole >= 3600 else f"{whole // 60}"
    return f"{hours}:{whole % 60:02}"


# Pictures.


@dataclass(frozen=True, slots=True)
class Picture:
    """width, height: pixels; 0 of a file that is none. taken: as 2023:10-15 15:34:00 in EXIF."""

    width: int = 0
    height: int = 0
    format: str = ""
    taken: str = ""
    frames: int = 1


@lru_cache(256)
def picture(content: bytes) -> Picture:
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            taken = str(image.getexif().get(DATE_TAG, ""))
            frames = int(getattr(image, "n_frames", 1))
            return Picture(image.width, image.height, str(image.format), taken, frames)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return Picture()


def _opened(content: bytes) -> Image.Image:
    """Raises:
    ValueError: it is no picture, or too large a one.
    """
    found = picture(content)
    if not 0 < found.width * found.height <= MAX_PIXELS:
        raise ValueError("this is no picture that can be shown")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from None


@lru_cache(64)
def still(content: bytes) -> bytes:
    """The first frame of a moving picture as PNG; b"" where there is none."""
    try:
        return _png(_opened(content))
    except ValueError:
        return b""


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def jpeg(image: Image.Image, when: float) -> bytes:
    exif = Image.Exif()
    exif[DATE_TAG] = datetime.fromtimestamp(when, UTC).strftime("%Y:%m:%d %H:%M:%S")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82, exif=exif)
    return out.getvalue()


EDITS = ("left", "right", "mirror", "square", "grey", "brighter", "darker")


@lru_cache(32)
def edited(content: bytes, edits: tuple[str, ...], when: float) -> bytes:
    """A JPEG of a picture that was changed, one of EDITS after the other."""
    image = _opened(content)
    for name in edits:
        if name in ("left", "right"):
            turn = Image.Transpose.ROTATE_90 if name == "left" else Image.Transpose.ROTATE_270
            image = image.transpose(turn)
        elif name == "mirror":
            image = ImageOps.mirror(image)
        elif name == "square":
            image = ImageOps.fit(image, (min(image.size),) * 2)
        elif name == "grey":
            image = image.convert("L").convert("RGB")
        else:
            image = ImageEnhance.Brightness(image).enhance(1.25 if name == "brighter" else 0.8)
    return jpeg(image, when)


@lru_cache(64)
def view(number: int, width: int, height: int, *, front: bool = False) -> Image.Image:
    """What a lens sees: a landscape, or a person in front of a wall. The same for the same number;
    shared: copy it before drawing."""
    chance = random.Random(f"{number}/{front}")
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    if front:
        _face(draw, chance, width, height)
    else:
        _land(draw, chance, width, height)
    return image


def _land(draw: ImageDraw.ImageDraw, chance: random.Random, wide: int, high: int) -> None:
    top, low = chance.choice(
        (((96, 165, 250), (219, 234, 254)), ((251, 146, 60), (254, 226, 200)),
         ((30, 41, 90), (120, 90, 150)))
    )  # fmt: skip
    ground = round(high * chance.uniform(0.5, 0.65))
    for y in range(ground):
        mixed = tuple(round(a + (b - a) * y / ground) for a, b in zip(top, low))
        draw.line((0, y, wide, y), fill=mixed)
    sun = round(chance.uniform(0.15, 0.85) * wide), round(chance.uniform(0.1, 0.3) * high)
    draw.ellipse((sun[0] - 40, sun[1] - 40, sun[0] + 40, sun[1] + 40), fill=(255, 244, 190))
    for shade, base in (((88, 112, 128), 0.9), ((64, 92, 84), 1.0)):
        points = [(0, high)]
        for n in range(9):
            points.append((wide * n // 8, round(ground * base - chance.uniform(0, 0.12) * high)))
        draw.polygon([*points, (wide, high)], fill=shade)
    draw.rectangle((0, ground, wide, high), fill=chance.choice(((86, 130, 70), (214, 190, 140))))
    for _ in range(chance.randint(2, 5)):
        x, size = chance.randint(0, wide), chance.randint(40, 90)
        foot = ground + chance.randint(10, 160)
        if chance.random() < 0.5:
            wall = (chance.randint(150, 230), chance.randint(110, 190), chance.randint(90, 160))
            draw.rectangle((x, foot - size, x + size, foot), fill=wall)
            roof = ((x - 8, foot - size), (x + size // 2, foot - size * 3 // 2))
            draw.polygon([*roof, (x + size + 8, foot - size)], fill=(140, 60, 50))
            draw.rectangle(
                (x + size // 3, foot - size // 2, x + size * 2 // 3, foot), fill="#503828"
            )
        else:
            draw.rectangle((x - 5, foot - size // 2, x + 5, foot), fill=(90, 64, 44))
            draw.ellipse((x - size // 2, foot - size * 3 // 2, x + size // 2, foot - size // 3),
                         fill=(48, 100, 54))  # fmt: skip


def _face(draw: ImageDraw.ImageDraw, chance: random.Random, wide: int, high: int) -> None:
    wall = tuple(chance.randint(170, 225) for _ in range(3))
    draw.rectangle((0, 0, wide, high), fill=wall)
    x, y, size = wide // 2, round(high * 0.42), wide // 5
    shirt = tuple(chance.randint(40, 160) for _ in range(3))
    draw.ellipse((x - 2 * size, y + size, x + 2 * size, high + 2 * size), fill=shirt)
    skin, hair = (224, 182, 148), (70, 48, 36)
    draw.ellipse((x - size - 12, y - size * 3 // 2, x + size + 12, y + size // 2), fill=hair)
    draw.ellipse((x - size, y - size * 5 // 4, x + size, y + size * 5 // 4), fill=skin)
    for side in (-1, 1):
        eye = x + side * size * 2 // 5
        draw.ellipse((eye - 9, y - 20, eye + 9, y - 2), fill=(40, 30, 30))
    draw.arc(
        (x - size // 2, y, x + size // 2, y + size * 4 // 5), 20, 160, fill=(150, 60, 60), width=6
    )


def clip(number: int, seconds: float, *, front: bool = False) -> bytes:
    """A moving picture: a GIF that pans over a view, a frame a second and 30 at most."""
    frames = []
    still = view(number, 480, 640, front=front).quantize(64)
    for step in range(max(2, min(30, round(seconds)))):
        left = 4 * (step % 30)
        frames.append(still.crop((left, 0, left + 360, 640)))
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=1000, loop=0)
    return out.getvalue()
