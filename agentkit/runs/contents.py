"""What lies beside the database: artifacts by their hash, checkpoints, one folder a run."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from agentkit.errors import StoreError
from agentkit.files import write_atomic


class Contents:
    """Files of runs below `folder`. Each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, run: str, content: bytes) -> str:
        """Keeps bytes under their SHA-256, which it returns. Raises StoreError."""
        sha = hashlib.sha256(content).hexdigest()
        path = self._folder / "blobs" / run / sha
        if not path.exists():
            _write(path, content)
        return sha

    def get(self, run: str, sha256: str) -> bytes:
        """Raises StoreError where they are gone."""
        try:
            return (self._folder / "blobs" / run / sha256).read_bytes()
        except OSError as error:
            raise StoreError(f"the artifact {sha256[:12]} is gone: {error}") from error

    def named(self, run: str, name: str, sha256: str) -> Path:
        """A file of that name with those bytes, for people. Raises StoreError."""
        path, content = self._folder / "artifacts" / run / name, self.get(run, sha256)
        if not path.exists() or path.read_bytes() != content:
            _write(path, content)
        return path

    def checkpoint(self, run: str) -> Path:
        return self._folder / "checkpoints" / f"{run}.db"

    def drop_checkpoint(self, run: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.checkpoint(run)}{suffix}").unlink(missing_ok=True)

    def delete(self, run: str) -> None:
        """All files of a run."""
        self.drop_checkpoint(run)
        for kind in ("blobs", "artifacts"):
            shutil.rmtree(self._folder / kind / run, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomic(path, content)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}", "free some disk") from error
