"""Files as they come: broken, locked, huge, odd."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from drawing import page_pdf, png, prose, words, written
from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter

from agentkit.errors import DataError
from agentkit.pictures import decode, frames
from agentkit_ocr.command import chosen
from agentkit_ocr.document import Item
from agentkit_ocr.files import NeedsPassword, Reader, outline


def pdf(**options: object) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(page_pdf([prose(0)]))))
    if options:
        writer.encrypt(**options)  # type: ignore[arg-type]
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class TestPictures:
    def test_every_mode_shows_black_on_white(self) -> None:
        plain = words("Harbour").convert("L")
        grey = np.asarray(plain)
        sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
        glass = Image.new("LA", plain.size, (0, 0))
        glass.putalpha(Image.eval(plain, lambda value: 255 - value))
        made = {
            "CMYK": png(plain.convert("CMYK"), "TIFF"),
            "16 bit": png(sixteen),
            "alpha": png(glass),
            "palette": png(plain.convert("P")),
            "bits": png(plain.convert("1")),
            "float": png(Image.fromarray(grey.astype(np.float32)), "TIFF"),
        }
        for name, data in made.items():
            seen = np.asarray(decode(data).convert("L")).astype(int)
            assert np.abs(seen - grey).mean() < 8, name

    def test_it_is_turned_as_its_exif_says(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6
        data = png(words("Up", (400, 100)).rotate(90, expand=True), "JPEG", exif=exif)
        assert decode(data).size == (400, 100)

    def test_an_animation_gives_its_first_picture(self, tmp_path: Path) -> None:
        data = png(words("One"), "GIF", save_all=True, append_images=[words("Two")])
        assert frames(data) == (2, False)
        file = outline(written(tmp_path / "a.gif", data))
        assert file.pages == 1 and "2 pictures" in file.notes[0]

    def test_a_tiff_has_pages(self, tmp_path: Path) -> None:
        data = png(words("One"), "TIFF", save_all=True, append_images=[words("Two", (300, 90))])
        path = written(tmp_path / "a.tiff", data)
        assert outline(path).pages == 2
        assert Reader(path).page(2, 150).picture.size == (300, 90)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"not a picture",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            b"\x89PNG\r\n",
        ],
    )
    def test_what_is_no_picture_is_named(self, data: bytes, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"odd\.png"):
            outline(written(tmp_path / "odd.png", data))

    def test_a_cut_picture_and_a_bomb_are_refused(self) -> None:
        whole = png(words("Harbour"))
        with pytest.raises(DataError, match="cannot be decoded"):
            decode(whole[: len(whole) // 2])
        with pytest.raises(DataError, match="9000 x 9000"):
            decode(png(Image.new("1", (9000, 9000))))


class TestPdfs:
    def test_its_text_layer_is_used(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.pdf", pdf())
        assert outline(path).pages == 1
        lines = Reader(path).page(1, 100).lines
        assert lines and " ".join(line.text for line in lines) == prose(0).text
        assert Reader(path).page(1, 100, "never").lines is None

    def test_a_password(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.pdf", pdf(user_password="open sesame", algorithm="AES-256"))
        with pytest.raises(NeedsPassword, match="needs a password"):
            outline(path)
        with pytest.raises(NeedsPassword, match="wrong"):
            outline(path, "close")
        assert outline(path, "open sesame").pages == 1
        assert Reader(path, "open sesame").page(1, 100).lines

    def test_a_thousand_pages(self, tmp_path: Path) -> None:
        writer = PdfWriter()
        for _ in range(1000):
            writer.add_blank_page(100, 100)
        out = BytesIO()
        writer.write(out)
        path = written(tmp_path / "long.pdf", out.getvalue())
        assert outline(path).pages == 1000
        assert Reader(path).page(1000, 72).picture.size == (100, 100)

    def test_no_pages_and_no_pdf(self, tmp_path: Path) -> None:
        for data in (b"%PDF-1.7\nnothing", pdf()[:400]):
            with pytest.raises(DataError, match=r"a\.pdf"):
                outline(written(tmp_path / "a.pdf", data))

    def test_a_page_as_large_as_a_field_is_drawn_small(self, tmp_path: Path) -> None:
        writer = PdfWriter()
        writer.add_blank_page(14_400, 14_400)
        out = BytesIO()
        writer.write(out)
        picture = Reader(written(tmp_path / "a.pdf", out.getvalue())).page(1, 600).picture
        assert picture.width * picture.height <= 33_000_000

    def test_a_stamp_on_a_scan_is_not_its_text(self, tmp_path: Path) -> None:
        scan = Image.new("RGB", (600, 800), "white")
        ImageDraw.Draw(scan).text((50, 50), "scanned", "black")
        writer = PdfWriter(clone_from=PdfReader(BytesIO(png(scan, "PDF"))))
        stamp = PdfReader(BytesIO(page_pdf([Item("paragraph", "Seen, 4 May", (0, 0, 0, 0))])))
        writer.pages[0].merge_page(stamp.pages[0])
        out = BytesIO()
        writer.write(out)
        assert Reader(written(tmp_path / "a.pdf", out.getvalue())).page(1, 72).lines is None

    def test_letters_that_stand_for_nothing_are_no_text(self, tmp_path: Path) -> None:
        """A font whose map to Unicode leads to private letters, as some programs write it."""
        data = pdf()
        reader = PdfReader(BytesIO(data))
        writer = PdfWriter(clone_from=reader)
        for font in writer.pages[0]["/Resources"]["/Font"].values():  # type: ignore[index]
            stream = font.get_object()["/ToUnicode"].get_object()
            stream.set_data(
                b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
                b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
                b"1 beginbfrange <0000> <FFFF> <E000> endbfrange\nendcmap end end"
            )
        out = BytesIO()
        writer.write(out)
        assert Reader(written(tmp_path / "a.pdf", out.getvalue())).page(1, 72).lines is None


def test_pages_are_chosen() -> None:
    assert chosen("", 3) == [1, 2, 3]
    assert chosen("2-3,1,9-", 4) == [1, 2, 3]
    assert chosen("-2", 5) == [1, 2] and chosen("4-", 5) == [4, 5]
    for wrong in ("x", "7", "-", "0", "3-2"):
        with pytest.raises(Exception, match="--pages"):
            chosen(wrong, 5)
