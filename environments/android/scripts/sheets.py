"""Draws the sheets of docs/phone: every screen of the phone's apps.

python environments/android/scripts/sheets.py [PACKAGE …] [--out docs/phone]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from agentkit_android.phone.phone import Phone
from agentkit_android.screen import sheet


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("packages", nargs="*")
    given.add_argument("--out", type=Path, default=Path("docs/phone"))
    options = given.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    apps = {p: a for p, a in Phone().apps.items() if a.main}
    for package in options.packages or apps:
        name = apps[package].label.lower()
        picture = sheet.png(sheet.sheet(Phone(), package))
        (options.out / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
