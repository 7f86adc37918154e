"""settings and svc: the settings provider from the command line."""

from __future__ import annotations

from agentkit_android.phone.settings import TABLES
from agentkit_android.shell.call import Call, ProgramError, program

SERVICES = {"wifi": "wifi_on", "bluetooth": "bluetooth_on", "data": "mobile_data"}


@program("settings")
async def settings(call: Call) -> int:
    words = list(call.words)
    if words[:1] == ["--user"]:
        words = words[2:]
    verb, table, *rest = [*words, "", ""] if len(words) < 2 else words
    table = table.lower()
    if table not in TABLES:
        raise ProgramError(f"Invalid namespace '{table}'", 255)
    provider = call.phone.settings
    if verb == "list":
        for key, value in sorted(provider.tables[table].items()):
            await call.print(f"{key}={value}")
    elif verb == "get" and rest:
        found = provider.get(table, rest[0])
        await call.print("null" if found is None else found)
    elif verb == "put" and len(rest) > 1:
        try:
            provider.put(table, rest[0], rest[1])
        except ValueError as error:
            raise ProgramError(str(error), 255) from None
    elif verb == "delete" and rest:
        await call.print(f"Deleted {int(provider.delete(table, rest[0]))} rows")
    else:
        raise ProgramError("Bad arguments", 255)
    call.phone.save()
    return 0


@program("svc")
async def svc(call: Call) -> int:
    name, verb = [*call.words, "", ""][:2]
    if name == "power" and verb == "stayon":
        return 0
    if name not in SERVICES or verb not in ("enable", "disable"):
        raise ProgramError(f"Unknown command: {' '.join(call.words)}", 255)
    call.phone.settings.put("global", SERVICES[name], "1" if verb == "enable" else "0")
    call.phone.save()
    return 0
