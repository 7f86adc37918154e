"""What makes a phone harder to work with: off on a new one, the same for the same state."""

from __future__ import annotations

import pytest
from hands import find, nodes, tap, texts

from agentkit_android.phone.levers import POPUPS
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw

CONTACTS = "com.android.contacts"


@pytest.fixture
def phone() -> Phone:
    phone = Phone()
    phone.start(CONTACTS, ".People")
    return phone


@pytest.mark.parametrize("name", list(POPUPS))
def test_a_popup_comes_over_what_one_was_doing_and_its_yes_leads_away(
    phone: Phone, name: str
) -> None:
    phone.plain.levers.popups = {2: name}
    tap(phone, "Ben Okafor")
    assert "Favourite" in texts(phone)
    tap(phone, "Favourite")
    asked = phone.scene().active
    assert asked is not None and asked.name == "dialog"
    assert POPUPS[name].text.format(app="Contacts") in texts(phone)
    assert not phone.tap(540, 2300), "nothing beside it takes a touch"
    kept = phone.fork()
    tap(phone, "android:id/button2")
    assert "Favourite" in texts(phone) and phone.activities.front.name == ".Person"
    tap(kept, "android:id/button1")
    assert kept.activities.front.package != CONTACTS
    kept.press("BACK")
    assert kept.activities.front.name == ".Person", "and back leads back"


def test_an_app_stops_once(phone: Phone) -> None:
    phone.plain.levers.crashes = [1]
    tap(phone, "Ben Okafor")
    assert "Contacts keeps stopping" in texts(phone)
    tap(phone, "Close app")
    phone.start(CONTACTS, ".People")
    tap(phone, "Ben Okafor")
    assert "Favourite" in texts(phone)


def test_a_slow_screen_is_there_after_a_while(phone: Phone) -> None:
    phone.plain.levers.slow = 3
    assert texts(phone) == ["Loading…"]
    phone.pass_time(3)
    tap(phone, "Ben Okafor")
    assert texts(phone) == ["Loading…"] and not phone.tap(540, 900)
    phone.pass_time(3)
    assert "Favourite" in texts(phone)
    phone.press("BACK")
    assert "Aisha Rahman" in texts(phone), "one that was there before is there at once"


def test_views_can_say_nothing_and_screens_be_black(phone: Phone) -> None:
    phone.start(CONTACTS, ".Person", {"id": "2"})
    assert any(n["content-desc"] for n in nodes(phone))
    where = find(phone, "Edit contact")
    phone.plain.levers.silent = True
    assert not any(n["content-desc"] for n in nodes(phone)) and "Ben Okafor" in texts(phone)
    phone.plain.levers.secure = [CONTACTS]
    image = draw.image(phone.scene())
    assert image.getpixel(where) == (0, 0, 0) and image.getpixel((5, 5)) != (0, 0, 0)
    assert phone.tap(*where) and phone.activities.front.name == ".Edit", "it works nevertheless"
