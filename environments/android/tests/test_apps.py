"""Every screen of every app holds together, in both languages and on other displays."""

from __future__ import annotations

import pytest
from hands import explore, look, untranslated

import agentkit_android.apps as apps
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw

PACKAGES = sorted(app.package for app in apps.builtin() if app.main)
APPS = (
    "com.android.calendar", "com.android.contacts", "com.android.deskclock",
    "com.android.documentsui", "com.android.messages", "com.android.settings",
    "com.example.expenses", "com.example.notes", "com.example.tasks",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("package", APPS)
def test_everything_that_can_be_tapped_leads_to_a_screen_that_holds(package: str) -> None:
    phone = Phone()
    phone.start(package, phone.apps[package].main)
    assert len(explore(phone, package, taps=120)) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("package", APPS)
def test_it_is_all_in_korean_on_a_smaller_display(package: str) -> None:
    phone = Phone()
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    phone.start(package, phone.apps[package].main)
    with untranslated(package) as left:
        explore(phone, package, taps=80)
    assert not left


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("how", ["landscape", "large letters", "dark"])
def test_a_start_screen_holds_on_other_displays(package: str, how: str) -> None:
    phone = Phone()
    if how == "landscape":
        phone.settings.put("system", "user_rotation", "1")
    elif how == "large letters":
        phone.settings.put("system", "font_scale", "1.3")
    else:
        phone.settings.put("secure", "ui_night_mode", "2")
    phone.start(package, phone.apps[package].main)
    look(phone)
    assert draw.image(phone.scene()).size == (phone.display.width, phone.display.height)
