"""`agentkit init`: a commented settings file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentkit.errors import UsageError
from agentkit.files import write_atomic
from agentkit.settings import FILE

TEXT = """\
# Parts of this project's kit. `agentkit config explain` shows every value and where it came from.
# Each table is one part, [TABLE.NAME]; `use` says which plugin makes it (`agentkit plugins`).

[models.small]                       # a model in this process, nothing else needed
use = "transformers"
model = "smollm2-135m"               # a bundled name, a folder, a GGUF file, or a hub id

# [models.big]                       # vLLM, llama.cpp, Ollama, any OpenAI-compatible endpoint
# use = "openai"
# base_url = "http://localhost:8000/v1"
# model = "Qwen/Qwen3-8B"
# api_key = "env:OPENAI_API_KEY"     # secrets are named, never written down

# [sources.docs]                     # documents to research in
# use = "folder"
# path = "docs"

# [agents.research]
# use = "deep-research"
# sources = ["docs"]
"""


def init(
    folder: Annotated[Path, typer.Argument(help="where to write it")] = Path("."),
) -> None:
    """Write an agentkit.toml to start from. Never overwrites one."""
    path = folder / FILE
    if path.exists():
        raise UsageError(f"{path} exists and is left as it is", "edit it, or choose another folder")
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "make it first")
    write_atomic(path, TEXT)
    typer.echo(f"wrote {path}; next: agentkit config check")
