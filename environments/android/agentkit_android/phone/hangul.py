"""Puts Korean letters together to syllables, as they are typed on a keyboard of two sets."""

from __future__ import annotations

LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
TAILS = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
TWO = {
    "ㅗㅏ": "ㅘ", "ㅗㅐ": "ㅙ", "ㅗㅣ": "ㅚ", "ㅜㅓ": "ㅝ", "ㅜㅔ": "ㅞ", "ㅜㅣ": "ㅟ",
    "ㅡㅣ": "ㅢ", "ㄱㅅ": "ㄳ", "ㄴㅈ": "ㄵ", "ㄴㅎ": "ㄶ", "ㄹㄱ": "ㄺ", "ㄹㅁ": "ㄻ",
    "ㄹㅂ": "ㄼ", "ㄹㅅ": "ㄽ",
    "ㄹㅌ": "ㄾ", "ㄹㅍ": "ㄿ", "ㄹㅎ": "ㅀ", "ㅂㅅ": "ㅄ",
}  # fmt: skip
APART = {whole: (parts[0], parts[1]) for parts, whole in TWO.items()}


def _syllable(lead: str, vowel: str, tail: str = " ") -> str:
    number = (LEADS.index(lead) * 21 + VOWELS.index(vowel)) * 28 + TAILS.index(tail)
    return chr(0xAC00 + number)


def _parts(syllable: str) -> tuple[str, str, str]:
    number = ord(syllable) - 0xAC00
    return LEADS[number // 588], VOWELS[number // 28 % 21], TAILS[number % 28]


def typed(text: str, letter: str) -> str:
    """The text after one more letter was typed at its end."""
    if not text or letter not in LEADS + VOWELS:
        return text + letter
    rest, last = text[:-1], text[-1]
    if last in LEADS and letter in VOWELS:
        return rest + _syllable(last, letter)
    if last in VOWELS and last + letter in TWO:
        return rest + TWO[last + letter]
    if not "가" <= last <= "힣":
        return text + letter
    lead, vowel, tail = _parts(last)
    if tail == " ":
        if vowel + letter in TWO:
            return rest + _syllable(lead, TWO[vowel + letter])
        return rest + _syllable(lead, vowel, letter) if letter in TAILS else text + letter
    if letter in VOWELS:  # the tail begins the next syllable
        stays, goes = APART.get(tail, (" ", tail))
        return rest + _syllable(lead, vowel, stays) + _syllable(goes, letter)
    if tail + letter in TWO:
        return rest + _syllable(lead, vowel, TWO[tail + letter])
    return text + letter


def erased(text: str) -> str:
    """The text after its last letter was taken back: of a syllable, the last of its letters."""
    if not text:
        return text
    rest, last = text[:-1], text[-1]
    if "가" <= last <= "힣":
        lead, vowel, tail = _parts(last)
        if tail in APART:
            return rest + _syllable(lead, vowel, APART[tail][0])
        if tail != " ":
            return rest + _syllable(lead, vowel)
        if vowel in APART:
            return rest + _syllable(lead, APART[vowel][0])
        return rest + lead
    return rest
