"""Draws the sheets of docs/phone: every screen of the phone's apps.

python environments/android/scripts/sheets.py [PACKAGE …] [--out docs/phone]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from agentkit_android.phone.phone import Phone
from agentkit_android.phone.plain import Notice
from agentkit_android.phone.snapshots import State
from agentkit_android.screen import sheet

CONTACTS = "com.android.contacts"


def own(phone: Phone) -> list[State]:
    """What the phone itself shows: keyboards, the shade, recents, its dialogs."""
    states = []

    def keep(*tasks: tuple[str, str]) -> None:
        states.append(phone.snapshot())
        phone.restore(begin)
        for package, name in tasks:
            phone.start(package, name)

    begin = phone.snapshot()
    keep((CONTACTS, ".Edit"))
    for layer in ("lower", "upper", "symbols", "more", "korean"):
        phone.tap(500, 400)
        phone.plain.layer = layer
        keep((CONTACTS, ".Edit"))
    phone.plain.notices = [
        Notice(CONTACTS, "one", "Birthday", "Mei Tanaka has her birthday today", phone.now()),
        Notice("com.android.messages", "two", "Ben Okafor", "내일 볼까?", phone.now()),
    ]
    phone.act("shade", value=1)
    states.append(phone.snapshot())
    phone.act("shade", value=2)
    keep((CONTACTS, ".People"), ("com.android.settings", ".Display"))
    phone.press("APP_SWITCH")
    keep((CONTACTS, ".People"))
    phone.crash(CONTACTS)
    keep((CONTACTS, ".People"))
    phone.hang(CONTACTS)
    keep()
    phone.settings.put("system", "user_rotation", "1")
    phone.start(CONTACTS, ".People")
    keep()
    return states


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("packages", nargs="*")
    given.add_argument("--out", type=Path, default=Path("docs/phone"))
    options = given.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    apps = {p: a for p, a in Phone().apps.items() if a.main}
    if not options.packages:
        phone = Phone()
        picture = sheet.png(sheet.side_by_side(phone, own(phone)))
        (options.out / "system.png").write_bytes(picture)
    for package in options.packages or apps:
        name = apps[package].label.lower().replace(" ", "-")
        picture = sheet.png(sheet.sheet(Phone(), package))
        (options.out / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
