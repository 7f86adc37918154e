"""Which activity answers what is asked for, and which table a content URI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agentkit_android.apps import HOME
from agentkit_android.apps.app import App, Filter
from agentkit_android.phone.activities import Activity
from agentkit_android.phone.system_ui import t
from agentkit_android.screen.acts import Intent, Value, clean, do

if TYPE_CHECKING:
    from agentkit_android.phone.database import Database
    from agentkit_android.phone.phone import Phone

CHOOSER = "com.android.intentresolver"
MAIN = "android.intent.action.MAIN"
VIEW = "android.intent.action.VIEW"
SEND = "android.intent.action.SEND"
SENDTO = "android.intent.action.SENDTO"
INSERT = "android.intent.action.INSERT"
PICK = "android.intent.action.PICK"
DIAL = "android.intent.action.DIAL"
CALL = "android.intent.action.CALL"


def start(
    phone: Phone,
    package: str,
    activity: str,
    args: dict[str, Value],
    *,
    result: str = "",
    on_top: bool = False,
) -> bool:
    """Brings an activity to the front; False where there is no such one."""
    from agentkit_android.phone import actions

    app = phone.apps.get(package)
    if app is None or activity not in app.activities:
        return False
    phone.note("ActivityTaskManager", f"START u0 {{cmp={package}/{activity}}}")
    plain, stack = phone.plain, phone.activities
    plain.keyboard, plain.recents, plain.shade = False, False, 0
    stack.front.leave_field()
    args = {clean(k): clean(v) if isinstance(v, str) else v for k, v in args.items()}
    made = Activity(package, activity, args, result=result, began=plain.time)
    if package == HOME:
        stack.home()
    elif on_top or args or result or activity != app.main:
        stack.push(made, inside=on_top)
    else:
        stack.launch(made)
    if stack.front is made and activity in app.opens:
        app.reducers.setdefault("<open>" + activity, app.opens[activity])
        actions.reduce(phone, do("<open>" + activity), package, made, None)
    return True


def answering(phone: Phone, intent: Intent) -> list[tuple[App, Filter]]:
    """Those that can answer, by package and in the order in which an app names them."""
    scheme = urlsplit(intent.data).scheme if ":" in intent.data else ""
    found = []
    for package in sorted(phone.apps):
        app = phone.apps[package]
        if intent.package and intent.package != package:
            continue
        for each in app.filters:
            if each.action != intent.action:
                continue
            # The type decides where both name one, else the scheme; a filter without either takes
            # no data.
            if intent.kind and each.kinds:
                fits = intent.kind.startswith(each.kinds)
            elif each.schemes:
                fits = scheme in each.schemes
            else:
                fits = not (scheme or intent.kind or each.kinds)
            if fits:
                found.append((app, each))
                break
    return found


def send(phone: Phone, intent: Intent, asker: str = "") -> bool:
    """Starts who answers an intent; where several can, the person chooses."""
    args: dict[str, Value] = dict(intent.extras)
    if intent.data:
        args["data"] = intent.data
    if intent.kind:
        args["kind"] = intent.kind
    if intent.action:
        args["action"] = intent.action
    if intent.package and (intent.activity or intent.action in ("", MAIN)):
        app = phone.apps.get(intent.package)
        activity = intent.activity or (app.main if app else "")
        given = {} if intent.action in ("", MAIN) and not intent.extras else args
        return start(
            phone, intent.package, activity, given, result=intent.result, on_top=bool(given)
        )
    found = answering(phone, intent)
    if not found:
        if asker:
            phone.toast(t(phone, "No app can do this"))
        return False
    if len(found) == 1 or (intent.action not in (SEND, VIEW)):
        app, chosen = found[0]
        return start(
            phone, app.package, chosen.activity, args, result=intent.result, on_top=bool(asker)
        )
    asked: dict[str, Value] = {f"+{name}": value for name, value in args.items()}
    asked |= {"action": intent.action, "scheme": urlsplit(intent.data).scheme, "kind": intent.kind}
    return start(phone, CHOOSER, ".Chooser", asked, result=intent.result, on_top=bool(asker))


def provider(phone: Phone, uri: str) -> tuple[Database, str]:
    """The database and the table or view of `content://AUTHORITY/PATH`.

    Raises:
        LookupError: no app has it.
    """
    place = re.sub(r"^content://(\w+@)?", "", uri).rstrip("/")
    for package, app in phone.apps.items():
        if table := app.providers.get(place):
            return phone.databases[package], table
    raise LookupError(f"Could not find provider: {place}")
