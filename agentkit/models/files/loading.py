"""From the name in the settings to a module in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentkit.errors import BackendUnavailable, ModelFileError
from agentkit.models.files.catalog import BUNDLED
from agentkit.models.files.convert import convert
from agentkit.models.files.copies import copy_folder, fingerprint, hash_of, read_manifest
from agentkit.models.settings import Device, Dtype
from agentkit.names import nearest

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>")
_LARGE = 256 << 20  # bytes of a GGUF file
_WANTED = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]  # no code, no pickles


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory.

    model: the plain module with eager attention, in evaluation mode. tokenizer: padding on the
    left. fingerprint: hash of weights, tokenizer and dtype. parameters: how many, tied ones once.
    context: tokens. rows: of the output head, which may be more than the tokenizer has tokens.
    ends: token ids that end an answer.
    """

    model: Any
    tokenizer: Any
    fingerprint: str
    parameters: int
    context: int
    rows: int
    ends: tuple[int, ...]
    folder: Path


def locate(model: str, base: Path) -> Path:
    """The folder with config.json and safetensors that a name in the settings means.

    A bundled name is looked up in the cache and never fetched from here; a GGUF file is converted
    once; only a hub id may use the network, and only when the hub's own cache lacks it.

    Args:
        model: bundled name, folder, GGUF file, or hub id.
        base: where relative paths start.

    Raises:
        ModelFileError: it is absent, damaged, or of another kind.
        BackendUnavailable: a hub id that is not cached, and no hub.
    """
    if model in BUNDLED:
        bundled = BUNDLED[model]
        folder = copy_folder(bundled.sha256, bundled.dtype)
        if not folder.exists():
            raise ModelFileError(
                f"the model {model!r} is not on this machine yet "
                f"({bundled.size >> 20} MiB to fetch, once)",
                f"agentkit models get {model}",
            )
        read_manifest(folder)
        return folder
    path = base / Path(model).expanduser()
    if path.is_dir():
        return _checked_folder(path)
    if path.is_file():
        # Small models keep every bit of the file's numbers; large ones would not fit.
        dtype: Literal["fp32", "bf16"] = "fp32" if path.stat().st_size < _LARGE else "bf16"
        return convert(path, hash_of(path), dtype)
    if model.startswith((".", "/", "~")) or model.lower().endswith((".gguf", ".safetensors")):
        raise ModelFileError(f"{path}: there is no such file or folder", "check the path")
    if _HUB_ID.fullmatch(model):
        return _from_hub(model)
    raise ModelFileError(
        f"{model!r} is no bundled model{nearest(model, BUNDLED)}, and {path} does not exist",
        f"bundled: {', '.join(BUNDLED)}; or name a folder, a GGUF file, a hub id",
    )


def _checked_folder(folder: Path) -> Path:
    read_manifest(folder)
    if not (folder / "config.json").is_file():
        gguf = sorted(folder.glob("*.gguf"))
        hint = f"name the file itself: {gguf[0]}" if gguf else "a model folder has a config.json"
        raise ModelFileError(f"{folder}: expected a model folder, found no config.json", hint)
    if not any(folder.glob("*.safetensors")):
        pickles = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]
        found = f"only {pickles[0].name}, which may run code when loaded" if pickles else "none"
        raise ModelFileError(
            f"{folder}: expected weights in *.safetensors, found {found}",
            "convert the weights to safetensors first" if pickles else "is the download complete?",
        )
    for path in sorted(folder.glob("*.safetensors")):
        _check_safetensors(path)
    return folder


def _check_safetensors(path: Path) -> None:
    """Header and size; the content is the loader's matter."""
    actual = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            if not 2 <= length <= min(actual - 8, 100 << 20):
                raise ValueError("no header")
            header = json.loads(file.read(length))
            ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
            expected = 8 + length + max(ends, default=0)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise ModelFileError(
                f"{path}: expected a safetensors file, found something else ({actual} bytes)",
                "fetch it again",
            ) from None
    if actual != expected:
        raise ModelFileError(
            f"{path}: expected {expected} bytes, it has {actual}",
            "the file is cut short or damaged: fetch it again",
            path=str(path),
            expected=expected,
            actual=actual,
        )


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return _checked_folder(
            Path(snapshot_download(model, allow_patterns=_WANTED, local_files_only=True))
        )
    except (ModelFileError, OSError):
        pass  # not cached, or not completely
    try:
        return _checked_folder(Path(snapshot_download(model, allow_patterns=_WANTED)))
    except ModelFileError:
        raise
    except Exception as error:  # the hub's client raises a dozen unrelated kinds
        raise BackendUnavailable(
            f"{model} is not in the hub's cache, and the hub did not give it: "
            f"{type(error).__name__}",
            "check the name and the network, or name a folder, a GGUF file or a bundled model: "
            f"{', '.join(BUNDLED)}",
        ) from error


def load(folder: Path, dtype: Dtype = "auto", device: Device = "auto") -> Loaded:
    """A causal language model with its tokenizer. Reads local files only.

    Args:
        folder: as `locate` gives it.
        dtype: "auto" is what the folder holds.
        device: "auto" is cuda where there is one.

    Raises:
        ModelFileError: the folder does not hold such a model.
    """
    quantised = _read_json(folder / "config.json").get("quantization_config")
    if quantised is not None:  # told before the loader asks for that method's own package
        method = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise _packed(folder, str(method or "quantised"))
    tokenizer = load_tokenizer(folder)
    with offline_and_quiet(folder):
        model: Any = _model_class(folder).from_pretrained(
            str(folder),
            dtype=_torch_dtype(folder, dtype),
            attn_implementation="eager",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    strange = [
        f"{name} ({weight.dtype})"
        for name, weight in model.named_parameters()
        if not weight.is_floating_point()
    ]
    if strange:
        raise _packed(folder, ", ".join(strange[:2]))
    model.eval()
    model.to(torch_device(device))
    text = model.config.get_text_config()
    chosen = str(next(model.parameters()).dtype).removeprefix("torch.")
    head = model.get_output_embeddings()
    if head is None:
        raise ModelFileError(f"{folder}: the model has no output head", "name a causal model")
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        fingerprint=fingerprint({"folder.json": folder_hash(folder), "dtype.json": chosen}),
        parameters=sum(p.numel() for p in model.parameters()),
        context=int(getattr(text, "max_position_embeddings", 0) or 2048),
        rows=int(head.weight.shape[0]),
        ends=_ends(model, tokenizer),
        folder=folder,
    )


def _packed(folder: Path, how: str) -> ModelFileError:
    return ModelFileError(
        f"{folder}: the weights are packed ({how}), and this engine needs plain ones",
        "use the unquantised model or its GGUF file, or serve it and use = 'openai'",
    )


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer alone: padding on the left, a padding token always set.

    Raises:
        ModelFileError: there is none that can be loaded.
    """
    with offline_and_quiet(folder):
        tokenizer: Any = _tokenizer_class(folder).from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def _model_class(folder: Path) -> Any:
    """The class itself where config.json names one: the Auto class imports half of the library."""
    import transformers

    config = _read_json(folder / "config.json")
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and len(named) == 1 else None
    if (
        isinstance(name, str)
        and name.endswith("ForCausalLM")
        and "quantization_config" not in config
    ):
        found = getattr(transformers, name, None)
        if found is not None and found.config_class.model_type == config.get("model_type"):
            return found
    return transformers.AutoModelForCausalLM


def _tokenizer_class(folder: Path) -> Any:
    """Likewise: the plain class where the folder asks for no other."""
    import transformers

    path = folder / "tokenizer_config.json"
    named = _read_json(path).get("tokenizer_class") if path.exists() else None
    plain = named in ("TokenizersBackend", "PreTrainedTokenizerFast")
    if plain and (folder / "tokenizer.json").exists():
        return transformers.PreTrainedTokenizerFast
    return transformers.AutoTokenizer


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: is no JSON: {error}", "fetch it again") from error
    return found if isinstance(found, dict) else {}


def folder_hash(folder: Path) -> str:
    """One hash over a model folder's weights and tokenizer."""
    manifest = read_manifest(folder)
    if manifest:
        return manifest.fingerprint
    files = [p for kind in ("*.safetensors", "*.json", "*.jinja") for p in folder.glob(kind)]
    return fingerprint({p.name: hash_of(p) for p in files})


@contextmanager
def offline_and_quiet(folder: Path) -> Iterator[None]:
    """No progress bars on a person's terminal; what the loader raises becomes a ModelFileError."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    level = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        first = (str(error).strip().splitlines() or [""])[0][:300]
        raise ModelFileError(
            f"{folder}: cannot be loaded: {type(error).__name__}: {first}",
            "check the folder, or `agentkit models show` it",
        ) from error
    except Exception as error:
        if type(error).__name__ != "SafetensorError":
            raise
        raise ModelFileError(f"{folder}: damaged weights: {error}", "fetch it again") from error
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def _torch_dtype(folder: Path, dtype: Dtype) -> Any:
    import torch

    if dtype == "auto":
        config = _read_json(folder / "config.json")
        stored = config.get("dtype") or config.get("torch_dtype") or "float32"
        # fp16 overflows in places that bf16 does not, and no CPU computes it fast.
        dtype = "fp32" if stored == "float32" else "bf16"
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]


def torch_device(device: Device) -> str:
    """The device in torch's own words.

    Raises:
        BackendUnavailable: cuda was asked for and there is none.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise BackendUnavailable("device cuda was asked for, and torch sees none", 'device = "cpu"')
    return device


def _ends(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Every id that ends an answer, as far as model, tokenizer and custom say."""
    found: list[int] = []
    for holder in (model.generation_config, model.config, tokenizer):
        value = getattr(holder, "eos_token_id", None)
        found += value if isinstance(value, list | tuple) else [] if value is None else [value]
    special = set(tokenizer.all_special_tokens)
    found += [tokenizer.convert_tokens_to_ids(t) for t in _ENDS if t in special]
    vocab = tokenizer.get_added_vocab()
    found += [vocab[t] for t in _ENDS if t in vocab]
    return tuple(dict.fromkeys(int(i) for i in found))
