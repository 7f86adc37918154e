"""`simulator`: a program that only a simulated phone has, to take its state and put it back.

An agent cannot reach it: none of its actions is a command. A real phone answers that there is no
such program.
"""

from __future__ import annotations

import itertools
from weakref import WeakKeyDictionary

from pydantic import ValidationError

from agentkit_android.device.packages import put_back
from agentkit_android.phone.phone import Phone
from agentkit_android.phone.plain import LEVERS
from agentkit_android.phone.snapshots import State
from agentkit_android.shell.call import Call, ProgramError, program

MAX_KEPT = 1000
"""Snapshots of one phone; then the oldest goes."""
USAGE = (
    "version | apps | unknown | hash | reset [SEED] | levers JSON | snapshot [NOTE] | restore NAME"
)

_kept: WeakKeyDictionary[Phone, dict[str, tuple[State, str]]] = WeakKeyDictionary()
_numbers = itertools.count(1)


@program("simulator")
async def simulator(call: Call) -> int:
    verb, *words = call.words or [""]
    phone = call.phone
    kept = _kept.setdefault(phone, {})
    if verb == "version":
        await call.print("agentkit 1")
    elif verb == "apps":
        for package, app in sorted(phone.apps.items()):
            await call.print(f"{package}\t{app.label}")
    elif verb == "unknown":
        for name, times in sorted(phone.unknown.items()):
            await call.print(f"{times}\t{name}")
    elif verb == "hash":
        await call.print(phone.state_hash())
    elif verb == "reset":
        seed = int(words[0]) if words and words[0].isdecimal() else 0
        put_back(phone, Phone(seed).snapshot())
    elif verb == "levers" and words:
        try:
            phone.plain.levers = LEVERS.validate_json(words[0])
        except ValidationError as error:
            raise ProgramError(f"no such levers: {error.errors()[0]['loc']}") from error
        phone.save()
    elif verb == "snapshot":
        if len(kept) >= MAX_KEPT:
            kept.pop(next(iter(kept)))
        name = f"s{next(_numbers)}"
        kept[name] = phone.snapshot(), words[0] if words else ""
        await call.print(name)
    elif verb == "restore" and words:
        if words[0] not in kept:
            raise ProgramError(f"there is no snapshot {words[0][:80]!r}")
        state, note = kept[words[0]]
        put_back(phone, state)
        await call.print(note)
    else:
        raise ProgramError(USAGE, 2)
    return 0
