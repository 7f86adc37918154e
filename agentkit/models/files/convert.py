"""From GGUF to a folder of plain safetensors that every tool can read, once a file.

Loading a GGUF takes half a minute and several times its memory; loading the copy takes a second.
The work is done in a child process, which gives the memory back, can be stopped at any moment, and
cannot reach a network. `python -m agentkit.models.files.convert` is that child.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from agentkit.capabilities.language_model import Cancel
from agentkit.errors import Cancelled, ModelFileError
from agentkit.files import folder_atomic
from agentkit.models.files.copies import (
    Report,
    copy_folder,
    full_disk_told,
    only_one,
    read_manifest,
    sweep,
    write_manifest,
)
from agentkit.models.files.gguffile import read_header


def convert(
    path: Path,
    digest: str,
    dtype: Literal["fp32", "bf16"],
    *,
    report: Report | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """The folder with the converted copy of a GGUF file, made now if it is not there yet.

    Args:
        path: the GGUF file.
        digest: its sha256.
        dtype: of the copy. The weights themselves stay those of the quantised file.

    Raises:
        ModelFileError: it is absent, cut short, of another kind, or nothing here can load it.
    """
    folder = copy_folder(digest, dtype)
    if folder.exists():
        return folder
    header = read_header(path)
    with full_disk_told(folder.parent), only_one(folder.name, cancel) as lock:
        if folder.exists():
            return folder
        sweep(folder)
        if report:
            report("converting", 0, 0)
        _room(folder.parent, header.size)
        with folder_atomic(folder) as made:
            _run_child(path, made, dtype, lock, cancel)
            source = {"file": path.name, "sha256": digest, "size": path.stat().st_size}
            write_manifest(made, source, dtype)
    read_manifest(folder)
    return folder


def _room(folder: Path, size: int) -> None:
    """The least that a copy can take is the file's own size."""
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise ModelFileError(
            f"{folder}: {free >> 20} MiB are free, a converted copy needs at least "
            f"{2 * size >> 20} MiB",
            "make room, or set AGENTKIT_CACHE to a folder on another disk",
        )


def _run_child(path: Path, made: Path, dtype: str, lock: int, cancel: Cancel | None) -> None:
    env = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "agentkit.models.files.convert", str(path), str(made), dtype],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(lock,),
    )
    try:
        while True:
            try:
                out, err = child.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if cancel:
                    raise Cancelled from None
    except BaseException:
        child.kill()
        child.communicate()
        raise
    if child.returncode:
        reason = _reason(out, err) or f"the converter ended with {child.returncode}"
        raise ModelFileError(
            f"{path}: cannot be converted: {reason}",
            "check the file, or name a folder of safetensors instead",
            path=str(path),
        )


def _reason(out: str, err: str) -> str:
    try:
        return str(json.loads(out.strip().splitlines()[-1])["error"])
    except (ValueError, IndexError, KeyError, TypeError):
        return (err.strip().splitlines() or [""])[-1][:300]


def _child(path: Path, made: Path, dtype: str) -> None:
    """Loads the file with dense layers and saves model and tokenizer as plain files."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # With GgufConfig and gguf_file together the layers are dense whatever else is installed, and
    # the model can be saved: https://huggingface.co/docs/transformers/gguf
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(path.parent),
        gguf_file=path.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype={"fp32": torch.float32, "bf16": torch.bfloat16}[dtype],
        local_files_only=True,
    )
    packed = [
        f"{name} ({type(module).__name__})"
        for name, module in model.named_modules()
        if name.endswith(("_proj", "lm_head")) and type(module) is not torch.nn.Linear
    ]
    if packed:
        raise ValueError(f"layers are not plain nn.Linear: {', '.join(packed[:3])}")
    tokenizer: Any = AutoTokenizer.from_pretrained(
        str(path.parent), gguf_file=path.name, local_files_only=True
    )
    model.save_pretrained(made)
    tokenizer.save_pretrained(made)


if __name__ == "__main__":
    try:
        _child(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except Exception as error:
        sys.stdout.write(json.dumps({"error": f"{type(error).__name__}: {error}"[:300]}) + "\n")
        sys.exit(1)
