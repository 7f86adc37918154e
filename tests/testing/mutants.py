"""Holding suites to their promise: the right part passes, and each case fails on a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentkit.testing.conformance import Conformance, failures


def of(suite: type[Conformance], make: Callable[[], Any], **more: Any) -> type[Conformance]:
    """A suite over what `make` gives."""
    return type("Suite", (suite,), {"make": lambda self: make(), **more})


def passes(suite: type[Conformance]) -> None:
    found = failures(suite)
    assert not found, "\n".join(f"{n}: {type(e).__name__}: {e}" for n, e in found.items())


def caught(suite: type[Conformance], case: str) -> None:
    """The case fails on this part."""
    assert case in suite.cases(), f"there is no case {case}"
    assert failures(suite, case), f"{case} passes on a wrong part"


def all_cases_have_one(suite: type[Conformance], mutants: Mapping[str, Any]) -> None:
    missing = sorted(set(suite.cases()) - set(mutants))
    assert not missing, f"no wrong part for {missing}"


def each(mutants: Mapping[str, Any]) -> Any:
    """Parametrises a test over (case, mutant)."""
    return pytest.mark.parametrize(("case", "mutant"), mutants.items(), ids=list(mutants))
