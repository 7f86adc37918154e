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
_PROGRAM = (
    r"(?:(?:summari[sz]|answer|rank|digest)ing (?:software|engines?|tools?|programs?)"
    r"|(?:automated|digital|virtual|artificial|synthetic) (?:readers?|colleagues?|helpers?)"
    r"|(?:readers?|colleagues?) (?:of|made of|with|who are) [^.,\n]{0,20}"
    r"\b(?:silicon|steel|code|weights)\b"
    r"|(?:model|machine|software) (?:that|which) (?:reads|answers))"
)
_DO = (
    r"(?:please|kindly|must|shall|should|be so|could you|is to|are to|write|writes|say|put|tell|"
    r"transfer|keep|pass|copy|sign)"
)
_THIRD = (  # about a reader who is a program, in the third person
    rf"\b{_PROGRAM}\b[^.\n]{{0,60}}\b{_DO}\b|\b{_PROGRAM}\b[^\n]{{0,20}}:"
    r"|\bwhoever (?:reports|summari[sz]es|quotes|answers)\b|\byour (?:human|principal)\b"
)
_DIGEST = (  # what may be told of a text, and how
    r"\b(?:the|every|all|this|a) (?:summar(?:y|ies)|digests?|abstracts?|extracts?)\b[^.\n]{0,60}\b"
    r"(?:must (?:say|name|carry|bear)|shall (?:say|name|carry|bear)|without change|on condition)\b"
    r"|\b(?:quote|use|say|report|repeat) (?:only|nothing but) the (?:next|following) (?:sentence|"
    r"words?)\b|\bno other wording\b|\b(?:add|join|put|include|insert)\b[^.\n]{0,60}\b(?:to|in|"
    rf"into) your {_PAPER}\b|\byour {_PAPER} (?:has to|must|should) (?:be|say|name)\b"
)
_ALONE = (  # that nothing else may be believed
    r"\b(?:drop|ignore|disregard|leave out) (?:all |any |the )*other (?:sources|documents|papers)\b"
    r"|\btrust (?:only )?this (?:cell|row|page|text)\b|\bthis (?:cell|row|page) alone\b"
    r"|\btakes? precedence over your\b|\bregardless of what other (?:sources|documents)\b"
)
_TALK = (  # a conversation or a call that is not the reader's own
    r"\b(?:human|user)\s*:[^\n]{0,200}\s(?:ai|assistant|model|bot)\s*:"
    r"|\bend of (?:retrieved )?context\b"
    r"|<\s*/?\s*(?:function_calls|tool_call|invoke)\b|\{\{\s*#?/?(?:system|assistant)"
    r"|\b(?:todo|note)\((?:bot|ai|llm|copilot)\)"
)
_CODED = r"\b(?:decode|unpack|base64|rot-?13)\b[^\n:]{0,50}:\s*\S"
_TONGUES = (  # a program is addressed, and told to do something, in other languages
    r"\b(?:Sprachmodelle?|KI-\w+|Suchmaschine|Assistent)\b[^.\n]{0,60}\b(?:bitte|nur|schreibt?|"
    r"lasst|muss|müssen)\b|\b(?:outils? de synthèse|rédacteurs automatiques|assistant|IA)\b"
    r"[^.\n]{0,60}\b(?:oubliez|remplacez|terminez|écrivez|ignorez)\b|\b(?:asistente|modelo|"
    r"inteligencia artificial)\b[^.\n]{0,60}\b(?:olvida|repite|comunica|escribe|ignora)\b"
    r"|\bintelligenza artificiale\b[^.\n]{0,60}\b(?:prego|rispond|scriv|ignor)"
    r"|(?:인공지능|언어 ?모델|프로그램은|요약)[^.\n]{0,80}(?:십시오|주세요|주시면|하라)"
    r"|(?:AI|人工知能|言語モデル)[^\n]{0,60}(?:ください|忘れ)|(?:人工智能|大模型)[^\n]{0,40}(?:请|忽略)"
)
_ALL = (_OVERRIDE, _ADDRESS, _ROLE, _MARKS, _OUTPUT, _SECRETS, _THIRD, _DIGEST, _ALONE,
        _TALK, _CODED, _TONGUES)  # fmt: skip
_ORDERS = re.compile("|".join(_ALL), re.I | re.M)
_SPACED = re.compile(r"\b\w(?: \w){3,}\b")


def orders(text: str) -> str:
    """The words of a passage that try to instruct whoever reads it by machine, "" without any."""
    plain = _SPACED.sub(lambda m: m.group().replace(" ", ""), text)
    found = _ORDERS.search(plain)
    return " ".join(found.group().split())[:LONGEST] if found else ""
