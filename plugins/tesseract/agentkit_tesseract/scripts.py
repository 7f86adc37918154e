"""Which models read a script: names of Tesseract's scripts, and of its models, best first."""

from __future__ import annotations

from collections.abc import Collection

MOST = 3  # models for one picture: each more takes its time, and adds what it mistakes

# A script's own model ("script/…" in the listing, a bare name in Debian) knows all its languages.
MODELS: dict[str, tuple[str, ...]] = {
    "Latin": ("script/Latin", "eng"),
    "Fraktur": ("script/Fraktur", "frk"),
    "Cyrillic": ("script/Cyrillic", "rus", "ukr", "bul", "srp"),
    "Greek": ("script/Greek", "ell"),
    "Armenian": ("script/Armenian", "hye"),
    "Georgian": ("script/Georgian", "kat"),
    "Hebrew": ("script/Hebrew", "heb", "yid"),
    "Arabic": ("script/Arabic", "ara", "fas", "urd"),
    "Syriac": ("script/Syriac", "syr"),
    "Thaana": ("script/Thaana", "div"),
    "Devanagari": ("script/Devanagari", "hin", "mar", "nep", "san"),
    "Bengali": ("script/Bengali", "ben", "asm"),
    "Gurmukhi": ("script/Gurmukhi", "pan"),
    "Gujarati": ("script/Gujarati", "guj"),
    "Oriya": ("script/Oriya", "ori"),
    "Tamil": ("script/Tamil", "tam"),
    "Telugu": ("script/Telugu", "tel"),
    "Kannada": ("script/Kannada", "kan"),
    "Malayalam": ("script/Malayalam", "mal"),
    "Sinhala": ("script/Sinhala", "sin"),
    "Thai": ("script/Thai", "tha"),
    "Lao": ("script/Lao", "lao"),
    "Khmer": ("script/Khmer", "khm"),
    "Myanmar": ("script/Myanmar", "mya"),
    "Tibetan": ("script/Tibetan", "bod", "dzo"),
    "Ethiopic": ("script/Ethiopic", "amh", "tir"),
    "Cherokee": ("script/Cherokee", "chr"),
    "Canadian_Aboriginal": ("script/Canadian_Aboriginal", "iku"),
    "Hangul": ("kor", "script/Hangul"),
    "Korean": ("kor", "script/Hangul"),
    "Japanese": ("jpn", "script/Japanese"),
    "Katakana": ("jpn", "script/Japanese"),
    "Hiragana": ("jpn", "script/Japanese"),
    "Han": ("chi_sim", "chi_tra", "script/HanS", "script/HanT"),
}
COMMON = (
    "Hangul", "Cyrillic", "Arabic", "Devanagari", "Thai", "Hebrew", "Bengali", "Tamil", "Greek",
    "Latin",
)  # fmt: skip
"""Scripts that are tried in this order where a few words do not tell theirs."""
UNSPACED = ("kor", "jpn", "chi", "Hangul", "Japanese", "Han", "tha", "Thai", "lao", "Lao")
"""Beginnings of models that cut words into letters; blanks are those that the picture shows."""


def models_of(script: str, installed: Collection[str]) -> tuple[str, ...]:
    """The installed models for a script, best first; () where there is none.

    A script's model replaces those of its languages. English follows scripts other than Latin,
    since names and commands in their pages are written in it.
    """
    have = {name.rpartition("/")[2]: name for name in installed}
    named = [
        have[bare] for name in MODELS.get(script, ()) if (bare := name.rpartition("/")[2]) in have
    ]
    if not named:
        return ()
    whole = next((n for n in named if n.rpartition("/")[2][:1].isupper()), "")
    chosen = (
        [named[0]]
        if named[0] != whole and script in ("Hangul", "Korean", "Japanese")
        else ([whole] if whole else named[:MOST])
    )
    if script not in ("Latin", "Fraktur") and "eng" in have:
        chosen.append(have["eng"])
    return tuple(chosen)
