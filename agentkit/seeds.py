"""One seed a run; every use derives its own. Nothing is global, so nothing can drain another's."""

from __future__ import annotations

import hashlib


def derive(seed: int, purpose: str, *index: int) -> int:
    """A 63-bit seed that depends on all of (seed, purpose, index) and on nothing else."""
    text = "\x1f".join([str(seed), purpose, *map(str, index)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
