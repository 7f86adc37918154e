"""What the phone does with fingers, keys, text, windows and intents, and how its state is kept."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from agentkit.errors import DataError
from agentkit_android.apps import HOME
from agentkit_android.phone import hangul
from agentkit_android.phone.phone import Phone
from agentkit_android.phone.plain import Notice
from agentkit_android.screen import draw, tree
from agentkit_android.screen.acts import Intent

CONTACTS = "com.android.contacts"


@pytest.fixture
def phone() -> Phone:
    return Phone()


def nodes(phone: Phone, *, every: bool = False) -> list[dict[str, str]]:
    root = ET.fromstring(tree.xml(phone.scene(), every_window=every))
    return [n.attrib for n in root.iter("node")]


def find(phone: Phone, name: str) -> tuple[int, int]:
    """The middle of what has this text, description or resource."""
    for node in nodes(phone, every=True)[::-1]:
        resource = node["resource-id"].rpartition("/")[2]
        if name in (node["text"], node["content-desc"], resource, node["resource-id"]):
            left, top, right, bottom = map(int, re.findall(r"\d+", node["bounds"]))
            return (left + right) // 2, (top + bottom) // 2
    raise AssertionError(f"{name!r} is not on the screen: {texts(phone)}")


def tap(phone: Phone, *names: str) -> None:
    for name in names:
        assert phone.tap(*find(phone, name)), name


def texts(phone: Phone) -> list[str]:
    return [n["text"] or n["content-desc"] for n in nodes(phone) if n["text"] or n["content-desc"]]


def field(phone: Phone, name: str) -> dict[str, str]:
    return next(n for n in nodes(phone) if n["resource-id"].endswith(f":id/{name}"))


def new_contact(phone: Phone) -> None:
    phone.start(CONTACTS, ".People")
    tap(phone, "Create contact")


def test_a_contact_is_typed_on_the_keyboard_and_kept(phone: Phone) -> None:
    new_contact(phone)
    tap(phone, "name")
    keyboard = phone.scene().window("keyboard")
    assert keyboard and keyboard.package == "com.android.inputmethod.latin"
    tap(phone, "key_shift", "Z", "o", "e", "key_space", "q", "key_delete", "x")
    assert field(phone, "name")["text"] == "Zoe x" and field(phone, "name")["focused"] == "true"
    phone.press("BACK")
    assert phone.scene().window("keyboard") is None
    assert field(phone, "name")["text"] == "Zoe x", "back closes the keyboard alone"
    tap(phone, "number")
    phone.type("+49 30 123")
    tap(phone, "Save")
    rows = phone.databases[CONTACTS].rows("SELECT name, number FROM people WHERE name LIKE 'Zoe%'")
    assert [tuple(r) for r in rows] == [("Zoe x", "+49 30 123")]
    assert "Contact saved" in [n["text"] for n in nodes(phone, every=True)]
    for _ in range(4):
        phone.press("UNKNOWN")
    assert "Contact saved" not in [n["text"] for n in nodes(phone, every=True)]


@pytest.mark.parametrize(
    "text",
    ['it\'s "quoted" `x` $(y) & <b>', "안녕하세요", "שלום עולם", "مرحبا", "🙂👍", "x" * 10_000],
)
def test_any_text_is_typed_shown_and_kept(phone: Phone, text: str) -> None:
    new_contact(phone)
    tap(phone, "note")
    assert phone.type(text)
    assert field(phone, "note")["text"] == text and draw.png(phone.scene())
    phone.press("BACK")
    tap(phone, "name")
    phone.type("Someone")
    tap(phone, "Save")
    found = phone.databases[CONTACTS].rows("SELECT note FROM people WHERE name = 'Someone'")
    assert found[0][0] == text


def test_keys_move_erase_select_and_paste(phone: Phone) -> None:
    new_contact(phone)
    assert not phone.type("nowhere"), "no field has the focus"
    tap(phone, "name")
    phone.type("Anna Bell")
    for key in ("DPAD_LEFT", "DPAD_LEFT", "DEL"):
        phone.press(key)
    assert field(phone, "name")["text"] == "Anna Bll"
    phone.press("MOVE_HOME")
    phone.type("!")
    assert field(phone, "name")["text"] == "!Anna Bll"
    for key in ("SELECT_ALL", "CUT", "TAB", "PASTE", "PASTE"):
        phone.press(key)
    assert field(phone, "name")["text"] == "Name"  # the hint: it is empty
    assert field(phone, "number")["text"] == "!Anna Bll" * 2
    phone.hold(*find(phone, "number"))
    phone.type("7")
    assert field(phone, "number")["text"] == "7", "a long press selects, and typing replaces"


def test_the_cursor_is_drawn_where_one_types(phone: Phone) -> None:
    new_contact(phone)
    tap(phone, "name")
    phone.type("Anna Bell")
    end = draw.image(phone.scene()).tobytes()
    phone.press("DPAD_LEFT")
    left = draw.image(phone.scene()).tobytes()
    phone.press("MOVE_HOME")
    assert len({end, left, draw.image(phone.scene()).tobytes()}) == 3
    phone.press("MOVE_END")
    assert draw.image(phone.scene()).tobytes() == end


def test_a_long_press_offers_what_can_be_done_with_a_text(phone: Phone) -> None:
    new_contact(phone)
    tap(phone, "name")
    phone.type("Anna")
    phone.hold(*find(phone, "name"))
    bar = phone.scene().window("toolbar")
    assert bar and [b.view.text for b in bar.root.walk() if b.view.text] == ["Cut", "Copy"]
    tap(phone, "Copy")
    assert phone.plain.clipboard == "Anna" and phone.scene().window("toolbar") is None
    phone.hold(*find(phone, "number"))
    tap(phone, "Paste")
    assert field(phone, "number")["text"] == "Anna"
    phone.tap(*find(phone, "number"))
    phone.press("DEL")
    phone.hold(*find(phone, "number"))
    tap(phone, "Cut")
    assert phone.plain.clipboard == "Ann" and field(phone, "number")["text"] == "Phone"


def test_syllables_are_put_together() -> None:
    def typed(letters: str) -> str:
        text = ""
        for letter in letters:
            text = hangul.typed(text, letter)
        return text

    assert (
        typed("ㅎㅏㄴㄱㅡㄹ") == "한글"
        and typed("ㄱㅏㅂㅅㅣ") == "갑시"
        and typed("ㄷㅏㄹㄱ") == "닭"
    )
    assert typed("ㅇㅗㅏㅇ") == "왕" and typed("ㅋㅋ") == "ㅋㅋ" and typed("aㅏ") == "aㅏ"
    text = typed("ㅈㅏㄱㄷㅏㄹㄱ")
    for wanted in ("작달", "작다", "작ㄷ", "작", "자", "ㅈ", ""):
        text = hangul.erased(text)
        assert text == wanted


def test_korean_is_typed_in_a_korean_phone(phone: Phone) -> None:
    phone.settings.put("system", "system_locales", "ko-KR")
    phone.start(CONTACTS, ".Edit")
    tap(phone, "name", "ㅅ", "ㅓ", "ㅇ", "ㅜ", "ㄹ", "key_delete", "ㄴ")
    assert field(phone, "name")["text"] == "서운"
    tap(phone, "key_language", "a")
    assert field(phone, "name")["text"] == "서운a"


def test_the_field_that_is_typed_into_is_not_covered(phone: Phone) -> None:
    phone.resize(720, 1280, 320)
    phone.start(CONTACTS, ".Edit")
    tap(phone, "note")
    keyboard, note = phone.scene().window("keyboard"), field(phone, "note")
    assert keyboard is not None
    bottom = int(re.findall(r"\d+", note["bounds"])[3])
    assert bottom <= keyboard.root.bounds[1]


def test_back_goes_one_step_and_asks_before_it_loses(phone: Phone) -> None:
    new_contact(phone)
    tap(phone, "name")
    phone.type("Lost")
    phone.press("BACK")
    phone.press("BACK")
    assert "Discard your changes?" in texts(phone)
    phone.press("BACK")  # closes the dialog
    assert "Lost" in texts(phone)
    phone.press("BACK")
    tap(phone, "Discard")
    assert "Create contact" in texts(phone) and phone.activities.front.name == ".People"
    phone.press("BACK")
    assert phone.activities.front.package == HOME
    phone.press("BACK")
    assert phone.activities.front.package == HOME


def test_a_dialog_takes_all_touches_and_closes_beside_itself(phone: Phone) -> None:
    phone.start(CONTACTS, ".Person", {"id": "3"})
    tap(phone, "More options", "Delete")
    active = phone.scene().active
    assert active and active.name == "dialog"
    assert "Carla Mendes" in texts(phone) and "Favourite" not in texts(phone)
    assert phone.tap(540, 200) and "Delete contact?" not in texts(phone)
    tap(phone, "More options", "Delete", "android:id/button1")
    assert not phone.databases[CONTACTS].rows("SELECT * FROM people WHERE _id = 3")
    assert phone.activities.front.package == HOME


def test_a_fling_goes_further_and_a_slow_press_is_long(phone: Phone) -> None:
    phone.start(CONTACTS, ".People")
    phone.swipe((500, 1500), (500, 1200), 600)
    slow = dict(phone.activities.front.scrolls)
    phone.swipe((500, 1200), (500, 1500), 600)
    phone.swipe((500, 1500), (500, 1200), 100)
    assert phone.activities.front.scrolls["recycler_view"] > slow["recycler_view"] == 300
    assert len([n for n in nodes(phone) if n["resource-id"].endswith("/title")]) < 16, (
        "rows that are not seen are no nodes"
    )


def test_the_shade_shows_notifications_and_switches(phone: Phone) -> None:
    phone.plain.notices.append(Notice(CONTACTS, "one", "Birthday", "Ben Okafor", phone.now()))
    phone.swipe((300, 5), (300, 900))
    assert {"Birthday", "Ben Okafor", "Clear all"} <= set(texts(phone))
    tap(phone, "tile_wifi")
    assert phone.settings.get("global", "wifi_on") == "0"
    phone.swipe((300, 900), (300, 1300))
    tap(phone, "tile_airplane")
    assert phone.settings.get("global", "airplane_mode_on") == "1"
    tap(phone, "Birthday")
    assert phone.activities.front.package == CONTACTS and not phone.plain.notices


def test_recents_show_what_ran_and_let_go(phone: Phone) -> None:
    for package, name in ((CONTACTS, ".People"), ("com.android.settings", ".Settings")):
        phone.start(package, name)
        phone.press("HOME")
    phone.press("APP_SWITCH")
    assert {"Contacts", "Settings"} <= set(texts(phone))
    tap(phone, "Dismiss Settings")
    assert "Settings" not in texts(phone)
    tap(phone, "Contacts")
    assert phone.activities.front.package == CONTACTS
    phone.swipe((540, 2395), (540, 1500))
    assert phone.activities.front.package == HOME


def test_it_lies_on_its_side(phone: Phone) -> None:
    phone.start(CONTACTS, ".People")
    phone.settings.put("system", "user_rotation", "1")
    scene = phone.scene()
    assert (scene.display.width, scene.display.height) == (2400, 1080)
    assert draw.image(scene).size == (2400, 1080) and 'rotation="1"' in tree.xml(scene)
    tap(phone, "Search contacts")
    keyboard = phone.scene().window("keyboard")
    assert keyboard and keyboard.root.bounds[1] > 300
    phone.settings.put("system", "accelerometer_rotation", "1")
    assert phone.display.rotation == 0


def test_larger_letters_and_the_dark_theme_change_pixels(phone: Phone) -> None:
    phone.start(CONTACTS, ".People")
    plain = draw.image(phone.scene()).tobytes()
    phone.settings.put("system", "font_scale", "1.3")
    large = draw.image(phone.scene()).tobytes()
    phone.settings.put("secure", "ui_night_mode", "2")
    assert len({plain, large, draw.image(phone.scene()).tobytes()}) == 3
    for nonsense in ("nan", "x", "1e99", ""):
        phone.settings.put("system", "font_scale", nonsense)
        assert draw.image(phone.scene()).size == (1080, 2400)


def test_an_app_that_fails_stops_alone(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    phone.start(CONTACTS, ".Person", {"id": "1"})

    def broken(see: object) -> None:
        raise ZeroDivisionError("the app's fault")

    monkeypatch.setitem(phone.apps[CONTACTS].activities, ".Person", broken)
    assert "Contacts keeps stopping" in texts(phone) and phone.activities.front.package == HOME
    assert any("ZeroDivisionError" in line for _, _, line in phone.log)
    tap(phone, "Close app")
    assert "Search apps" in texts(phone)
    phone.start(CONTACTS, ".People")
    phone.hang(CONTACTS)
    assert "Contacts isn’t responding" in texts(phone)
    tap(phone, "Wait")
    assert "Aisha Rahman" in texts(phone)


def test_a_reducer_that_fails_changes_nothing(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(do: object) -> None:
        do.run("DELETE FROM people")  # type: ignore[attr-defined]
        raise KeyError("in the middle")

    monkeypatch.setitem(phone.apps[CONTACTS].reducers, "star", half)
    phone.start(CONTACTS, ".Person", {"id": "1"})
    tap(phone, "Favourite")
    assert len(phone.databases[CONTACTS].rows("SELECT * FROM people")) == 20
    assert "Contacts keeps stopping" in texts(phone)


def test_intents_find_who_answers(phone: Phone) -> None:
    kind = "vnd.android.cursor.dir/contact"
    extras = (("name", "Nia"), ("phone", "0170"))
    assert phone.send(Intent("android.intent.action.INSERT", kind=kind, extras=extras))
    assert field(phone, "name")["text"] == "Nia" and field(phone, "number")["text"] == "0170"
    assert phone.send(Intent("android.settings.SOUND_SETTINGS"))
    assert "Media volume" in texts(phone)
    assert not phone.send(Intent("android.intent.action.NOTHING"))


# State.


def test_a_snapshot_is_whole_and_quick(phone: Phone) -> None:
    before, kept = phone.state_hash(), phone.snapshot()
    picture = draw.png(phone.scene())
    new_contact(phone)
    tap(phone, "name")
    phone.type("Later")
    phone.files.write("/sdcard/Documents/a.txt", b"later")
    phone.settings.put("global", "wifi_on", "0")
    other = phone.fork()
    assert other.state_hash() == phone.state_hash() != before
    assert tree.xml(other.scene()) == tree.xml(phone.scene())
    phone.restore(kept)
    assert phone.state_hash() == before and draw.png(phone.scene()) == picture
    assert not phone.files.exists("/sdcard/Documents/a.txt")
    assert other.files.read("/sdcard/Documents/a.txt") == b"later", "a fork is its own"
    assert field(other, "name")["text"] == "Later"
    other.databases[CONTACTS].execute("DELETE FROM people")
    assert phone.state_hash() == before


def test_a_phone_is_kept_in_a_folder(tmp_path: Path) -> None:
    phone = Phone(folder=tmp_path / "phone")
    new_contact(phone)
    tap(phone, "name")
    phone.type("Kept")
    odd = "/sdcard/Documents/ü%2F \udcff.txt"
    phone.files.write(odd, b"\x00\xff")
    tap(phone, "Save")
    again = Phone(folder=tmp_path / "phone")  # the first was never closed
    assert again.state_hash() == phone.state_hash()
    assert again.files.read(odd) == b"\x00\xff" and "Contact saved" in str(nodes(again, every=True))
    phone.files.remove(odd)
    phone.press("HOME")
    assert not Phone(folder=tmp_path / "phone").files.exists(odd)


def test_a_folder_that_holds_no_phone_is_said(tmp_path: Path) -> None:
    (tmp_path / "phone.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(DataError, match="kept in"):
        Phone(folder=tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="--state"):
        Phone(folder=tmp_path / "file")


def test_a_database_is_a_file_that_can_be_read_and_replaced(phone: Phone) -> None:
    path = "/data/data/com.android.contacts/databases/contacts.db"
    content = phone.files.read(path)
    other = sqlite3.connect(":memory:")
    other.deserialize(content)
    assert other.execute("SELECT count(*) FROM people").fetchone() == (20,)
    other.execute("DELETE FROM people WHERE _id > 2")
    other.commit()
    phone.start(CONTACTS, ".People")
    phone.files.write(path, other.serialize())
    assert "Ben Okafor" in texts(phone) and "Carla Mendes" not in texts(phone)
    with pytest.raises(OSError, match="Invalid"):
        phone.files.write(path, b"SQLite format 3\0 and nothing more")
    with pytest.raises(OSError, match="permitted"):
        phone.files.remove(path)


def test_seeds_and_actions_decide_everything() -> None:
    def play(seed: int) -> list[str]:
        phone, told = Phone(seed), []
        for number in range(30):
            phone.tap(137 * number % 1080, 331 * number % 2400)
            if number % 9 == 8:
                phone.type(f"text {number}")
            if number % 11 == 10:
                phone.press("BACK")
            told.append(phone.state_hash())
        return told

    first = play(1)
    assert first == play(1) and len(set(first)) == 30
    assert first != play(2)


PLAY = """
import hashlib
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw, tree

phone = Phone(7)
for package in sorted(phone.apps):
    phone.start(package, phone.apps[package].main)
    for number in range(4):
        phone.tap(311 * number % 1080, 400 + 457 * number % 1900)
    scene = phone.scene()
    print(package, hashlib.sha256(draw.png(scene) + tree.xml(scene).encode()).hexdigest())
print(phone.state_hash())
"""


@pytest.mark.slow
def test_another_process_has_the_same_phone() -> None:
    def play(order: str) -> str:
        env = {**os.environ, "PYTHONHASHSEED": order}
        done = subprocess.run(
            [sys.executable, "-c", PLAY], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert play("1") == play("2")
