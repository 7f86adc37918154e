"""Music: it plays the files that exist, by the phone's clock, and keeps playlists."""

from __future__ import annotations

from typing import Any

import pytest
from hands import explore, fill, find, nodes, tap, texts, untranslated, whole

from agentkit_android.apps import media
from agentkit_android.phone.phone import Phone

pytestmark = pytest.mark.slow

PACKAGE = "com.android.music"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.start(PACKAGE, ".Main")
    return made


def playing(phone: Phone) -> str:
    sql = "SELECT path FROM queue JOIN playing ON entry = queue._id"
    found = phone.databases[PACKAGE].rows(sql)
    return str(found[0][0]) if found else ""


def test_a_song_plays_ends_and_the_next_begins(phone: Phone) -> None:
    tap(phone, "Albums", "Last Stop", "Night Bus")
    assert playing(phone) == "Music/Paper Suns - Night Bus.wav"
    phone.press("HOME")
    phone.pass_time(100)
    notice = phone.plain.notices[0]
    assert (notice.title, notice.text, notice.fixed) == ("Night Bus", "Paper Suns", True)
    phone.start(PACKAGE, ".Main")
    tap(phone, "Night Bus")  # the player at the bottom, or its row: both lead on
    phone.pass_time(250)
    assert playing(phone) == "Music/Paper Suns - Rain on Tin.wav", "in the order of titles"
    counts = dict(map(tuple, phone.databases[PACKAGE].rows("SELECT path, count FROM plays")))
    assert counts["Music/Paper Suns - Rain on Tin.wav"] == 1
    phone.pass_time(1000)
    assert not phone.plain.notices[0].fixed, "the queue has ended"


def test_the_player_pauses_seeks_repeats_and_shuffles(phone: Phone) -> None:
    tap(phone, "Attic")
    phone.start(PACKAGE, ".Player")
    phone.pass_time(10)
    tap(phone, "Pause")
    before = texts(phone)
    phone.pass_time(60)
    assert texts(phone)[:9] == before[:9]
    x, y = find(phone, "Position")
    phone.tap(x, y)
    assert any(n["text"] in ("2:09", "2:10", "2:08") for n in nodes(phone)), texts(phone)
    tap(phone, "Play", "Repeat: off", "Repeat: all")
    phone.pass_time(300)
    assert playing(phone).endswith("Attic.wav"), "one song again and again"
    order = [r[0] for r in phone.databases[PACKAGE].rows("SELECT path FROM queue ORDER BY _id")]
    tap(phone, "Shuffle: off")
    mixed = [r[0] for r in phone.databases[PACKAGE].rows("SELECT path FROM queue ORDER BY _id")]
    assert sorted(mixed) == sorted(order) and mixed != order
    tap(phone, "Next")
    assert playing(phone) == mixed[mixed.index(order[0]) + 1]


def test_a_playlist_is_made_filled_ordered_and_deleted(phone: Phone) -> None:
    tap(phone, "Playlists", "New playlist")
    fill(phone, name="Study")
    tap(phone, "Save", "Study", "Add songs", "Attic", "Cold Brew", "Blue Door")
    phone.press("BACK")
    tap(phone, "More about Blue Door", "Move up")
    rows = phone.databases[PACKAGE].rows(
        "SELECT path FROM entries JOIN playlists ON playlist = playlists._id WHERE name = 'Study'"
        " ORDER BY position"
    )
    names = [r[0].rpartition(" - ")[2] for r in rows]
    assert names == ["Attic.wav", "Blue Door.wav", "Cold Brew.wav"]
    tap(phone, "More options", "Rename")
    fill(phone, name="road TRIP")
    tap(phone, "Save")
    assert "This name is taken" in texts(phone, every=True)
    tap(phone, "More options", "Delete", "android:id/button1")
    assert [r[0] for r in phone.databases[PACKAGE].rows("SELECT name FROM playlists")] == [
        "Road trip"
    ]


def test_files_come_and_go_by_adb(adb: Any, running: Any, tmp_path: Any) -> None:
    phone = running.phone
    tags = {"title": "Zebra", "artist": "Zoo", "album": "Stripes"}
    (tmp_path / "z.wav").write_bytes(media.wav(61, 200, tags=tags))
    (tmp_path / "Nobody - Untagged.wav").write_bytes(media.wav(5, 200))
    adb("push", str(tmp_path / "z.wav"), str(tmp_path / "Nobody - Untagged.wav"), "/sdcard/Music/")
    phone.start(PACKAGE, ".Main")
    shown = whole(phone)
    assert {"Zebra", "Zoo · 1:01", "Untagged", "Nobody · 0:05"} <= set(shown)
    adb("shell", "rm /sdcard/Music/z.wav")
    assert "Zebra" not in whole(phone)
    adb("shell", "am start -a android.intent.action.VIEW -t audio/wav"
        " -d 'file:///sdcard/Music/Mara%20Lindt%20-%20Attic.wav'")  # fmt: skip
    assert {"Attic", "Mara Lindt", "Pause"} <= set(texts(phone))


def test_a_song_that_is_deleted_is_nowhere(phone: Phone) -> None:
    tap(phone, "Attic")
    phone.press("HOME")
    phone.start(PACKAGE, ".Main")
    tap(phone, "More about Attic", "Add to favourites", "More about Attic", "Delete from phone")
    tap(phone, "android:id/button1")
    assert not phone.files.exists("/sdcard/Music/Mara Lindt - Attic.wav") and not playing(phone)
    assert "Attic" not in texts(phone)


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=350)
    assert {(".Player",), (".Queue",), (".Pick",), (".Main", "song"), (".Main", "add"),
            (".Playlist", "drop"), (".Main", "order")} <= seen  # fmt: skip
    assert not missing
