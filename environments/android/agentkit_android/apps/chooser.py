"""Asks which app is to answer, where several can."""

from __future__ import annotations

from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Intent, Value, do
from agentkit_android.screen.views import View

APP = App(
    intents.CHOOSER, "Android System", "#5F6368", strings=own("chooser"), main="", system=True
)


@APP.screen(".Chooser")
def choose(see: See) -> View:
    intent = Intent(
        str(see.args.get("action", "")), f"{see.args['scheme']}:" if see.args.get("scheme") else "",
        str(see.args.get("kind") or ""),
    )  # fmt: skip
    title = "Share with" if intent.action == intents.SEND else "Open with"
    rows = []
    for app, each in intents.answering(see.phone, intent):
        name = see.t(each.label) if each.label else see.label(app)
        act = do("open", package=app.package, activity=each.activity)
        rows.append(ui.row(name, tap=act, lead=ui.badge(app.icon, app.hue)))
    return ui.page(see.t(title), *rows, resource="resolver_list")


@APP.on("open")
def open_(do: Do) -> None:
    given: dict[str, Value] = {k[1:]: v for k, v in do.args.items() if k.startswith("+")}
    package, activity = str(do.args["package"]), str(do.args["activity"])
    stack = do.phone.activities
    result = stack.front.result
    stack.back()
    intents.start(do.phone, package, activity, given, result=result, on_top=True)
