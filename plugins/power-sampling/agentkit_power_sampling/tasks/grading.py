"""Whether a mathematical answer is right."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import threading

from agentkit_power_sampling.answers import answer_in, boxed

LONGEST = 200  # characters of an answer that are looked at: longer ones are no answers


def equal(text: str, expected: str) -> bool:
    """Whether a text's answer is the expected one.

    Equal as written, or as a number, or, where math-verify is installed, in value.
    """
    given = answer_in(text, "auto")
    wanted = boxed(expected) or expected.strip()
    if not given or len(given) > LONGEST:
        return False
    if _plain(given) == _plain(wanted) or _number(given) == _number(wanted) is not None:
        return True
    return importlib.util.find_spec("math_verify") is not None and _verified(given, wanted)


def _plain(text: str) -> str:
    return "".join(text.split()).strip("$.").casefold()


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "").strip("$% "))
    except ValueError:
        return None


def _verified(given: str, wanted: str) -> bool:
    """By value. Its time limits are signals, which only the main thread can have."""
    math_verify = importlib.import_module("math_verify")
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    main = threading.current_thread() is threading.main_thread()
    limit = 3 if main else None
    try:
        one, other = (
            math_verify.parse(f"${text}$", parsing_timeout=limit) for text in (wanted, given)
        )
        return bool(one and other and math_verify.verify(one, other, timeout_seconds=limit))
    except Exception:  # a text that a model made up may break any parser
        return False
