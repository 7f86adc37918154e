"""Nothing is written to weights without a person's yes."""

from __future__ import annotations

from agentkit.capabilities.guard import Proposal, Verdict

REMEMBER, FORGET = "remember_in_weights", "forget_from_weights"


def judge(proposal: Proposal) -> Verdict | None:
    if proposal.name == REMEMBER:
        told = " ".join(str(proposal.args.get(k, "?")) for k in ("subject", "relation", "answer"))
        return Verdict("ask", f"this is written into the model's weights: {told}")
    if proposal.name == FORGET:
        text = proposal.args.get("text", "?")
        return Verdict("ask", f"what mentions {text!r} is taken out of the model's weights")
    return None
