"""The front end as it stands in the repository: what is shipped is what the sources say, one file
names colours, and every pair of colours can be read."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest

CONSOLE = Path(__file__).parents[2] / "agentkit/console"
WEB, STATIC = CONSOLE / "web", CONSOLE / "static"
STYLES = WEB / "src/styles"
SOURCES = sorted((WEB / "src").rglob("*.ts*"))

# -- what is shipped ------------------------------------------------------------------------------


def source_hash() -> str:
    """As build.mjs makes it."""
    files = ["build.mjs", "package-lock.json"]
    files += [p.relative_to(WEB).as_posix() for p in (WEB / "src").rglob("*") if p.is_file()]
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file}\0".encode() + (WEB / file).read_bytes() + b"\0")
    return total.hexdigest()


def test_the_shipped_files_were_built_from_these_sources() -> None:
    assert (STATIC / "sources.sha256").read_text().strip() == source_hash(), (
        "agentkit/console/static is older than its sources: make -C agentkit/console/web console"
    )


@pytest.mark.slow
def test_building_gives_the_shipped_files_byte_for_byte(tmp_path: Path) -> None:
    """Where Node and the packages of the lock file can be had; the hash above holds everywhere."""
    if not (npm := shutil.which("npm")):
        return
    for file in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json"):
        shutil.copy(WEB / file, tmp_path / file)
    shutil.copytree(WEB / "src", tmp_path / "src")
    run = {"cwd": tmp_path, "check": True, "timeout": 240, "capture_output": True}
    if subprocess.run([npm, "ping"], capture_output=True, timeout=60).returncode:
        return  # no registry within reach
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], **run)  # type: ignore[call-overload]
    subprocess.run(["npx", "tsc", "--noEmit"], **run)  # type: ignore[call-overload]
    subprocess.run(["node", "build.mjs", "built"], **run)  # type: ignore[call-overload]
    built = {p.relative_to(tmp_path / "built"): p for p in (tmp_path / "built").rglob("*.*")}
    shipped = {p.relative_to(STATIC): p for p in STATIC.rglob("*.*")}
    assert built.keys() == shipped.keys()
    for name, path in built.items():
        assert path.read_bytes() == shipped[name].read_bytes(), name


def test_what_is_shipped_is_small_and_loads_nothing_from_elsewhere() -> None:
    sizes = {p.name: p.stat().st_size for p in STATIC.rglob("*.*")}
    assert sizes["app.js"] < 250_000 and sizes["style.css"] < 40_000
    assert sum(sizes.values()) < 400_000
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"https?://", page) and "style=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page), "a script in the page itself"
    assert not re.search(r"url\((?!\"?\./fonts/)", (STATIC / "style.css").read_text())


def test_texts_of_others_cannot_become_elements() -> None:
    for path in SOURCES:
        text = path.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, f"{path.name} uses {way}"


# -- words ----------------------------------------------------------------------------------------


def catalogue(language: str) -> dict[str, str]:
    text = (WEB / f"src/words/{language}.ts").read_text()
    rows = re.findall(r'^  "?([\w.-]+)"?: "((?:[^"\\]|\\.)*)",$', text, re.M)
    assert len(rows) == len(re.findall(r"^  \S.*,$", text, re.M))
    return dict(rows)


def test_the_languages_say_the_same_things() -> None:
    english, korean = catalogue("en"), catalogue("ko")
    assert english.keys() == korean.keys()
    for key, text in english.items():
        names = set(re.findall(r"\{(\w+)\}", text))
        assert set(re.findall(r"\{(\w+)\}", korean[key])) == names, key
    same = {k for k in english if english[k] == korean[k]}
    assert not same, f"not translated: {same}"


def test_no_word_stands_outside_the_catalogues() -> None:
    """Texts between tags and in labels come from `t()`; names and signs alone may stand there."""
    allowed = {"agentkit", "n", "Ctrl", "Enter", "agentkit bench --all"}
    for path in SOURCES:
        if path.suffix != ".tsx":
            continue
        for text in re.findall(r">\s*([A-Za-z][A-Za-z ,.'?]*?)\s*</", path.read_text()):
            assert text in allowed, f"{path.name}: {text!r}"
        for text in re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]+)"', path.read_text()):
            raise AssertionError(f"{path.name}: {text!r} is not in the catalogues")


def test_every_text_is_used() -> None:
    code = "".join(p.read_text() for p in SOURCES if p.parent.name != "words")
    code += (WEB / "src/words/index.ts").read_text()
    prefixes = set(re.findall(r"t[kn]?\(\"([\w.-]+)\"", code)) | set(
        re.findall(r"`([\w-]+)\.\$\{", code)
    )
    for key in catalogue("en"):
        made = any(key.startswith(f"{prefix}.") for prefix in prefixes)
        assert f'"{key}"' in code or made, f"nothing says {key}"


# -- colours --------------------------------------------------------------------------------------


def tokens() -> dict[str, tuple[str, str]]:
    text = (STYLES / "tokens.css").read_text()
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", text)
    return {name: (light, dark) for name, light, dark in found}


def luminance(colour: str) -> float:
    """Relative luminance, 0..1 (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


SURFACES = ("ground", "pane", "raised", "accent-wash", "waiting-wash")
INKS = ("text", "quiet", "accent", "good", "waiting", "bad")
PAIRS = [
    *product(INKS, SURFACES),
    ("text", "bad-wash"),
    ("bad", "bad-wash"),
    ("on-accent", "accent"),
    ("text", "mark"),
    ("pane", "waiting"),
]


@pytest.mark.parametrize(("ink", "surface"), PAIRS)
def test_text_can_be_read_on_every_surface(ink: str, surface: str) -> None:
    for theme in (0, 1):
        assert contrast(tokens()[ink][theme], tokens()[surface][theme]) >= 4.5


def test_the_edges_of_fields_can_be_seen() -> None:
    for surface, theme in product(("ground", "pane"), (0, 1)):
        assert contrast(tokens()["edge"][theme], tokens()[surface][theme]) >= 3


NAMED = r"\b(?:white|black|red|green|blue|gr[ae]y|orange|yellow|purple|pink|silver)\b"


def test_only_the_tokens_name_colours_sizes_and_durations() -> None:
    for path in STYLES.glob("*.css"):
        if path.name in ("tokens.css", "all.css"):
            continue
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        text = re.sub(r"@media[^{]*\{", "{", text)  # media queries cannot read tokens
        text = re.sub(r"U\+[\w-]+", "", text)
        for line in text.splitlines():
            value = line.split(":", 1)[-1]
            assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", value), line
            assert not re.search(NAMED, value), f"{path.name}: {line.strip()}"
            assert not re.search(r"\b[\d.]+(?:px|rem|pt|ms|s)\b", value), f"{path.name}: {line}"


def test_every_token_is_there_and_used() -> None:
    styles = "".join(p.read_text() for p in STYLES.glob("*.css"))
    code = "".join(p.read_text() for p in SOURCES)
    named = set(re.findall(r"^\s+(--[\w-]+):", (STYLES / "tokens.css").read_text(), re.M))
    used = set(re.findall(r"var\((--[\w-]+)", styles + code))
    assert used <= named, used - named
    assert named <= used, named - used
