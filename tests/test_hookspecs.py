"""Every hook is documented with an example, and the example is an implementation of it."""

from __future__ import annotations

import inspect
import logging
import re
import textwrap
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest

from agentkit import hookimpl, hookspecs
from agentkit.capabilities import Effect, Proposal, Verdict
from agentkit.registry import Registry
from agentkit.runs.events import Event

HOOKS = [name for name in vars(hookspecs) if name.startswith("agentkit_")]
GIVEN: dict[str, Any] = {
    "registry": Registry(),
    "proposal": Proposal("r", "a", "shop", "pay", {}, Effect.OUTSIDE),
    "event": SimpleNamespace(run="r", kind="run.started"),
    "run": "r",
    "agent": "a",
    "status": "done",
}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_is_one(hook: str) -> None:
    text = inspect.cleandoc(getattr(hookspecs, hook).__doc__)
    example = textwrap.dedent("\n".join(re.findall(r"^    .*", text, re.M)))
    space: dict[str, Any] = {"hookimpl": hookimpl, "Verdict": Verdict, "logging": logging}
    exec(example, space)
    manager = pluggy.PluginManager("agentkit")
    manager.add_hookspecs(hookspecs)
    manager.register(SimpleNamespace(**{hook: space[hook]}))
    manager.check_pending()
    caller = getattr(manager.hook, hook)
    assert len(caller.get_hookimpls()) == 1, f"the example does not implement {hook}"
    caller(**{name: GIVEN[name] for name in caller.spec.argnames})


def test_an_event_has_what_the_example_reads() -> None:
    assert {"run", "kind"} <= set(inspect.signature(Event).parameters)
