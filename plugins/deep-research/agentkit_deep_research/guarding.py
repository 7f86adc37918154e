"""Fetched text is data. This finds text that reads as if it were meant for a machine.

A net, not a wall: what it misses is still only quoted, never obeyed, because no fetched text ever
stands where instructions do and no tool is chosen after reading. What it finds is pointed out, is
no evidence, and is not shown to a model.
"""

from __future__ import annotations

import re

LONGEST = 120  # characters that are shown

_OVERRIDE = (
    r"\b(?:ignore|disregard|forget|override|bypass|overwrite|do not (?:follow|obey))\b[^.\n]{0,50}"
    r"\b(?:instructions?|prompts?|rules|guidelines|above|previous(?:ly)?|prior|earlier|directives?|"
    r"system|everything you)\b"
)
_MACHINE = (
    r"(?:ai|a\.i\.|llms?|language models?|chat ?bots?|assistants?|crawlers?|summari[sz]ers?|bots?|"
    r"(?:ai |research |automated )agents?)"
)
_ADDRESS = (
    rf"\b(?:dear|attention|hello|hey|(?:note|message|instructions?) (?:to|for))\W+"
    rf"(?:any |all |the |every )?{_MACHINE}\b"
    rf"|\b(?:if|when) you(?:'re| are)? (?:an? )?{_MACHINE}\b"
    rf"|\bas an? {_MACHINE}\b[^.\n]{{0,20}}\b(?:you|must|should|disregard|ignore)\b|\bas an ai\b"
)
_ROLE = (
    r"\byou (?:are now (?:an? |in |the |my |acting|no longer|free|allowed)|will now act|must now|"
    r"shall now)"
    r"|\bfrom now on,? (?:you|answer|respond|reply)\b|\b(?:act|behave) as (?:if you were|an? "
    r"(?:admin|root|developer|different|unrestricted))\b|\bpretend (?:to be|that you)\b"
)
_MARKS = (
    r"<\s*/?\s*(?:system|assistant|instructions?|im_start|im_end)\b[^>]{0,20}>|<\|[a-z_]{3,20}\|>"
    r"|\[/?INST\]|^\s*#{2,4}\s*(?:system|instructions?)\b|\bsystem prompt(?:\b|:)"
    r"|\b(?:new|updated|revised|real|true) instructions?\s*:"
    r"|\bBEGIN (?:SYSTEM|ADMIN|PRIVILEGED)\b|^\s*(?:system|assistant)\s*:\s*\S"
)
_OUTPUT = (
    r"\b(?:in|into|to) your (?:answer|reply|report|response|summary|output)\b"
    r"|\b(?:respond|reply|answer) (?:only )?(?:with|by saying)\b"
    r"|\bwhen (?:you )?(?:summari[sz]e|summari[sz]ing|answering|you answer)\b[^.\n]{0,40}"
    r"\b(?:say|state|include|mention|write|claim)\b"
    r"|\b(?:you must|you should|always) (?:say|state|answer|reply|report|recommend|conclude) that\b"
)
_SECRETS = (
    r"\b(?:reveal|print|output|send|post|leak|repeat|show) (?:me )?(?:all )?(?:your|the) "
    r"(?:system|hidden|initial|secret|api|environment|previous)\b[^.\n]{0,20}"
    r"\b(?:prompt|keys?|instructions?|variables?|messages?|rules)\b"
)
_ORDERS = re.compile("|".join((_OVERRIDE, _ADDRESS, _ROLE, _MARKS, _OUTPUT, _SECRETS)), re.I | re.M)


def orders(text: str) -> str:
    """The words of a passage that try to instruct whoever reads it by machine, "" without any."""
    found = _ORDERS.search(text)
    return " ".join(found.group().split())[:LONGEST] if found else ""
