"""Fetch a Debian documentation package as a folder of pages, without root.

    python examples/corpora/fetch.py python3.11-doc          # any package with pages in it
    python examples/corpora/fetch.py sqlite3-doc --only sqlite --into examples/corpora/sqlite

The second line is how the carried corpus was made. `--only sqlite` keeps the pages that
`SQLITE_LEFT_OUT` does not name; every page loses what is not text (inline SVG, scripts, styles).
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = (".html", ".htm", ".md", ".txt", ".rst", ".pdf")
PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
NOT_TEXT = re.compile(rb"<(svg|script|style)\b.*?</\1\s*>", re.S | re.I)

# Pages about other people's names, marks and texts; then indexes, change logs and the pages
# that repeat others in full. Patterns are relative to the package's page folder.
SQLITE_LEFT_OUT = (
    "famous.html books.html pressrelease* consortium* codeof* crew.html "
    "doc_* keyword_index.html sitemap.html syntax/* releaselog/* changes.html news.html "
    "oldnews.html chronology.html vdbe.html capi3ref.html fileformat.html requirements.html"
).split()


def download(package: str, into: Path) -> Path:
    """Download and unpack `package` under `into`; return the unpacked tree."""
    if not PACKAGE.fullmatch(package):
        raise SystemExit(f"{package!r} is no name of a Debian package")
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise SystemExit(
            "this needs Debian's apt-get and dpkg-deb (no root)\n"
            "  elsewhere, name any folder of documents as the `path` of a source"
        )
    tree = into / "tree"
    try:
        subprocess.run(["apt-get", "download", package], cwd=into, check=True, stdout=sys.stderr)
        archive = next(into.glob("*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(archive), str(tree)], check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(
            f"{error.cmd[0]} could not get {package} (status {error.returncode}, see above)\n"
            "  `apt-cache search --names-only -- -doc` lists what there is; `apt-get update` "
            "(as root) renews the list"
        ) from error
    return tree


def page_root(tree: Path) -> Path:
    """The deepest folder that holds every page of the tree."""
    pages = [p for p in tree.rglob("*") if p.suffix.lower() in PAGES and not p.is_symlink()]
    if not pages:
        raise SystemExit("the package holds no pages")
    return Path(os.path.commonpath([p.parent for p in pages]))


def copy_pages(root: Path, into: Path, left_out: list[str]) -> tuple[int, int]:
    """Copy the pages under `root`; return how many and how many bytes."""
    count = size = 0
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not path.is_file() or path.suffix.lower() not in PAGES:
            continue
        if any(fnmatch.fnmatch(name, pattern) for pattern in left_out):
            continue
        data = path.read_bytes()
        if path.suffix.lower() in (".html", ".htm"):
            data = NOT_TEXT.sub(b"", data)
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        count, size = count + 1, size + len(data)
    return count, size


def main(arguments: list[str] | None = None) -> None:
    """Fetch one package. The folder appears whole or not at all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("package", help="a Debian package, e.g. python3.11-doc")
    parser.add_argument("--into", type=Path, help="target folder (default: the user's cache)")
    parser.add_argument("--only", choices=["sqlite"], help="apply a selection of pages")
    options = parser.parse_args(arguments)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    into = options.into or cache / "agentkit" / "corpora" / options.package
    if into.exists():
        raise SystemExit(f"{into} is there already\n  delete it first, or choose another by --into")
    left_out = [*SQLITE_LEFT_OUT, "*.pdf", "*.txt"] if options.only == "sqlite" else []
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=into.parent) as scratch:
        tree = download(options.package, Path(scratch))
        count, size = copy_pages(page_root(tree), Path(scratch, "pages"), left_out)
        Path(scratch, "pages").rename(into)
    print(f"{count} pages, {size / 1e6:.1f} MB in {into}")


if __name__ == "__main__":
    main()
