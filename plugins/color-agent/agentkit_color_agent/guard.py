"""The guard of sensitive actions: allow, ask, or deny, for each kind of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agentkit.capabilities import Proposal, Verdict
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

Rule = Literal["allow", "ask", "deny"]


class SensitiveSettings(PartSettings):
    """What happens before something that cannot be taken back or goes to others: a message that is
    sent, a payment, a deletion, a permission, an installation, a call, something shared.

    other: what an agent calls sensitive and is none of these.
    """

    send: Rule = "ask"
    pay: Rule = "ask"
    delete: Rule = "ask"
    grant: Rule = "ask"
    install: Rule = "ask"
    call: Rule = "ask"
    share: Rule = "ask"
    other: Rule = "ask"


class SensitiveGuard:
    """Judges by what the agent says an action does: `args["sensitive"]`, as `send: "Send"`."""

    def __init__(self, settings: SensitiveSettings, parts: Parts) -> None:
        self._settings = settings

    def judge(self, proposal: Proposal) -> Verdict | None:
        said = proposal.args.get("sensitive")
        if not said:
            return None
        kind = str(said).partition(":")[0]
        rules = self._settings.model_dump()
        return Verdict(rules.get(kind, self._settings.other), str(said)[:300])
