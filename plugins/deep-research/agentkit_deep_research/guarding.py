"""Fetched text is data. This finds text that reads as if it were meant for a machine.

A net, not a wall: what it misses is still only quoted, never obeyed, because no fetched text ever
stands where instructions do and no tool is chosen after reading. What it finds is pointed out, is
no evidence, and is not shown to a model.
"""

from __future__ import annotations

import re

LONGEST = 120  # characters that are shown

_MACHINE = (
    r"(?:ai|a\.i\.|llms?|language models?|chat ?bots?|assistants?|crawlers?|summari[sz]ers?|bots?|"
    r"(?:ai|research|automated) (?:agents?|systems?|readers?|tools?))"
)
_PAPER = r"(?:answers?|repl(?:y|ies)|reports?|responses?|summar(?:y|ies)|output)"
_OVERRIDE = (
    r"\b(?:ignore|disregard|forget|override|bypass|overwrite|do not (?:follow|obey))\b[^.\n]{0,50}"
    r"\b(?:instructions?|prompts?|rules|guidelines|above|previous(?:ly)?|prior|earlier|directives?|"
    r"system|the question|everything you)\b"
    r"|\b(?:ignore[rz]|oublie[rz]?|vergiss|ignoriere|ignora|olvida)\b[^.\n]{0,40}"
    r"\b(?:instructions|anweisungen|instrucciones)\b"
    r"|(?:지시|명령)[을를]?\s*무시|指示を無視|忽略[^。\n]{0,8}指[令示]"
)
_ADDRESS = (
    rf"\b(?:dear|attention|hello|hey|(?:note|message|instructions?|ps) (?:to|for))\W+"
    rf"(?:any |all |the |every )?{_MACHINE}\b"
    rf"|\b(?:if|when) you(?:'re| are)? (?:an? )?{_MACHINE}\b"
    rf"|\bas an? {_MACHINE}\b[^.\n]{{0,20}}\b(?:you|must|should|disregard|ignore)\b|\bas an ai\b"
    rf"|\b(?:any|all|every|ai|automated) {_MACHINE}\b[^.\n]{{0,20}}\b(?:must|should|shall|are to)\b"
    r"|\bassistants (?:must|should|may act)\b|\bassistant\s*:\s*\S"
    r"|\bai (?:readers?|systems?)\b[^.\n]{0,20}:"
)
_ROLE = (
    r"\byou (?:are now (?:an? |in |the |my |acting|no longer|free|allowed)|will now act|must now|"
    r"shall now)|\bfrom now on,? (?:you|answer|respond|reply|begin|end)\b"
    r"|\b(?:act|behave) as (?:if you were|an? (?:admin|root|developer|different|unrestricted))\b"
    r"|\bpretend (?:to be|that you)\b"
)
_MARKS = (
    r"<\s*/?\s*(?:system|assistant|instructions?|im_start|im_end)\b[^>]{0,20}>|<\|[a-z_]{3,20}\|>"
    r"|\[/?INST\]|^\s*#{2,4}\s*(?:system|instructions?)\b|\bsystem prompt(?:\b|:)"
    r"|\b(?:new|updated|revised|real|true) instructions?\s*:|^\s*(?:system|user)\s*:\s*i?\b\w+ \w+ "
    r"|\bBEGIN (?:SYSTEM|ADMIN|PRIVILEGED)\b|\bcall the tool\b|\"arguments\"\s*:\s*\{"
    r"|\bdecode and (?:follow|run|execute)\b"
)
_OUTPUT = (
    rf"\b(?:in|into|to|of|begin|start|end|write|finish) your {_PAPER}\b"
    rf"|\b(?:begin|start|end|add to|finish) (?:every|each|all) {_PAPER}\b|\balways end {_PAPER}\b"
    r"|\b(?:respond|reply|answer) (?:only )?(?:with|by saying)\b|\bbefore answering\b"
    r"|\bwhen (?:you )?(?:summari[sz]e|summari[sz]ing|answering|answer|cite|quote)\b[^.\n]{0,40}"
    r"\b(?:say|state|include|mention|write|claim|give)\b"
    rf"|\b{_PAPER} of this\b[^.\n]{{0,30}}\bmust\b"
    r"|\breport that no(?:thing| information)\b"
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
