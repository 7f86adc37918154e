"""Every extension point, on one page.

A plugin is a module named by an entry point of the group `agentkit`:

    [project.entry-points.agentkit]
    power-sampling = "agentkit_power_sampling.plugin"

It imports agentkit and the standard library only, and implements the hooks it needs:

    from agentkit import hookimpl

    @hookimpl
    def agentkit_register(registry):
        registry.model(
            "power-sampling",
            "agentkit_power_sampling.model:PowerSampled",
            settings="agentkit_power_sampling.settings:Settings",
            needs={"base": "tokens"},
            summary="samples from p^alpha",
        )

All hooks are synchronous and take keyword arguments. One that raises is contained and reported
under its plugin's name; a guard that raises is a deny.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from agentkit.capabilities.guard import Proposal, Verdict
    from agentkit.registry import Registry
    from agentkit.runs.events import Event

API = 1
"""Version of these hooks. A plugin may say `AGENTKIT_API = 1`; another number disables it."""

hookspec = pluggy.HookspecMarker("agentkit")
hookimpl = pluggy.HookimplMarker("agentkit")


@hookspec
def agentkit_register(registry: Registry) -> None:
    """Names what the plugin offers: parts of every noun, default parts, commands, experiments,
    console views, doctor checks. Called once per process, before anything else; imports nothing
    heavy, because the targets are import strings that are resolved when first used.

        @hookimpl
        def agentkit_register(registry):
            registry.model("loud", "agentkit_shout.model:Loud", summary="says it louder")
    """


@hookspec
def agentkit_guard(proposal: Proposal) -> Verdict | None:
    """Judges an action before it happens. Every guard is asked, every time; deny beats ask beats
    allow; None is no opinion.

        @hookimpl
        def agentkit_guard(proposal):
            return Verdict("ask", "money is spent") if proposal.name == "pay" else None
    """


@hookspec
def agentkit_event(event: Event) -> None:
    """Told of every event of a run that this process owns, after it is stored. Keep it short: the
    run waits. Raising never changes the run; five times in one run mutes the plugin for it.

        @hookimpl
        def agentkit_event(event):
            logging.getLogger("mine").info("%s %s", event.run, event.kind)
    """


@hookspec
def agentkit_run_started(run: str, agent: str) -> None:
    """A run was started or resumed in this process.

    For instance:

        @hookimpl
        def agentkit_run_started(run, agent):
            logging.getLogger("mine").info("%s works on %s", agent, run)
    """


@hookspec
def agentkit_run_finished(run: str, status: str) -> None:
    """A run in this process stopped: done, failed, waiting, paused or cancelled.

    For instance:

        @hookimpl
        def agentkit_run_finished(run, status):
            logging.getLogger("mine").info("%s is %s", run, status)
    """
