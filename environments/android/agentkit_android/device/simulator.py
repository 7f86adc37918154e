"""`simulator`: a program that only a simulated phone has, to take its state and put it back.

An agent cannot reach it: none of its actions is a command. A real phone answers that there is no
such program.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any
from weakref import WeakKeyDictionary

from agentkit_android.phone.phone import Phone
from agentkit_android.shell.call import Call, ProgramError, program

MAX_KEPT = 1000
SHARED = ("apps", "ports")
"""Attributes that are not state: what is installed, and services that wait for connections."""

_kept: WeakKeyDictionary[Phone, dict[str, dict[str, Any]]] = WeakKeyDictionary()
_numbers = itertools.count(1)


def copied(phone: Phone, state: dict[str, Any]) -> dict[str, Any]:
    """A copy whose methods are still those of the same phone."""
    return copy.deepcopy(state, {id(phone): phone})


def take(phone: Phone) -> str:
    """Keeps the whole state under a new name."""
    kept = _kept.setdefault(phone, {})
    if len(kept) >= MAX_KEPT:
        raise ProgramError(f"{MAX_KEPT} snapshots are kept already; forget some")
    name = f"s{next(_numbers)}"
    kept[name] = copied(phone, {k: v for k, v in vars(phone).items() if k not in SHARED})
    return name


def put_back(phone: Phone, name: str) -> bool:
    """False where there is no such snapshot."""
    state = _kept.get(phone, {}).get(name)
    if state is None:
        return False
    vars(phone).update(copied(phone, state))
    return True


def renew(phone: Phone) -> None:
    """As it left the factory."""
    fresh = Phone()
    state = {k: v for k, v in vars(fresh).items() if k not in SHARED}
    vars(phone).update(copy.deepcopy(state, {id(fresh): phone}))


@program("simulator")
async def simulator(call: Call) -> int:
    verb, *words = call.words or [""]
    phone = call.phone
    if verb == "version":
        await call.print("agentkit 1")
    elif verb == "apps":
        for package, app in sorted(phone.apps.items()):
            await call.print(f"{package}\t{app.label}")
    elif verb == "reset":
        renew(phone)
    elif verb == "snapshot":
        await call.print(take(phone))
    elif verb == "restore" and words:
        if not put_back(phone, words[0]):
            raise ProgramError(f"there is no snapshot {words[0][:80]!r}")
    elif verb == "forget" and words:
        _kept.get(phone, {}).pop(words[0], None)
    else:
        raise ProgramError("version | apps | reset | snapshot | restore NAME | forget NAME", 2)
    return 0
