"""Maps: places are found, saved and reached by the shortest way; what is drawn can be tapped."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hands import explore, fill, find, tap, texts, untranslated, whole

from agentkit_android.apps.maps import town
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw
from agentkit_android.screen.acts import Intent

pytestmark = pytest.mark.slow

PACKAGE = "com.example.maps"
FINE = "android.permission.ACCESS_FINE_LOCATION"
VIEW = "android.intent.action.VIEW"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.grant(PACKAGE, FINE)
    made.start(PACKAGE, ".Main")
    return made


def rows(phone: Phone, sql: str) -> list[tuple[object, ...]]:
    return [tuple(r) for r in phone.databases[PACKAGE].rows(sql)]


def test_ways_are_the_shortest_and_cross_the_river_on_bridges() -> None:
    spots = list(town.places().values())[::4]
    for a, b in itertools.permutations(spots, 2):
        way = town.route(a.at, b.at)
        assert way.length >= town.kilometres(a.at, b.at) - 1e-9
        assert abs(way.length - town.route(b.at, a.at).length) < 1e-9
        assert way.steps[-1].turn == "arrive"
        middle = sum(s.length for s in way.steps)
        assert abs(middle - way.length) < 1e-9, "the steps are the whole way"
        for step in way.steps:
            assert step.turn != "straight" or step.street
    over = town.route((0.56, 0.33), (0.7, 0.33))
    assert any(s.street in town.BRIDGES for s in over.steps)
    longer = town.route((0.56, 0.33), (0.7, 0.33), frozenset({"Fisher Street", "Elm Street"}))
    assert longer.length > over.length


def test_a_place_is_found_saved_and_listed(phone: Phone) -> None:
    tap(phone, "Search here")
    fill(phone, query="museum")
    tap(phone, "Museum of Lamps", "save_button", "Want to go")
    assert "Saved in Want to go" in texts(phone, every=True)
    tap(phone, "save_button", "New list")
    fill(phone, list_name="Sunday")
    tap(phone, "Create")
    held = rows(phone, "SELECT lists.name, saved.name FROM saved JOIN lists ON list = lists._id")
    assert {("Want to go", "Museum of Lamps"), ("Sunday", "Museum of Lamps")} <= set(held)
    phone.press("HOME")
    phone.start(PACKAGE, ".Saved")
    tap(phone, "Sunday", "Note about Museum of Lamps")
    fill(phone, note="closes at four")
    tap(phone, "Save")
    assert "closes at four" in texts(phone)
    tap(phone, "Remove Museum of Lamps")
    assert "This list is empty" in texts(phone)
    assert ("museum",) in rows(phone, "SELECT text FROM searches")


def test_the_way_there_is_shown_and_gone(phone: Phone) -> None:
    phone.send(Intent(VIEW, "google.navigation:q=Maritime+Museum"))
    assert {"Maritime Museum", "Your location"} <= set(texts(phone))
    car = next(t for t in texts(phone) if t.startswith("Drive"))
    walk = next(t for t in texts(phone) if t.startswith("Walk"))
    assert int(walk.split()[1]) > int(car.split()[1])
    tap(phone, walk)
    assert "You have arrived" in whole(phone)
    phone.swipe((500, 600), (500, 2200), 100)
    tap(phone, "start")
    assert rows(phone, "SELECT goal, mode, ended FROM trips") == [("Maritime Museum", "walk", None)]
    first = next(t for t in texts(phone) if t.startswith("Go along"))
    phone.pass_time(60 * (int(walk.split()[1]) - 1))
    assert first not in texts(phone)
    phone.pass_time(90)
    assert [n.title for n in phone.plain.notices] == ["You have arrived"]
    assert rows(phone, "SELECT ended IS NULL FROM trips") == [(0,)]


def test_pins_can_be_tapped_and_the_map_moves_under_a_finger(phone: Phone) -> None:
    tap(phone, "Coffee", "Zoom in")
    name = next(t for t in texts(phone) if t in town.places())
    x, y = find(phone, name)
    before = draw.image(phone.scene()).tobytes()
    phone.swipe((540, 1300), (340, 1500), 600)
    moved = find(phone, name)
    assert abs(moved[0] - (x - 200)) < 12 and abs(moved[1] - (y + 200)) < 12
    assert draw.image(phone.scene()).tobytes() != before
    tap(phone, name)
    assert name in texts(phone) and town.places()[name].kind == "Coffee"
    tap(phone, "Drop a pin")
    assert any(t.startswith("54.3") for t in texts(phone))


def test_where_the_phone_is_must_be_allowed_and_on() -> None:
    phone = Phone()
    phone.start(PACKAGE, ".Route", {"to": "Town Hall"})
    assert "Choose a start" in texts(phone)
    tap(phone, "Use my location")
    phone.act("answer", value="allow")
    assert "Your location" in texts(phone)
    phone.settings.put("secure", "location_mode", "0")
    assert "Choose a start" in texts(phone)
    phone.press("BACK")
    phone.start(PACKAGE, ".Main")
    tap(phone, "My location")
    assert "Location is off" in texts(phone)


def test_addresses_come_by_adb(adb: Any, running: Any) -> None:
    phone = running.phone
    adb("shell", f"am start -a {VIEW} -d 'geo:0,0?q=dentist'")
    assert "Dr Weiss, dentist" in texts(phone)
    adb("shell", f"am start -a {VIEW} -d geo:54.32500,10.11600")
    assert "54.32500, 10.11600" in texts(phone)
    adb("shell", f"am start -a {VIEW} -d geo:0,0?q=nowhere+at+all")
    assert "Nothing was found for nowhere at all" in texts(phone, every=True)
    adb("shell", "settings put secure ui_night_mode 2; am force-stop com.example.maps")
    phone.start(PACKAGE, ".Main")
    assert draw.image(phone.scene()).getpixel((1000, 1000))[0] < 0x60
    adb("shell", "settings put secure ui_night_mode 1")


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=400)
    assert {(".Saved", "new_list"), (".Search",), (".Place", "save"), (".Route",), (".Way",),
            (".Settings", "units"), (".Place", "label"), (".List", "note")} <= seen  # fmt: skip
    assert not missing
