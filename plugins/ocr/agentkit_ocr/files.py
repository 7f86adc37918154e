"""Files as pages: pictures, the pages of TIFF files, and of PDFs, with the text that these hold."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agentkit.errors import DataError
from agentkit.pictures import MAX_PIXELS, decode, frames
from agentkit_ocr.document import Line

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_BYTES = 2 << 30
MOST_PAGES = 5000
FEW = 20  # letters: less text on a page with a picture is a stamp, not its text
BROKEN = 0.05  # of a text layer's letters, that stand for nothing
PASSWORD = "AGENTKIT_PDF_PASSWORD"


class NeedsPassword(DataError):
    """The PDF does not open without a password, or with the one given."""

    code = "password"


@dataclass(frozen=True, slots=True)
class Outline:
    """What a file is, before any page is read. pages: how many. kind: picture or pdf."""

    path: Path
    kind: Literal["picture", "pdf"]
    pages: int
    notes: tuple[str, ...] = ()


def outline(path: Path, password: str = "") -> Outline:
    """Raises:
    NeedsPassword: see there.
    DataError: it is neither a picture nor a PDF, is broken, or holds no pages.
    """
    data = _bytes(path)
    if data[:1024].find(b"%PDF-") >= 0:
        document = _pdf(path, data, password)
        try:
            count = len(document)
        finally:
            document.close()
        if not count:
            raise DataError(f"{path} has no pages", "is it whole?")
        return Outline(path, "pdf", count)
    count, are_pages = frames(data, str(path))
    if are_pages:
        return Outline(path, "picture", count)
    notes = (f"an animation of {count} pictures; the first is read",) if count > 1 else ()
    return Outline(path, "picture", 1, notes)


@dataclass(slots=True)
class Opened:
    """One page. lines: of its text layer, in pixels of the picture; None where there is none that
    is good."""

    picture: Picture
    lines: list[Line] | None = None


class Reader:
    """The pages of one file. Not to be shared between threads."""

    def __init__(self, path: Path, password: str = "") -> None:
        self.path, self._data = path, _bytes(path)
        is_pdf = self._data[:1024].find(b"%PDF-") >= 0
        self._document = _pdf(path, self._data, password) if is_pdf else None

    def page(self, number: int, dpi: int, text_layer: str = "auto") -> Opened:
        """Page `number`, from 1. dpi: of a PDF's page. text_layer: "auto", "never", or "only", with
        which a page without one is blank.

        Raises:
            DataError: the page is broken.
        """
        if self._document is None:
            return Opened(decode(self._data, f"{self.path.name}", number - 1))
        try:
            page = self._document[number - 1]
            width, height = page.get_size()
            if not (1 <= width <= 1e6 and 1 <= height <= 1e6):
                raise DataError(f"page {number} measures {width:.0f} x {height:.0f} points")
            scale = min(dpi / 72, (MAX_PIXELS / 2 / (width * height)) ** 0.5)
            picture = page.render(scale=scale).to_pil().convert("RGB")
            lines = None
            if text_layer != "never":
                lines = text_lines(page, height, scale)
                if lines is None and text_layer == "only":
                    lines = []
            return Opened(picture, lines)
        except DataError:
            raise
        except Exception as error:  # pdfium raises what its parsing meets
            raise DataError(f"page {number} of {self.path.name} is broken: {error}") from error

    def close(self) -> None:
        if self._document is not None:
            self._document.close()


def text_lines(page: Any, height: float, scale: float) -> list[Line] | None:
    """The lines of a PDF page's text layer in pixels; None where it is empty, a few letters beside
    a picture, or has letters that stand for nothing."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    count = text.count_chars()
    letters: list[tuple[str, tuple[float, float, float, float]]] = []
    broken = visible = 0
    for index in range(min(count, 200_000)):
        code = pdfium.FPDFText_GetUnicode(text.raw, index)
        letter = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
        if letter in "\r\n":
            letters.append(("\n", (0, 0, 0, 0)))
            continue
        if letter == "\u0002" or letter == "\u00ad":  # pdfium's mark of a hyphen at a line's end
            letter = "-"
        broken += letter == "\ufffd" or unicodedata.category(letter) in ("Co", "Cc", "Cn")
        visible += not letter.isspace()
        left, bottom, right, top = text.get_charbox(index, loose=True)
        box = (left * scale, (height - top) * scale, right * scale, (height - bottom) * scale)
        letters.append((letter, box))
    if not visible or broken > BROKEN * visible:
        return None
    if visible < FEW and any(_is_picture(one, pdfium) for one in page.get_objects(max_depth=2)):
        return None
    return _lines(letters)


def _lines(letters: list[tuple[str, tuple[float, float, float, float]]]) -> list[Line]:
    """Letters in the order of the file as lines: a line ends where the file says so, where the next
    letter stands above or below, and at a wide gap."""
    lines: list[Line] = []
    text, box = "", (0.0, 0.0, 0.0, 0.0)

    def close() -> None:
        nonlocal text
        if text.strip() and box[2] > box[0] and box[3] > box[1]:
            lines.append(Line(" ".join(text.split()), box))
        text = ""

    for letter, place in letters:
        if letter == "\n":
            close()
            continue
        if letter.isspace():
            text += " " if text else ""
            continue
        high = place[3] - place[1]
        if text and high > 0:
            shared = min(box[3], place[3]) - max(box[1], place[1])
            gap = max(place[0] - box[2], box[0] - place[2])
            if shared < 0.4 * min(high, box[3] - box[1]) or gap > 1.1 * high:
                close()
        if not text:
            box = place
        text += letter
        box = (
            min(box[0], place[0]),
            min(box[1], place[1]),
            max(box[2], place[2]),
            max(box[3], place[3]),
        )
    close()
    return lines


def _is_picture(one: Any, pdfium: Any) -> bool:
    return bool(one.type == pdfium.FPDF_PAGEOBJ_IMAGE)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path} has more than {MOST_BYTES >> 30} GiB", "split it")
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error


def _pdf(path: Path, data: bytes, password: str) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(data, password=password or None)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise NeedsPassword(
                f"{path} needs a password" if not password else f"{path}: the password is wrong",
                f"set {PASSWORD} to it",
            ) from None
        raise DataError(f"{path} is no PDF that can be read: {error}") from error
