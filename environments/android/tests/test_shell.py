"""The phone's sh: what it makes of a line, without adb."""

from __future__ import annotations

import asyncio
import base64
import random
import subprocess
import sys

import pytest

from agentkit_android.phone.phone import BEGIN, Phone
from agentkit_android.shell import interpreter
from agentkit_android.shell.call import PROGRAMS
from agentkit_android.shell.interpreter import Shell, Streams
from agentkit_android.shell.streams import Bytes, Collected


def sh(line: str, phone: Phone | None = None, stdin: bytes = b"") -> tuple[str, str, int]:
    """(standard output, standard error, exit status)."""
    out, err = Collected(), Collected()

    async def run() -> int:
        shell = Shell(phone or Phone())
        return await asyncio.wait_for(shell.run(line, Streams(Bytes(stdin), out, err)), 120)

    status = asyncio.run(run())
    return out.data.decode(errors="replace"), err.data.decode(errors="replace"), status


LINES = {
    "echo a  b 'c  d' \"e  f\"": "a b c  d e  f\n",
    "echo a; echo b\necho c": "a\nb\nc\n",
    "true && echo yes || echo no": "yes\n",
    "false && echo yes || echo no": "no\n",
    "! false && echo yes": "yes\n",
    "echo $?; false; echo $?": "0\n1\n",
    "x=1; echo $x ${x}2 \"$x\" '$x' \\$x": "1 12 1 $x $x\n",
    "x='a  b'; echo $x; echo \"$x\"": "a b\na  b\n",
    "echo ${none:-word} ${none-} ${#x}": "word 0\n",
    "x=; echo [${x:-a}] [${x-b}] [${x:+c}]": "[a] [] []\n",
    "x=1 sh -c 'echo $x'; echo [$x]": "1\n[]\n",
    "echo $(echo in; echo two) `echo back`": "in two back\n",
    'echo "$(echo "a  b")"': "a  b\n",
    "printf 'b\\na\\n' | sort | head -n 1": "a\n",
    "echo hello | tr a-y b-z": "ifmmp\n",
    "(cd /sdcard; pwd); pwd": "/sdcard\n/\n",
    "{ echo a; echo b; } | wc -l": "2\n",
    "if [ -e /sdcard ]; then echo there; else echo not; fi": "there\n",
    "if false; then echo 1; elif true; then echo 2; fi": "2\n",
    "for i in 1 2 3; do echo $i; [ $i = 2 ] && break; done": "1\n2\n",
    "x=; while [ \"$x\" != aaa ]; do x=${x}a; done; echo $x": "aaa\n",
    "echo text > /sdcard/f; cat < /sdcard/f; echo more >> /sdcard/f; wc -l /sdcard/f":
        "text\n2 /sdcard/f\n",
    "ls /none 2>&1": "ls: /none: No such file or directory\n",
    "ls /none 2>/dev/null; echo $?": "1\n",
    "{ echo out; echo err >&2; } 2>/dev/null": "out\n",
    "cd /sdcard; touch b.txt a.txt c.md .h; echo *.txt; echo '*.txt'; echo *.none":
        "a.txt b.txt\n*.txt\n*.none\n",
    "sh -c 'echo $0 $1 $# \"$@\"' name one 'two words'": "name one 2 one two words\n",
    "echo a#b # a comment": "a#b\n",
    "echo a\\\nb": "ab\n",
    "yes | head -n 2": "y\ny\n",
    "echo 'exit 3' > /sdcard/s; sh /sdcard/s; echo $?": "3\n",
    "[ 2 -lt 10 -a 1 = 1 ] && [ ! -d /none ] && echo ok": "ok\n",
    "[ -e '/data/local/tmp/mock_apps.json' ] && echo __PASS__; echo after": "after\n",
    "command -v ls; command -v none": "/system/bin/ls\n",
    "exec echo last; echo never": "last\n",
    "export A=1; sh -c 'echo $A'": "1\n",
    "eval 'x=5'; echo $x": "5\n",
    "toybox md5sum -b /dev/null": "d41d8cd98f00b204e9800998ecf8427e\n",
    "echo 2 > /sdcard/two; cat /sdcard/two": "2\n",
    "sleep 90; date +%H:%M:%S": "15:35:30\n",
    "id -u; whoami": "2000\nshell\n",
    "mkdir -p /sdcard/a/b; cp -r /sdcard/a /sdcard/c; mv /sdcard/c/b /sdcard/d; ls -d /sdcard/d":
        "/sdcard/d\n",
    "printf '%s-%d\\n' a 1 b 2": "a-1\nb-2\n",
    "printf 'a:b:c\\n' | cut -d: -f1,3": "a:c\n",
    "printf 'one\\ntwo\\nthree\\n' | grep -n t": "2:two\n3:three\n",
    "echo aGk= | base64 -d": "hi",
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_line_gives_what_sh_gives(line: str) -> None:
    assert sh(line)[0] == LINES[line]


OWN = ("/sdcard", "toybox", "id -u", "command -v", "sleep 90", "ls /none 2>/dev/null")
PORTABLE = [line for line in LINES if not any(w in line for w in OWN)]


@pytest.mark.parametrize("line", PORTABLE)
@pytest.mark.slow
def test_the_expectations_are_those_of_a_real_sh(line: str) -> None:
    if sys.platform == "win32":
        pytest.skip("there is no sh")
    line = line.replace("/none 2>&1", "/none 2>&1 | tail -c 26")
    wanted = LINES.get(line, "No such file or directory\n")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20)
    assert done.stdout.endswith(wanted)


@pytest.mark.parametrize(
    "line",
    ["echo 'open", 'echo "open', "(", ")", "if true", "| x", "echo $((1+1))", "a && ;", "${", "$("],
)
def test_what_is_no_command_line_is_said(line: str) -> None:
    out, err, status = sh(line)
    assert status == 1 and err.startswith("/system/bin/sh: ") and not out


@pytest.mark.parametrize(
    "line",
    [
        "while true; do :; done",
        "x=aaaaaaaaaa; while true; do x=$x$x; done",
        "echo 'sh /sdcard/f' > /sdcard/f; sh /sdcard/f",
        "yes > /sdcard/f",
        "x=$(yes)",
        "(" * 500 + "true" + ")" * 500,
        "cat /sdcard/" + "a" * 5000,
        "${x:-" * 500,
    ],
)
def test_nothing_goes_on_for_ever(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "MAX_STEPS", 2000)
    if line.startswith("yes"):
        phone = Phone()
        phone.files.write("/sdcard/big", bytes(phone.files.room - 100_000))
        assert sh(line, phone)[2] == 1
    else:
        sh(line)


def test_an_unknown_program_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    phone = Phone()
    for _ in range(3):
        out, err, status = sh("frob", phone)
        assert (out, status) == ("", 127)
        assert err == "/system/bin/sh: frob: inaccessible or not found\n"
    assert phone.unknown == {"frob": 3}
    assert [r.getMessage() for r in caplog.records] == ["unknown command: 'frob'"]


def test_the_clock_goes_on_by_what_is_done() -> None:
    phone = Phone()
    assert phone.now() == BEGIN
    sh("sleep 2.5", phone)
    assert phone.now() == BEGIN + 2


def test_standard_input_is_read() -> None:
    assert sh("cat; echo end", stdin=b"typed\n")[0] == "typed\nend\n"
    assert sh("read a b; echo $b $a", stdin=b"one two\n")[0] == "two one\n"


@pytest.mark.slow
def test_random_lines_end_with_a_status(caplog: pytest.LogCaptureFixture) -> None:
    """Any text gives output, errors and a status: nothing raises, and nothing hangs."""
    rng = random.Random(9)
    known = sorted(PROGRAMS)
    plain = r"""ls cat echo x=1 $x ${x:-y} $(ls) `id` | && || ; & > >> < 2>&1 ( ) { } if then fi for
        in do done while ' " \ * ? [ ] /sdcard / .. -l -n 5 -c -- ! # $ 김 -1 999999999999 %s%d a-z
        (?: -p"""
    pieces = [*plain.split(), "\n", "\x00", "\udc80", "\ud800"]
    phone = Phone()
    for _ in range(1500):
        words = [rng.choice(rng.choice((pieces, known))) for _ in range(rng.randint(1, 7))]
        if not {"yes", "cat", "logcat"} & set(words):
            status = sh(rng.choice((" ", " ", "")).join(words), phone)[2]
            assert 0 <= status <= 255


@pytest.mark.slow
def test_a_hostile_pattern_is_let_go_and_others_go_on() -> None:
    phone = Phone()
    phone.files.write("/sdcard/a", b"a" * 200 + b"!\n")
    ticks = []

    async def both() -> int:
        async def tick() -> None:
            while True:
                ticks.append(1)
                await asyncio.sleep(0.01)

        beside = asyncio.create_task(tick())
        out = Collected()
        line = "grep -E '(a|aa)+(a|aa)+(a|aa)+$' /sdcard/a"
        status = await Shell(phone).run(line, Streams(Bytes(b""), out, out))
        beside.cancel()
        assert b"takes more than" in out.data
        return status

    assert asyncio.run(asyncio.wait_for(both(), 20)) == 2
    assert len(ticks) > 3, "nothing else ran meanwhile"
    assert sh("grep -c 'a\\{3\\}' /sdcard/a", phone)[0] == "1\n"
    assert sh("grep -o 'a!' /sdcard/a", phone)[0] == "a!\n"
    assert sh("grep '[' /sdcard/a", phone)[2] == 2 and sh(f"grep {'x' * 2000} /sdcard/a")[2] == 2


def test_adbs_keyboard_types_any_script_while_it_is_in_use() -> None:
    phone = Phone()
    phone.start("com.android.contacts", ".Edit")
    phone.tap(500, 400)
    text = "안녕 'q' \"d\" $(x) 🙂 שלום"
    word = base64.b64encode(text.encode()).decode()
    name = phone.activities.front.texts
    sh(f"am broadcast -a ADB_INPUT_B64 --es msg {word}", phone)
    assert not name, "it is not in use"
    method = "com.android.adbkeyboard/.AdbIME"
    assert sh(f"ime set {method}", phone)[2] != 0, "it is not enabled"
    assert "selected" in sh(f"ime enable {method} && ime set {method}", phone)[0]
    assert sh("settings get secure default_input_method", phone)[0].strip() == method
    sh(f"am broadcast -a ADB_INPUT_B64 --es msg {word}", phone)
    assert name["name"] == text
    sh("am broadcast -a ADB_INPUT_B64 --es msg '***'; am broadcast -a ADB_CLEAR_TEXT", phone)
    assert name["name"] == ""
    assert sh("input text plain%stext; input keyevent 67", phone)[2] == 0
    assert name["name"] == "plain tex"
    status, err = sh("input text 안녕", phone)[2], sh("input text 안녕", phone)[1]
    assert status == 255 and "NullPointerException" in err and name["name"] == "plain tex"
    sh("input keycombination 113 29; input keyevent 277", phone)  # Ctrl+A, cut
    assert name["name"] == "" and 'data="plain tex"' in sh("am broadcast -a clipper.get", phone)[0]


def test_databases_are_asked_and_changed_and_nothing_else_is_reached() -> None:
    phone = Phone()
    path = "/data/data/com.android.contacts/databases/contacts.db"
    assert sh(f"sqlite3 {path} 'SELECT count(*) FROM people'", phone)[0] == "20\n"
    sh(f"echo \"UPDATE people SET name = 'Zed' WHERE _id = 1;\" | sqlite3 {path}", phone)
    phone.start("com.android.contacts", ".People")
    phone.activities.front.texts["query"] = "Zed"
    assert "Zed" in str(phone.scene())
    assert "people" in sh(f"sqlite3 {path} .tables", phone)[0]
    for bad in (
        "ATTACH '/etc/passwd' AS x", "SELECT load_extension('x')", "PRAGMA journal_mode = WAL",
        "SELECT * FROM nothing", "VACUUM INTO '/tmp/x'",
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    ):  # fmt: skip
        out, err, status = sh(f'sqlite3 {path} "{bad}"', phone)
        assert status == 1 and err.startswith("Error:"), (bad, out)
    assert sh(f"sqlite3 {path} 'DELETE FROM people; SELECT * FROM nothing'", phone)[2] == 1
    assert sh(f"sqlite3 {path} 'SELECT count(*) FROM people'", phone)[0] == "20\n"
    uri = "content://com.android.contacts/people"
    told = sh(f"content query --uri {uri} --projection name:number --where \"name='Zed'\"", phone)
    assert told[0] == "Row: 0 name=Zed, number=+1 555 010 0101\n"
    assert sh(f"content delete --uri {uri}/1", phone)[2] == 0
    assert "No result found." in sh(f"content query --uri {uri}/1", phone)[0]
    assert sh(f"content insert --uri {uri} --bind 'na me:s:x'", phone)[2] == 255
    assert sh("content query --uri content://nobody/x", phone)[2] == 255
    sh("sqlite3 /sdcard/own.db 'CREATE TABLE t (x); INSERT INTO t VALUES (5)'", phone)
    assert sh("sqlite3 /sdcard/own.db 'SELECT x FROM t'", phone)[0] == "5\n"


def test_a_dump_is_of_the_active_window_or_of_all() -> None:
    phone = Phone()
    phone.start("com.android.contacts", ".Edit")
    phone.tap(500, 400)
    one, every = (sh(f"uiautomator dump {w} /dev/tty", phone)[0] for w in ("", "--windows"))
    assert "key_q" not in one and "status_bar" not in one and "Create contact" in one
    assert "key_q" in every and "status_bar" in every and "Create contact" in every
    sh("am crash com.android.contacts", phone)
    assert "keeps stopping" in sh("uiautomator dump /dev/tty", phone)[0]


def test_notifications_and_the_shade_from_a_command() -> None:
    phone = Phone()
    sh("cmd notification post -t Title tag 'some text'; cmd statusbar expand-notifications", phone)
    assert "some text" in sh("uiautomator dump /dev/tty", phone)[0]
    assert "tag" in sh("cmd notification list", phone)[0]
    sh("cmd statusbar collapse; cmd uimode night yes", phone)
    assert phone.dark and not phone.plain.shade
    sh("pm grant com.example.maps android.permission.ACCESS_FINE_LOCATION", phone)
    assert phone.is_granted("com.example.maps", "android.permission.ACCESS_FINE_LOCATION")


def test_dumpsys_tells_what_is_on_the_screen_and_in_the_settings() -> None:
    phone = Phone()
    phone.start("com.android.contacts", ".Edit")
    phone.tap(500, 400)
    sh("svc wifi disable; settings put global airplane_mode_on 1; cmd uimode night yes", phone)
    sh("cmd notification post -t Hello tag text; settings put system user_rotation 1", phone)
    sh("pm grant com.android.camera2 android.permission.CAMERA", phone)
    for service, wanted in {
        "input_method": "mInputShown=true", "wifi": "Wi-Fi is disabled", "uimode": "mNightMode=2",
        "telephony.registry": "mServiceState=3(POWER_OFF)", "display": "orientation=1",
        "notification": "android.title=String (Hello)", "bluetooth_manager": "enabled: false",
        "package com.android.camera2": "android.permission.CAMERA: granted=true",
        "window": "mCurrentFocus=Window{a1b2c3d u0 com.android.contacts/",
    }.items():  # fmt: skip
        assert wanted in sh(f"dumpsys {service}", phone)[0], service
    phone.press("BACK")
    assert "mInputShown=false" in sh("dumpsys input_method", phone)[0]
