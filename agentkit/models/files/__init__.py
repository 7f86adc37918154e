"""From a name in the settings to weights in memory: catalog, fetch, verified copies, GGUF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentkit.kit import Parts


def model_folder(parts: Parts, field: str) -> tuple[Path, str]:
    """Where the files of the model lie that a part's setting names, and one hash over them.

    For parts that need a tokenizer or a fingerprint now and the weights later or never: nothing is
    loaded. Only for models in this process.

    Raises:
        ModelFileError: the files are absent or damaged.
    """
    from agentkit.models.files.loading import folder_hash, locate

    kit, name = parts.kit, parts.names(field)[0]
    model = str(getattr(kit.validated("model", name), "model", ""))
    origin = kit.values("model", name).values.get("model")
    folder = locate(model, origin.base if origin else Path.cwd())
    return folder, folder_hash(folder)
