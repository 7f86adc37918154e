"""What all suites share: how the part under test is made, and how cases are numbered."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from agentkit.capabilities import NOUNS
from agentkit.kit import Kit, load

_CASE = re.compile(r"test_([a-z]{2})(\d\d)_")


class Conformance:
    """Base of all suites. A subclass named `Test…` gives `toml`, or `make()`.

    toml: settings that declare the part under test under the name `part`, and what it needs; with
    them the registration and the settings class are tested too. use: the name that the part is
    registered under, where `toml` is made only when the suite is run.
    """

    noun: ClassVar[str]
    toml: ClassVar[str] = ""
    use: ClassVar[str] = ""

    _shared: ClassVar[Any] = None
    _kits: ClassVar[list[Kit]]

    def make(self) -> Any:
        """The part under test, made anew."""
        if not self.toml:
            raise NotImplementedError(f"{type(self).__name__} gives neither toml nor make()")
        return self.kit().part(self.noun, "part")

    def kit(self) -> Kit:
        """A new kit of `toml`; closed when the suite ends."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "agentkit.toml"
            file.write_text(self.toml)
            kit = load(file, environ={})
        type(self)._kept().append(kit)
        return kit

    @property
    def part(self) -> Any:
        """One part for all cases of the suite that do not spoil it."""
        cls = type(self)
        if "_shared" not in cls.__dict__ or cls._shared is None:
            cls._shared = self.make()
            protocol = NOUNS.get(getattr(cls, "noun", ""))
            assert protocol is None or isinstance(cls._shared, protocol), (
                f"{type(cls._shared).__name__} is no {protocol}: a member is missing"
            )
        return cls._shared

    @contextmanager
    def fresh(self) -> Iterator[Any]:
        """A part of this case's own."""
        made = self.make()
        try:
            yield made
        finally:
            _close(made)

    @classmethod
    def _kept(cls) -> list[Kit]:
        if "_kits" not in cls.__dict__:
            cls._kits = []
        return cls._kits

    @classmethod
    def teardown_class(cls) -> None:
        """Closes what the suite made; pytest calls it."""
        shared, cls._shared = cls.__dict__.get("_shared"), None
        if shared is not None:
            _close(shared)
        while cls._kept():
            cls._kept().pop().close()

    @classmethod
    def cases(cls) -> dict[str, str]:
        """Number to method name, in order: {"SO-01": "test_so01_…"}."""
        found = [(name, _CASE.match(name)) for name in dir(cls)]
        return {f"{m[1].upper()}-{m[2]}": name for name, m in found if m}


def failures(suite: type[Conformance], *only: str) -> dict[str, BaseException]:
    """Runs a suite, or some of its cases, without pytest: the number of a case to what was wrong.
    Empty: it conforms."""
    found: dict[str, BaseException] = {}
    try:
        for number, name in suite.cases().items():
            if only and number not in only:
                continue
            try:
                getattr(suite(), name)()
            except Exception as error:
                found[number] = error
    finally:
        suite.teardown_class()
    return found


def _close(part: Any) -> None:
    close = getattr(part, "close", None)
    if callable(close):
        close()
