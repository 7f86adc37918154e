"""Every part that is registered here can be loaded, and passes its noun's conformance suite."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from agentkit.host import Host
from agentkit.registry import NOUNS, Registration
from agentkit.settings import TABLE_OF
from agentkit.testing.conformance import Conformance, PackageConformance, failures

ROOT = Path(__file__).parent.parent
HOST = Host.load({})
OFFERS = list(HOST.registry.all())
# Modules with test classes that derive from a suite; most others need not be imported for that.
SUITES = sorted(
    path
    for group in ("tests", "plugins/*/tests", "environments/*/tests")
    for path in ROOT.glob(f"{group}/**/test_*.py")
    if re.search(r"^class Test\w+\(.*Conformance", path.read_text(), re.M)
)


def label(offer: Registration) -> str:
    return f"{offer.kind}-{offer.name}"


@pytest.mark.parametrize("offer", OFFERS, ids=label)
@pytest.mark.slow
def test_what_is_registered_can_be_loaded(offer: Registration) -> None:
    assert offer.load() is not None
    settings = offer.load_settings()
    assert settings is None or issubclass(settings, BaseModel)
    assert set(offer.needs) <= set(settings.model_fields if settings else ())


def suites() -> Iterator[type[Conformance]]:
    """The suites that pytest finds when it is run in the whole repository."""
    for path in SUITES:
        name = f"suites_{path.relative_to(ROOT)}".translate(str.maketrans("/-.", "___"))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        sys.path.insert(0, str(path.parent))  # for the helpers that a package's tests share
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(path.parent))
            del sys.modules[name]
        for found in vars(module).values():
            if (
                inspect.isclass(found)
                and issubclass(found, Conformance)
                and found.__name__.startswith("Test")
                and found.__module__ == name
            ):
                yield found


def covered(suite: type[Conformance]) -> tuple[str, str] | None:
    """(noun, use) of the registered part that a suite is about."""
    noun = getattr(suite, "noun", "")
    if suite.use or not suite.toml:
        return (noun, suite.use) if suite.use else None
    tables = tomllib.loads(suite.toml)
    return noun, tables[TABLE_OF[noun]]["part"]["use"]


@pytest.mark.slow
def test_every_part_has_its_suite() -> None:
    known = {found for suite in suites() if (found := covered(suite))}
    parts = {(offer.kind, offer.name) for offer in OFFERS if offer.kind in NOUNS}
    missing = sorted(parts - known)
    assert not missing, (
        f"no test class derives from the suite of {missing}: give one `toml` that declares the "
        "part under the name `part`, or `use` where its settings are not known beforehand"
    )
    assert known <= parts, f"suites of what is not registered: {sorted(known - parts)}"


@pytest.mark.slow
@pytest.mark.parametrize("plugin", sorted({r.name for r in HOST.records} - {"agentkit"}))
def test_every_plugin_is_a_good_package(plugin: str) -> None:
    suite = type("Package", (PackageConformance,), {"plugin": plugin})
    found = failures(suite)
    assert not found, "\n".join(f"{number}: {error}" for number, error in found.items())
