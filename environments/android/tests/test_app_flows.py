"""What is done in Messages, Notes, Calendar, Clock, Files, Tasks and Expenses is what their rows,
files and the phone then say."""

from __future__ import annotations

import asyncio

import pytest
from hands import bounds, fill, find, nodes, tap, texts

from agentkit_android.phone.phone import Phone
from agentkit_android.screen.acts import Intent
from agentkit_android.shell.interpreter import Shell, Streams
from agentkit_android.shell.streams import Collected, Nothing

BEN, GRACE, MEI = "+1 555 010 0102", "+1 555 010 0108", "+1 555 010 0114"
NOTES = "Documents/Notes"


@pytest.fixture
def phone() -> Phone:
    return Phone()


def rows(phone: Phone, package: str, sql: str) -> list[tuple[object, ...]]:
    return [tuple(r) for r in phone.databases[package].rows(sql)]


def shell(phone: Phone, line: str) -> str:
    out = Collected()
    asyncio.run(Shell(phone).run(line, Streams(Nothing(), out, out)))
    return bytes(out.data).decode()


def titles(phone: Phone) -> list[str]:
    return [n["text"] for n in nodes(phone) if n["resource-id"] == "android:id/title"]


# Messages.

SMS = "com.android.messages"


def test_a_message_is_sent_fails_without_network_and_is_sent_again(phone: Phone) -> None:
    phone.start(SMS, ".Main")
    tap(phone, "Grace Hill")
    fill(phone, body='I\'m late; "10 min"')
    tap(phone, "Send SMS")
    last = "SELECT address, body, type FROM sms ORDER BY _id DESC LIMIT 1"
    assert rows(phone, SMS, last) == [(GRACE, 'I\'m late; "10 min"', 2)]
    phone.settings.put("global", "airplane_mode_on", "1")
    fill(phone, body="Nobody hears")
    tap(phone, "Send SMS")
    assert rows(phone, SMS, last)[0][2] == 5 and "Not sent. Tap to try again." in texts(phone)
    phone.settings.put("global", "airplane_mode_on", "0")
    tap(phone, "Nobody hears")
    assert rows(phone, SMS, last)[0][2] == 2
    told = shell(phone, "content query --uri content://sms/sent --where \"body LIKE 'Nobody%'\"")
    assert told.startswith("Row: 0 ") and GRACE in told


def test_a_message_arrives_is_told_of_and_read(phone: Phone) -> None:
    phone.deliver(SMS, "receive", number=BEN, text="Bring a map")
    phone.swipe((300, 5), (300, 900))
    tap(phone, "Bring a map")
    assert phone.activities.front.name == ".Thread" and not phone.plain.notices
    assert rows(phone, SMS, "SELECT read FROM sms WHERE body = 'Bring a map'") == [(1,)]
    phone.hold(*find(phone, "Bring a map"))
    tap(phone, "Copy text")
    assert phone.plain.clipboard == "Bring a map"
    shell(phone, f"content delete --uri content://sms --where \"address='{BEN}'\"")
    assert "Bring a map" not in texts(phone)
    bind = "--bind address:s:123 --bind body:s:hello --bind date:l:1697384040000"
    shell(phone, f"content insert --uri content://sms/inbox {bind}")
    assert rows(phone, SMS, "SELECT body, type FROM sms WHERE address = '123'") == [("hello", 1)]


def test_a_new_conversation_is_begun_with_a_contact(phone: Phone) -> None:
    phone.start(SMS, ".Main")
    tap(phone, "Start chat")
    fill(phone, to="tana")
    assert titles(phone) == ["Mei Tanaka"]
    tap(phone, "Mei Tanaka")
    assert phone.activities.front.args["number"] == MEI


# Notes.

PAD = "com.example.notes"


def test_a_note_is_written_moved_and_deleted(phone: Phone) -> None:
    phone.start(PAD, ".Main")
    tap(phone, "New note")
    fill(phone, new_name="plan")
    tap(phone, "Create")
    fill(phone, text="# Plan\n- one")
    phone.press("BACK")  # leaves, and saves
    path = f"/sdcard/{NOTES}/plan.md"
    assert phone.files.read(path) == b"# Plan\n- one"
    phone.hold(*find(phone, "plan.md"))
    tap(phone, "Move", "Work")
    assert not phone.files.exists(path) and phone.files.exists(f"/sdcard/{NOTES}/Work/plan.md")
    tap(phone, "Work")
    phone.hold(*find(phone, "plan.md"))
    tap(phone, "Delete", "android:id/button1")
    assert not phone.files.exists(f"/sdcard/{NOTES}/Work/plan.md")


@pytest.mark.parametrize("name", ["a/b", "..", "   ", "shopping"])
def test_a_name_that_is_bad_or_taken_makes_no_note(phone: Phone, name: str) -> None:
    before = [p for p, _ in phone.files.walk(f"/sdcard/{NOTES}")]
    phone.start(PAD, ".Main")
    tap(phone, "New note")
    fill(phone, new_name=name)
    tap(phone, "Create")
    assert phone.activities.front.name == ".Main" and phone.plain.toasts
    assert [p for p, _ in phone.files.walk(f"/sdcard/{NOTES}")] == before


def test_a_text_is_shared_to_notes(phone: Phone) -> None:
    phone.send(Intent("android.intent.action.SEND", kind="text/plain", extras=(("text", "Hi"),)))
    tap(phone, "Notes")
    fill(phone, new_name="shared")
    tap(phone, "Save")
    assert phone.files.read(f"/sdcard/{NOTES}/shared.md") == b"Hi"


# Calendar.

CALENDAR = "com.android.calendar"


def test_an_event_is_made_with_the_pickers_and_reminds(phone: Phone) -> None:
    phone.start(CALENDAR, ".Main")
    tap(phone, "New event")
    fill(phone, title="Review")
    tap(phone, "Start date", "Tue, Oct 17, 2023", "OK", "Start time")
    fill(phone, _hour="9", _minute="30")
    tap(phone, "OK", "Repeat", "Every week", "Save")
    sql = "SELECT title, dtstart, dtend - dtstart, repeat, reminder FROM events ORDER BY _id DESC"
    start = 1697535000  # 2023-10-17 09:30 UTC
    assert rows(phone, CALENDAR, sql)[0] == ("Review", start, 3600, "weekly", 10)
    phone.pass_time(start - 600 - phone.now() + 1)
    assert [n.title for n in phone.plain.notices] == ["Review"]
    phone.pass_time(7 * 86400)
    assert len(phone.plain.notices) == 1, "the next week it replaces the one before"
    phone.start(CALENDAR, ".Main")
    tap(phone, "Tue, Oct 31, 2023")
    assert "Review" in texts(phone)


@pytest.mark.parametrize(
    ("hour", "told"), [("25", "Enter a valid time"), ("x", "Enter a valid time")]
)
def test_a_time_that_is_none_is_asked_for_again(phone: Phone, hour: str, told: str) -> None:
    phone.start(CALENDAR, ".Edit")
    tap(phone, "Start time")
    fill(phone, _hour=hour)
    tap(phone, "OK")
    assert told in texts(phone, every=True) and "Enter time" in texts(phone)


def test_an_event_cannot_end_before_it_begins(phone: Phone) -> None:
    phone.start(CALENDAR, ".Edit", {"title": "Odd"})
    tap(phone, "End time")
    fill(phone, _hour="3")
    tap(phone, "OK", "Save")
    assert "The event cannot end before it starts" in texts(phone, every=True)
    assert not rows(phone, CALENDAR, "SELECT * FROM events WHERE title = 'Odd'")


# Clock.

CLOCK = "com.android.deskclock"


def test_an_alarm_rings_and_a_timer_ends(phone: Phone) -> None:
    phone.start(CLOCK, ".Main")
    tap(phone, "Add alarm")
    fill(phone, hour="16", minute="05")
    tap(phone, "OK", "Timer", "1", "00", "Start")
    assert rows(phone, CLOCK, "SELECT hour, minute, enabled FROM alarms WHERE hour = 16") == [
        (16, 5, 1)
    ]
    phone.pass_time(61)
    assert [n.title for n in phone.plain.notices] == ["Time’s up"]
    phone.pass_time(31 * 60)
    ringing = phone.plain.notices[-1]
    assert ringing.title == "Alarm" and ringing.text.startswith("16:05")
    phone.act("shade", value=1)
    tap(phone, "Snooze")
    assert [n.title for n in phone.plain.notices] == ["Time’s up"]
    phone.pass_time(601)
    assert phone.plain.notices[-1].title == "Alarm"
    assert rows(phone, CLOCK, "SELECT enabled FROM alarms WHERE hour = 16") == [(0,)]


def test_a_stopwatch_counts_the_phones_seconds(phone: Phone) -> None:
    phone.start(CLOCK, ".Main")
    tap(phone, "Stopwatch", "Start")
    phone.pass_time(100)
    tap(phone, "Lap", "Pause")
    phone.pass_time(500)
    told = rows(phone, CLOCK, "SELECT state, elapsed FROM stopwatch")[0]
    assert told[0] == "paused" and 100 < float(str(told[1])) < 110
    assert any(t.startswith("00:01:4") for t in texts(phone))


# Files.

FILES = "com.android.documentsui"


def test_a_file_is_copied_moved_renamed_and_deleted(phone: Phone) -> None:
    phone.start(FILES, ".Main")
    tap(phone, "Download")
    phone.hold(*find(phone, "recipes.csv"))
    tap(phone, "Copy", "Copy here")
    assert phone.files.read("/sdcard/Download/recipes (1).csv").startswith(b"title,")
    phone.hold(*find(phone, "recipes (1).csv"))
    tap(phone, "Move", "Navigate up", "Documents", "Move here")
    assert not phone.files.exists("/sdcard/Download/recipes (1).csv")
    phone.hold(*find(phone, "recipes (1).csv"))
    tap(phone, "Rename")
    fill(phone, rename="meals.csv")
    tap(phone, "OK")
    assert phone.files.exists("/sdcard/Documents/meals.csv")
    shell(phone, "rm /sdcard/Documents/meals.csv")
    assert "meals.csv" not in texts(phone), "what adb changed is seen at once"
    phone.hold(*find(phone, "cv_draft.txt"))
    tap(phone, "garden plan.txt", "Delete", "android:id/button1")
    assert shell(phone, "ls /sdcard/Documents") == "Archive\nNotes\n"


# Tasks and expenses.


def test_a_task_is_made_due_done_and_cleared(phone: Phone) -> None:
    package = "com.example.tasks"
    phone.start(package, ".Main")
    tap(phone, "New task")
    fill(phone, title="Fix the tap")
    tap(phone, "Due date", "Fri, Oct 20, 2023", "OK", "Priority", "High", "Save")
    sql = "SELECT title, due, priority, done FROM tasks WHERE title = 'Fix the tap'"
    assert rows(phone, package, sql) == [("Fix the tap", "2023-10-20", 3, 0)]
    box = next(n for n in nodes(phone) if n["content-desc"] == "Fix the tap")
    left, top, right, bottom = bounds(box)
    assert box["class"].endswith("CheckBox") and box["checked"] == "false"
    phone.tap((left + right) // 2, (top + bottom) // 2)
    assert rows(phone, package, sql)[0][3] == 1
    tap(phone, "More options", "Clear completed")
    assert not rows(phone, package, sql)


@pytest.mark.parametrize(
    ("typed", "cents"), [("12", 1200), ("7.5", 750), ("3,99", 399), ("abc", None), ("-4", None)]
)
def test_an_expense_is_an_amount_or_nothing(phone: Phone, typed: str, cents: int | None) -> None:
    package = "com.example.expenses"
    phone.start(package, ".Main")
    tap(phone, "Add expense")
    fill(phone, name="Tram", amount=typed)
    tap(phone, "Transport", "Save")
    found = rows(phone, package, "SELECT cents, category, day FROM expenses WHERE name = 'Tram'")
    assert found == ([(cents, "Transport", "2023-10-15")] if cents else [])


def test_several_expenses_are_deleted_at_once(phone: Phone) -> None:
    package = "com.example.expenses"
    phone.start(package, ".Main")
    phone.hold(*find(phone, "Groceries"))
    tap(phone, "Pharmacy", "Delete", "android:id/button1")
    assert len(rows(phone, package, "SELECT * FROM expenses")) == 8
    assert not {"Groceries", "Pharmacy"} & set(texts(phone))
