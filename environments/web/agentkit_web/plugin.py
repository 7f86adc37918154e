"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.environment(
        "web",
        "agentkit_web.environment:WebEnvironment",
        settings="agentkit_web.settings:WebSettings",
        needs={"perception": "perception"},
        summary="tasks in a real browser: sites of its own, MiniWoB++, or hosts that you allow",
    )
    registry.source(
        "web",
        "agentkit_web.source:WebSource",
        settings="agentkit_web.settings:SiteSettings",
        needs={"embedder": "embed"},
        summary="a website, read as a browser shows it",
    )
    registry.experiment(
        "web-research",
        "agentkit_web.experiment:EXPERIMENT",
        summary="are documentation sites, read through a browser, researched as well as files",
    )
    registry.check(
        "chromium", "agentkit_web.chromium:check", summary="a Chromium that Playwright can start"
    )
