"""Settings of `use = "phone-policy"`."""

from __future__ import annotations

from pathlib import Path

from agentkit.settings import PartSettings


class PolicySettings(PartSettings):
    """folder: of a policy made by `agentkit phone-policy new`; none is the one that ships."""

    folder: Path | None = None
