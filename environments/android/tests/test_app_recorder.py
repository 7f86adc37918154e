"""Recorder: files that any program can play, as long as the recording took."""

from __future__ import annotations

import io
import wave
from typing import Any

import pytest
from hands import explore, fill, tap, texts, untranslated

from agentkit_android.apps import media
from agentkit_android.phone.phone import Phone

pytestmark = pytest.mark.slow

PACKAGE = "com.android.soundrecorder"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.start(PACKAGE, ".Main")
    return made


def test_what_is_recorded_is_a_wav_file_of_that_length(phone: Phone) -> None:
    tap(phone, "Record")
    assert phone.plain.dialogs, "the microphone is asked for"
    phone.act("answer", value="deny")
    assert "Recorder needs the microphone" in texts(phone, every=True)
    tap(phone, "Record")
    phone.act("answer", value="allow")
    phone.pass_time(9)
    tap(phone, "Pause")
    phone.pass_time(100)
    assert "Paused" in texts(phone) and "0:10" in texts(phone)
    tap(phone, "Resume")
    phone.pass_time(4)
    phone.press("HOME")
    assert [n.text for n in phone.plain.notices] == ["Recording…"]
    phone.start(PACKAGE, ".Main")
    tap(phone, "Done")
    fill(phone, name="Choir rehearsal")
    tap(phone, "Save")
    with wave.open(io.BytesIO(phone.files.read("/sdcard/Recordings/Choir rehearsal.wav"))) as file:
        assert file.getframerate() == 8000 and 15 <= file.getnframes() / 8000 <= 22
    assert "Choir rehearsal" in texts(phone) and not phone.plain.notices


def test_a_recording_is_renamed_played_shared_and_deleted(phone: Phone) -> None:
    phone.files.write("/sdcard/Recordings/a.wav", media.wav(65, 100))
    phone.files.write("/sdcard/Recordings/b.wav", media.wav(5, 100))
    tap(phone, "a", "Play")
    phone.pass_time(30)
    assert "0:31" in texts(phone) or "0:30" in texts(phone)
    tap(phone, "Rename")
    fill(phone, title="b")
    tap(phone, "Save")
    assert "This name is taken" in texts(phone, every=True)
    tap(phone, "Rename")
    fill(phone, title="Lecture 1")
    tap(phone, "Save")
    assert phone.files.exists("/sdcard/Recordings/Lecture 1.wav") and "Lecture 1" in texts(phone)
    tap(phone, "Delete", "android:id/button1")
    assert not phone.files.exists("/sdcard/Recordings/Lecture 1.wav")
    assert "b" in texts(phone) and "Lecture 1" not in texts(phone)


def test_files_that_come_by_adb_are_listed(adb: Any, running: Any, tmp_path: Any) -> None:
    (tmp_path / "Talk.wav").write_bytes(media.wav(75, 200))
    (tmp_path / "broken.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\x7f")
    adb("push", str(tmp_path / "Talk.wav"), str(tmp_path / "broken.wav"), "/sdcard/Recordings")
    running.phone.start(PACKAGE, ".Main")
    shown = texts(running.phone)
    assert "Talk" in shown and any(t.startswith("1:15 ·") for t in shown) and "broken" in shown
    tap(running.phone, "broken", "Play")
    assert "0:00" in texts(running.phone)


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    phone.files.write("/sdcard/Recordings/a.wav", media.wav(65, 100))
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=200)
    assert {(".Main", "save"), (".Main", "discard"), (".Play", "rename"), (".Play", "delete"),
            (".Settings", "rate"), (".Main", "sort"), (".Main", "entry")} <= seen  # fmt: skip
    assert not missing


def test_a_permission_that_is_asked_for_waits_behind_other_apps(phone: Phone) -> None:
    tap(phone, "Record")
    phone.start("com.android.contacts", ".People")
    tap(phone, "Ben Okafor")
    assert phone.activities.front.name == ".Person", "nothing is over it"
    phone.start(PACKAGE, ".Main")
    assert "While using the app" in texts(phone)
    tap(phone, "While using the app")
    assert "Recording…" in texts(phone)
