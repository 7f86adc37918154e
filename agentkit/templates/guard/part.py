"""A guard that denies actions by their name and asks before irreversible ones."""

from __future__ import annotations

from fnmatch import fnmatchcase

from agentkit.capabilities import Effect, Proposal, Verdict
from agentkit.kit import Parts
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """deny: patterns of names that are never allowed, e.g. "delete*"."""

    deny: tuple[str, ...] = ("delete*",)


class ClassName:
    """Has no opinion on the rest; other guards are asked too, and deny beats ask beats allow."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._deny = settings.deny

    def judge(self, proposal: Proposal) -> Verdict | None:
        for pattern in self._deny:
            if fnmatchcase(proposal.name, pattern):
                return Verdict("deny", f"{proposal.name} matches {pattern!r}")
        if proposal.effect is Effect.IRREVERSIBLE:
            return Verdict("ask", f"{proposal.name} on {proposal.target} cannot be taken back")
        return None
