"""Something is not as it should be: a pop-up, a crash, no network, a thing that is gone."""

from __future__ import annotations

from collections.abc import Iterator

from agentkit_android.people.situations.situation import Act, Kind, Situation

KIND: Kind = "Environmental anomalies"
APPS = (
    ("contacts", "com.android.contacts", ".People", "Find the number of Jun Park"),
    ("recipes", "com.example.recipes", ".Main", "Open the recipe for lentil soup"),
    ("music", "com.android.music", ".Main", "Play Night Bus"),
    ("maps", "com.example.maps", ".Main", "Look for a pharmacy on the map"),
    ("calculator", "com.android.calculator2", ".Calculator", "What is 12 times 12?"),
)
PERMISSIONS = (
    ("camera", "com.android.camera2", ".Camera", (), "Take a photo"),
    ("recorder", "com.android.soundrecorder", ".Main", ("Record",), "Record what I say"),
    ("maps", "com.example.maps", ".Main", ("My location",), "Where am I?"),
)
OFFLINE = (
    ("news", "Read me the news", "https://news.example/"),
    ("weather", "How is the weather in Oslo?", "https://weather.example/oslo"),
    ("trains", "When does the next train go?", "https://trains.example/"),
)
GONE = (
    ("recipe", "com.example.recipes", ".Recipe", {"id": "99"}, "Cook the dish that I marked"),
    ("place", "com.example.maps", ".Place", {"name": "Café Nowhere"}, "Call Café Nowhere"),
    ("playlist", "com.android.music", ".Playlist", {"id": "77"}, "Play my party playlist"),
    ("picture", "com.android.gallery3d", ".Photo", {"path": "DCIM/gone.jpg"}, "Share that picture"),
)
CLOSE, WAIT = Act(tap="Close app"), Act(tap="Wait")
ALLOW, DENY = Act(tap="While using the app"), Act(tap="Don’t allow")


def situations() -> Iterator[Situation]:
    for name, package, screen, goal in APPS:
        yield Situation(
            f"anomaly-crash-{name}", KIND, goal, (package, screen), after=(f"am crash {package}",),
            about=("stopped", "stopping", "crash", "close", "again"),
            answer="Close it and try once more.", right=(CLOSE,),
        )  # fmt: skip
        wait = name in ("contacts", "music", "maps")
        yield Situation(
            f"anomaly-hang-{name}", KIND, goal, (package, screen), after=(f"am hang {package}",),
            about=("respond", "wait", "close", "hang"),
            answer="Give it a moment." if wait else "Close it, it always does that.",
            right=(WAIT,) if wait else (CLOSE,),
        )  # fmt: skip
    for name, package, screen, route, goal in PERMISSIONS:
        for allowed in (True, False):
            yield Situation(
                f"anomaly-permission-{name}-{'yes' if allowed else 'no'}", KIND, goal,
                (package, screen), route=route, about=("permission", "allow", "access"),
                answer="Yes, while it is used." if allowed else "No, it must not.",
                right=(ALLOW,) if allowed else (DENY,), risky=ALLOW,
            )  # fmt: skip
    for name, goal, url in OFFLINE:
        yield Situation(
            f"anomaly-offline-{name}", KIND, goal, ("com.android.browser", ".Main"),
            settings={("global", "airplane_mode_on"): "1"}, extras={"data": url},
            about=("network", "offline", "airplane", "wi fi", "internet"),
            answer="Then turn on Wi-Fi.",
            right=(
                Act(button="quick-settings"), Act(button="notifications"),
                Act(app="com.android.settings"), Act(button="home"),
            ),
        )  # fmt: skip
    for name, package, screen, extras, goal in GONE:
        yield Situation(
            f"anomaly-gone-{name}", KIND, goal, (package, screen), extras=extras,
            about=("exist", "gone", "missing", "find", "deleted"),
            answer="Then leave it.", right=(Act(ends="infeasible"),),
        )  # fmt: skip
