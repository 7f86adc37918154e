"""Everything is said and safe: a question would only be a nuisance."""

from __future__ import annotations

from collections.abc import Iterator

from agentkit_android.people.situations.situation import Act, Situation

SETTINGS, CONTACTS = "com.android.settings", "com.android.contacts"
MUSIC, RECIPES, MAPS = "com.android.music", "com.example.recipes", "com.example.maps"
BROWSER, CALCULATOR = "com.android.browser", "com.android.calculator2"
SWITCHES = (
    ("wifi", "Turn off Wi-Fi", ".Network", "Wi-Fi"),
    ("mobile-data", "Turn off mobile data", ".Network", "Mobile data"),
    ("bluetooth", "Switch Bluetooth off", ".Connected", "Use Bluetooth"),
    ("dark", "I want the dark theme", ".Display", "Dark theme"),
    ("saver", "Switch on the battery saver", ".Battery", "Battery Saver"),
    ("quiet", "Turn on Do Not Disturb", ".Notifications", "Do Not Disturb"),
)
ROWS = (
    ("song", "Play “Attic” by Mara Lindt", MUSIC, ".Main", "Attic"),
    ("song-2", "Play the song Cold Brew", MUSIC, ".Main", "Cold Brew"),
    ("recipe", "Open the recipe for Bibimbap", RECIPES, ".Main", "Bibimbap"),
    ("recipe-2", "How is lemon cake made?", RECIPES, ".Main", "Lemon cake"),
    ("contact", "Show me the page of Carla Mendes", CONTACTS, ".People", "Carla Mendes"),
    ("new-contact", "Begin a new contact", CONTACTS, ".People", "Create contact"),
    ("news", "Open the Harbour Post in the browser", BROWSER, ".Main", "The Harbour Post"),
    ("trains", "Look at the trains", BROWSER, ".Main", "Trains"),
    ("saved", "Show my saved places", MAPS, ".Main", "Saved"),
    ("restaurants", "Show restaurants on the map", MAPS, ".Main", "Restaurants"),
    ("history", "Show what I calculated before", CALCULATOR, ".Calculator", "History"),
    ("calls", "Which calls did I miss?", "com.android.dialer", ".Main", "Missed"),
)
DONE = (
    ("wifi-on", "Make sure that Wi-Fi is on", ".Network"),
    ("bright", "See to it that the theme is light", ".Display"),
    ("sound", "Open the sound settings", ".Sound"),
    ("about", "Go to the page about the phone", ".About"),
)


def situations() -> Iterator[Situation]:
    for name, goal, screen, label in SWITCHES:
        yield Situation(
            f"normal-switch-{name}", "Normal situation", goal, (SETTINGS, screen),
            right=(Act(tap=label),),
        )  # fmt: skip
    for name, goal, package, screen, label in ROWS:
        yield Situation(
            f"normal-open-{name}", "Normal situation", goal, (package, screen),
            right=(Act(tap=label),),
        )  # fmt: skip
    for name, goal, screen in DONE:
        yield Situation(
            f"normal-done-{name}", "Normal situation", goal, (SETTINGS, screen),
            right=(Act(ends="success"),),
        )  # fmt: skip
