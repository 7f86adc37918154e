"""GGUF files: what their header says, what is refused, and the copy that is made of one."""

from __future__ import annotations

import errno
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agentkit.capabilities import Cancel, Request
from agentkit.errors import Cancelled, ModelFileError
from agentkit.files import sha256
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.models.files import convert as converting
from agentkit.models.files import copies, loading
from agentkit.models.files.convert import convert
from agentkit.models.files.gguffile import read_header
from agentkit.settings import Settings
from tests.models.folders import tiny_gguf


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tiny_gguf(tmp_path / "tiny.gguf")
    return tmp_path / "tiny.gguf"


def nothing_left(cache: Path) -> bool:
    """No copy, and no half of one."""
    return not [p for p in (cache / "models").glob("**/*") if p.is_dir()]


def test_the_header_says_what_the_file_is(file: Path) -> None:
    header = read_header(file)
    assert header.architecture == "llama" and header.tensors == 11
    assert header.values["llama.context_length"] == 256
    assert 0 <= file.stat().st_size - header.size < 64


def test_a_file_cut_anywhere_is_refused_in_a_line(file: Path, own_cache: Path) -> None:
    content = file.read_bytes()
    for size in [*range(0, 4000, 97), *np.linspace(4000, len(content) - 80, 20).astype(int)]:
        file.write_bytes(content[:size])
        with pytest.raises(ModelFileError, match=r"cut short|an empty file|expected a GGUF") as err:
            convert(file, "0" * 64, "fp32")
        assert str(file) in err.value.message and "\n" not in err.value.message
    assert nothing_left(own_cache)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04" + b"0" * 99, "a zip archive"),
        (b"\x80\x02}q\x00", "a pickle"),
        (b"<!DOCTYPE html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "found 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "damaged"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<I", 77), "damaged"),
    ],
)
def test_files_of_another_kind_are_refused_by_name(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=words) as caught:
        read_header(path)
    assert str(path) in caught.value.message


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no such file"):
        read_header(tmp_path / "absent.gguf")


def test_no_room_is_told_before_anything_is_made(
    file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(converting.shutil, "disk_usage", lambda _: usage(10, 10, 1000))
    with pytest.raises(ModelFileError, match="0 MiB are free") as caught:
        convert(file, sha256(file), "fp32")
    assert "AGENTKIT_CACHE" in caught.value.hint and nothing_left(own_cache)


def test_a_child_that_fails_leaves_nothing(
    file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the child says is what the user reads; a disk that fills up is said by the child."""
    script = (
        "import json, pathlib, sys; pathlib.Path(sys.argv[2], 'half').write_text('x');"
        "print('noise'); print(json.dumps({'error': 'OSError: [Errno 28] No space left on disk'}));"
        "sys.exit(1)"
    )
    plain = subprocess.Popen
    monkeypatch.setattr(
        converting.subprocess,
        "Popen",
        lambda command, **rest: plain([sys.executable, "-c", script, *command[3:]], **rest),
    )
    with pytest.raises(ModelFileError, match=r"cannot be converted: OSError.*No space left"):
        convert(file, sha256(file), "fp32")
    assert nothing_left(own_cache)


def test_a_disk_that_fills_up_at_the_last_file(
    file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(converting, "_run_child", lambda path, made, *_: (made / "x").touch())
    monkeypatch.setattr(converting, "write_manifest", full)
    with pytest.raises(ModelFileError, match="the disk is full"):
        convert(file, sha256(file), "fp32")
    assert nothing_left(own_cache)


def test_converting_can_be_cancelled_and_leaves_nothing(
    file: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[Any] = []
    plain = subprocess.Popen

    def sleeper(command: list[str], **rest: Any) -> Any:
        children.append(plain([sys.executable, "-c", "import time; time.sleep(60)"], **rest))
        return children[-1]

    monkeypatch.setattr(converting.subprocess, "Popen", sleeper)
    cancel = Cancel()
    threading.Thread(target=lambda: (time.sleep(0.1), cancel.set())).start()
    with pytest.raises(Cancelled):
        convert(file, sha256(file), "fp32", cancel=cancel)
    assert children[0].poll() is not None and nothing_left(own_cache)


# -- the real thing: a child that loads transformers takes some seconds ----------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any], Path]]:
    """A GGUF file, its weights, and the folder that it became."""
    root = tmp_path_factory.mktemp("gguf")
    weights = tiny_gguf(root / "tiny.gguf", layers=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_CACHE", str(root / "cache"))
        yield root / "tiny.gguf", weights, loading.locate("tiny.gguf", root)


@pytest.mark.slow
def test_the_copy_has_the_weights_of_the_file(made: tuple[Path, dict[str, Any], Path]) -> None:
    file, weights, folder = made
    manifest = copies.read_manifest(folder)
    assert manifest is not None and manifest.source["sha256"] == sha256(file)
    copies.verify(folder)
    loaded = loading.load(folder, "auto", "cpu")
    own = loaded.model.state_dict()
    for name, wanted in weights.items():
        assert torch.equal(own[name], torch.from_numpy(wanted)), name
    assert all(type(m) is torch.nn.Linear for n, m in loaded.model.named_modules() if "proj" in n)
    assert loaded.context == 256 and 258 in loaded.ends
    assert len(loaded.tokenizer.encode("ab", add_special_tokens=False)) == 1
    assert loaded.tokenizer.encode("Grüße <|im_end|>", add_special_tokens=False)[-1] == 258
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("Grüße, 漢字")) == "Grüße, 漢字"


@pytest.mark.slow
def test_a_second_use_converts_nothing(
    made: tuple[Path, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _, folder = made
    monkeypatch.setenv("AGENTKIT_CACHE", str(file.parent / "cache"))
    monkeypatch.setattr(converting.subprocess, "Popen", lambda *a, **k: pytest.fail("a child"))
    assert loading.locate(str(file), Path()) == folder
    other = file.with_name("other name.gguf")  # the content decides, not the name
    shutil.copyfile(file, other)
    assert loading.locate(str(other), Path()) == folder


@pytest.mark.slow
def test_a_gguf_file_is_a_model_like_any_other(
    made: tuple[Path, dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _, _ = made
    monkeypatch.setenv("AGENTKIT_CACHE", str(file.parent / "cache"))
    with Kit(Host.load(), Settings()) as kit:
        kit.define("model", "tiny", use="transformers", model=str(file), threads=1)
        answer = kit.model("tiny").generate([Request.of("hello", max_tokens=5)])[0]
        assert answer.finish in ("stop", "length") and answer.usage.prompt > 5


@pytest.mark.slow
def test_an_architecture_that_nothing_loads_is_told_by_its_name(
    tmp_path: Path, own_cache: Path
) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "odd.gguf", "of-no-kind")
    writer.add_tensor("t", np.zeros((2, 2), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelFileError, match="cannot be converted") as caught:
        loading.locate(str(tmp_path / "odd.gguf"), Path())
    assert "of-no-kind" in caught.value.message and "\n" not in caught.value.message
    assert nothing_left(own_cache)
