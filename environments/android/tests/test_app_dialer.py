"""Phone: calls out and in, the log that content providers show, blocked numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hands import explore, fill, tap, texts, untranslated

from agentkit_android.phone.phone import Phone
from agentkit_android.screen.acts import Intent

PACKAGE = "com.android.dialer"
GRACE, MEI = "+1 555 010 0108", "+1 555 010 0114"


@pytest.fixture
def phone() -> Phone:
    return Phone()


def log(phone: Phone) -> list[tuple[object, ...]]:
    sql = "SELECT number, type, duration FROM calls ORDER BY date DESC, _id DESC"
    return [tuple(r) for r in phone.databases[PACKAGE].rows(sql)]


def test_a_number_is_dialled_answered_and_logged(phone: Phone) -> None:
    phone.start(PACKAGE, ".Main")
    tap(phone, "Keypad", *(f"key_{d}" for d in "5550100"), "Delete", "key_0", "Call")
    assert "Calling…" in texts(phone)
    phone.pass_time(20)
    assert any(":" in t and t.startswith("00") for t in texts(phone))
    tap(phone, "Mute", "Keypad", "tone_4", "tone_2", "Close")
    assert "42" in texts(phone)
    assert "Ongoing call" in [n.title for n in phone.plain.notices]
    tap(phone, "Hang up")
    number, kind, seconds = log(phone)[0]
    assert (number, kind) == ("5550100", 2) and 20 <= int(str(seconds)) < 40
    assert not phone.plain.notices and not phone.plain.alarms
    tap(phone, "Recents")
    assert "5550100" in texts(phone)


def test_dial_fills_the_keypad_and_call_calls(phone: Phone) -> None:
    phone.send(Intent("android.intent.action.DIAL", f"tel:{GRACE}"))
    assert GRACE in texts(phone) and "Grace Hill" in texts(phone)
    assert not phone.databases[PACKAGE].rows("SELECT * FROM ongoing")
    phone.settings.put("global", "airplane_mode_on", "1")
    tap(phone, "dialpad_floating_action_button")
    assert "Turn off airplane mode to make a call" in texts(phone, every=True)
    phone.settings.put("global", "airplane_mode_on", "0")
    phone.send(Intent("android.intent.action.CALL", "tel:%2B1%20555%20010%200108"))
    assert {"Grace Hill", "Calling…"} <= set(texts(phone))


def test_a_call_comes_in(phone: Phone) -> None:
    def ring(number: str) -> None:
        phone.deliver(PACKAGE, "ring", number=number)

    ring(MEI)
    assert {"Mei Tanaka", "Incoming call"} <= set(texts(phone))
    phone.pass_time(31)
    assert log(phone)[0] == (MEI, 3, 0) and "Call ended" in texts(phone)
    assert [n.title for n in phone.plain.notices] == ["Missed call"]
    ring(GRACE)
    tap(phone, "Answer")
    ring(MEI)  # while one speaks: it is missed
    assert log(phone)[0] == (MEI, 3, 0)
    phone.pass_time(60)
    phone.press("HOME")
    phone.act("shade", value=1)
    tap(phone, "Hang up")
    assert (GRACE, 1) in [row[:2] for row in log(phone)]
    ring(GRACE)
    tap(phone, "Decline")
    assert log(phone)[0] == (GRACE, 5, 0)


def test_a_blocked_number_does_not_ring(phone: Phone) -> None:
    phone.start(PACKAGE, ".Main")
    tap(phone, "More options", "Blocked numbers", "Add a number")
    fill(phone, blocked=GRACE.replace(" ", ""))
    tap(phone, "android:id/button1")
    assert "Grace Hill" in texts(phone)
    phone.press("HOME")
    phone.deliver(PACKAGE, "ring", number=GRACE)
    assert phone.activities.at_home and log(phone)[0] == (GRACE, 6, 0)
    phone.start(PACKAGE, ".Blocked")
    tap(phone, "Unblock")
    assert not phone.databases[PACKAGE].rows("SELECT * FROM blocked")


def test_the_log_is_a_content_provider(adb: Any, running: Any) -> None:
    phone = running.phone
    bind = "--bind number:s:+49301234 --bind type:i:3 --bind date:l:1697384000000"
    adb("shell", f"content insert --uri content://call_log/calls {bind}")
    phone.start(PACKAGE, ".Main")
    tap(phone, "Missed")
    assert "+49301234" in texts(phone) and "Missed call · 15:33" in texts(phone)
    tap(phone, "+49301234")
    assert "Create new contact" in texts(phone)
    adb("shell", "content delete --uri content://call_log/calls")
    assert "No recent calls" in texts(phone)
    shown = adb("shell", "content query --uri content://call_log/calls").stdout
    assert b"No result found" in shown


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    phone.start(PACKAGE, ".Main")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=300)
    assert {(".Main", "clear"), (".Call",), (".Details", "block"), (".Blocked", "add"),
            (".Main", "entry")} <= seen  # fmt: skip
    assert not missing
