"""Plugins written from the templates, put into a folder as if pip had installed them there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agentkit.cli.new_plugin import render


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def install(
    folder: Path, name: str, noun: str, edits: Mapping[str, tuple[str, str]] | None = None
) -> None:
    """A plugin of that noun, with what pip leaves beside a package.

    Args:
        folder: to be put on the path.
        edits: file to (old, new) text, to make it wrong. In file names PKG is the package.
    """
    package = f"agentkit_{name.replace('-', '_')}"
    files = render(name, noun)
    info = f"{package}-0.1.0.dist-info"
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: agentkit-{name}\nVersion: 0.1.0\n\n{files['README.md']}"
    )
    files[f"{info}/entry_points.txt"] = f"[agentkit]\n{name} = {package}.plugin\n"
    for file, (old, new) in (edits or {}).items():
        path = file.replace("PKG", package)
        assert old in files[path], f"{path} does not say {old!r}"
        files[path] = files[path].replace(old, new)
    write(folder, files)
