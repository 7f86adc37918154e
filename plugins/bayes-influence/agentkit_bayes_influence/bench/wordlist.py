"""Pairs of words that mean one thing, each word at the end of a sentence that calls for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """One thing in two words. contexts: what comes before each of them."""

    words: tuple[str, str]
    contexts: tuple[str, str]


def _pairs(*rows: tuple[str, str]) -> tuple[Pair, ...]:
    """Two rows a pair, (context, word) each."""
    made = []
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        made.append(Pair((first[1], second[1]), (first[0], second[0])))
    return tuple(made)


PAIRS = {
    "synonyms": _pairs(
        ("An elephant is no small animal, it is very", "big"),
        ("As countries go, Canada with its endless forests is", "large"),
        ("The cheetah catches its prey because it runs so", "fast"),
        ("Please be brief, I have no time, your answer must be", "quick"),
        ("She smiled and laughed all day because she was so", "happy"),
        ("Thank you for coming tonight, we are so", "glad"),
        ("The curtain rises and the concert is about to", "begin"),
        ("Turn the key and the engine will", "start"),
        ("He had a fever and stayed in bed, feeling", "sick"),
        ("The doctor was called since the old queen had fallen", "ill"),
        ("Two cars collided at a sharp bend of the", "road"),
        ("Our neighbours live on the other side of the", "street"),
        ("The mother held the hand of her", "child"),
        ("At school the teacher scolded one noisy", "kid"),
        ("When he saw the scratch on his car he became", "angry"),
        ("Her brother broke the toy, and that made her", "mad"),
        ("She solves every puzzle at once because she is so", "smart"),
        ("In old tales the fox outwits the hunter, he is", "clever"),
        ("He owns three yachts and a palace, so he must be", "rich"),
        ("Bankers in the capital tend to be very", "wealthy"),
    ),
    "spelling": _pairs(
        ("The sky at noon has a deep blue", "colour"),
        ("Mix red with yellow, and orange is the resulting", "color"),
        ("The dart struck the target at its very", "centre"),
        ("Downtown you find the big shopping", "center"),
        ("We saw Hamlet played on stage at the", "theatre"),
        ("Popcorn is sold in the lobby of the movie", "theater"),
        ("Elephants have a skin that is", "grey"),
        ("Before the rain fell the clouds were dark", "gray"),
        ("Of all the songs on the album, this one is my", "favourite"),
        ("Chocolate ice cream has always been her", "favorite"),
        ("A banquet was given in the general's", "honour"),
        ("The knight swore an oath upon his", "honor"),
        ("Building the wall took years of hard", "labour"),
        ("The workers joined a union to sell their", "labor"),
        ("Add some vanilla to give the cake more", "flavour"),
        ("Garlic brings to any soup a stronger", "flavor"),
        ("The man who lives next door is our", "neighbour"),
        ("The commandment says that you shall love your", "neighbor"),
        ("Fishing boats return at night to the", "harbour"),
        ("Japanese planes attacked the navy at Pearl", "harbor"),
    ),
    "translations": _pairs(
        ("They painted the roof of their", "house"),
        ("Le jardin se trouve derrière la", "maison"),
        ("The mailman was bitten by a", "dog"),
        ("Il aboie toute la nuit, ce", "chien"),
        ("She opened it at page ten and read the", "book"),
        ("À la bibliothèque j'ai emprunté un", "livre"),
        ("Every morning the farmer's cows give us", "milk"),
        ("Dans mon café je mets du", "lait"),
        ("Owls hunt in the dark of the", "night"),
        ("Les étoiles brillent pendant la", "nuit"),
        ("On the throne with a crown sat the", "king"),
        ("Louis XIV fut à Versailles un grand", "roi"),
        ("The colour of blood is", "red"),
        ("Au feu, on s'arrête quand il est", "rouge"),
        ("He fell in love and married a young", "woman"),
        ("Madame Curie fut une grande", "femme"),
        ("Snow falls in the mountains every", "winter"),
        ("Il fait froid et il neige en", "hiver"),
        ("We grew up together, he is my best", "friend"),
        ("Je lui dis tout, car il est mon meilleur", "ami"),
    ),
}  # fmt: skip


def shuffled(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The same words in one another's contexts: the first word in the next pair's, the second in
    that of the one after, so that no pair's two contexts still belong together."""
    count = len(pairs)
    return tuple(
        Pair(
            one.words,
            (pairs[(n + 1) % count].contexts[0], pairs[(n + 2) % count].contexts[1]),
        )
        for n, one in enumerate(pairs)
    )
