"""`agentkit new-plugin`: a plugin of one part that works, with tests that pass at once."""

from __future__ import annotations

import ast
import keyword
import os
import re
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from agentkit.cli.context import options
from agentkit.errors import UsageError
from agentkit.files import folder_atomic
from agentkit.names import nearest
from agentkit.registry import NOUNS

# `templates/plugin` is every plugin's; `templates/<noun>` holds the part, its test and its use.
# They are Python that the linters read; these words stand for what a plugin calls its own:
# NAME, agentkit_NAME (the package), ClassName, NOUN, SUMMARY, USAGE.
TEMPLATES = "templates"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 40
NEEDS = {"model": 'needs={"base": "model"},', "agent": 'needs={"model": "model"},'}
DEPENDENCIES = {"perception": ', "pillow>=10"'}


def new_plugin(
    name: Annotated[str, typer.Argument(help="lower case, with hyphens: power-sampling")],
    noun: Annotated[str, typer.Option(help=f"what its part is: {', '.join(NOUNS)}")],
    into: Annotated[Path, typer.Option(help="the folder that the plugin's is made in")] = Path("."),
) -> None:
    """Write a plugin of one part that works, with tests that pass at once."""
    _check(name, noun)
    folder = into / name
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists and is left as it is", "choose another name, or --into")
    if not into.is_dir():
        raise UsageError(f"there is no folder {into}", "make it first")
    files = render(name, noun)
    with folder_atomic(folder) as made:
        made.chmod(0o755)
        for file, text in files.items():
            (made / file).parent.mkdir(parents=True, exist_ok=True)
            (made / file).write_text(text, encoding="utf-8")
    shown = folder if folder.is_absolute() else f"./{folder}"
    typer.echo(f"wrote {shown}: a plugin with the {noun} {name!r}; next:")
    typer.echo(f"  python -m pip install -e {shown}")
    typer.echo(f"  python -m pytest {shown}")
    typer.echo(f"  agentkit plugins {name}")


def render(name: str, noun: str) -> dict[str, str]:
    """The files of a plugin: relative path to text."""
    root = resources.files("agentkit") / TEMPLATES
    own = {
        file: (root / noun / file).read_text("utf-8") for file in ("part.py", "test.py", "use.md")
    }
    docstring = ast.get_docstring(ast.parse(own["part.py"])) or ""
    summary = docstring.splitlines()[0].removesuffix(".")
    files = {
        f"agentkit_NAME/{noun}.py": own["part.py"],
        f"tests/test_{noun}.py": own["test.py"],
        **_tree(root / "plugin"),
    }
    package = f"agentkit_{name.replace('-', '_')}"
    words = {
        "agentkit_NAME": package,
        "NAME": name,
        "NOUN": noun,
        "ClassName": _class_name(name, noun, own["part.py"] + own["test.py"]),
        "USAGE": own["use.md"].replace("NAME", name),
    }
    made = {}
    for file, text in files.items():
        if file.endswith("plugin.py") and noun in NEEDS:
            text = text.replace("summary=", f"{NEEDS[noun]}\n        summary=")
        if file == "pyproject.toml":
            text = text.replace('"agentkit-host"', '"agentkit-host"' + DEPENDENCIES.get(noun, ""))
        said = summary if file.endswith("__init__.py") else summary[0].lower() + summary[1:]
        for word, value in {**words, "SUMMARY": said}.items():
            text = text.replace(word, value)
        made[file.replace("agentkit_NAME", package)] = text
    return made


def _check(name: str, noun: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{name!r} is not a plugin's name",
            f"lower-case letters, digits and single hyphens, a letter first, {LONGEST} at most",
        )
    if noun not in NOUNS:
        raise UsageError(f"there is no noun {noun!r}{nearest(noun, NOUNS)}", ", ".join(NOUNS))
    host = options().host
    taken = [r.distribution for r in host.records if r.name == name]
    taken += [e.plugin for e in host.registry.all(noun) if e.name == name]
    try:
        taken.append(metadata.distribution(f"agentkit-{name}").metadata["Name"])
    except metadata.PackageNotFoundError:
        pass
    if taken:
        raise UsageError(f"the name {name!r} is taken by {taken[0]}", "choose another one")


def _class_name(name: str, noun: str, code: str) -> str:
    """PowerSampling for power-sampling; with the noun behind it where that means something else."""
    made = "".join(word.capitalize() for word in name.split("-"))
    if keyword.iskeyword(made) or re.search(rf"\b{made}\b", code):
        made += noun.capitalize()
    return made


def _tree(folder: Traversable, above: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in folder.iterdir():
        if entry.is_file():
            found[f"{above}{entry.name}"] = entry.read_text("utf-8")
        elif entry.name != "__pycache__":
            found |= _tree(entry, f"{above}{entry.name}/")
    return found
