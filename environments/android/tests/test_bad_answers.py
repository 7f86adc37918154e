"""Answers that are cut short, empty, huge or no XML, and texts that are not commands.

The phone's answers are spoiled by a transport that stands before the real one: no phone that works
gives such answers on demand.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.errors import UsageError
from agentkit_android.client.actions import Open, Type
from agentkit_android.client.driver import AdbDriver, look_again
from agentkit_android.client.errors import BadAnswer, CommandFailed, DeviceError, DeviceTimeout
from agentkit_android.client.inside import InsideTransport
from agentkit_android.client.transport import must, run
from agentkit_android.client.tree import parse
from agentkit_android.client.words import PIECE, broadcast_text, command, input_text, pieces
from agentkit_android.phone.phone import Phone

pytestmark = pytest.mark.slow

TREE = '<hierarchy rotation="0"><node class="a.Button" text="{}" clickable="true" {}/></hierarchy>'
BOUNDS = 'bounds="[0,0][10,10]"'


class Spoiled(InsideTransport):
    """Changes the first `times` answers to lines with a word."""

    def __init__(self, word: str, change: Callable[[bytes], bytes], times: int) -> None:
        super().__init__(Phone())
        self.word, self.change, self.times = word, change, times

    def raw(self, line: str, timeout: float | None = None) -> bytes:
        out = super().raw(line, timeout)
        if self.word in line and self.times:
            self.times -= 1
            return self.change(out)
        return out


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def test_a_screenshot_that_is_cut_short_is_taken_again() -> None:
    assert AdbDriver(Spoiled("screencap", cut, 2)).look().png.endswith(b"IEND\xaeB`\x82")
    with pytest.raises(BadAnswer, match="cut short"):
        AdbDriver(Spoiled("screencap", cut, 99)).look()


def test_a_warning_before_a_screenshot_is_left_out() -> None:
    warned = Spoiled("screencap", lambda d: b"[Warning] several displays\n" + d, 99)
    assert AdbDriver(warned).look() == AdbDriver(InsideTransport(Phone())).look()


def test_a_text_instead_of_a_screenshot_is_said() -> None:
    with pytest.raises(BadAnswer, match="permission denied"):
        AdbDriver(Spoiled("screencap", lambda d: b"permission denied", 99)).look()


SPOILED = {
    "empty": lambda d: d[d.index(b"</hierarchy>") + 12 :],
    "no tree": lambda d: b"ERROR: could not get idle state.\n" + SPOILED["empty"](d),
    "cut": lambda d: d.replace(b"</hierarchy>", b"", 1),
    "a bomb": lambda d: (
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>' + SPOILED["empty"](d)
    ),
    "huge": lambda d: d.replace(b"</hierarchy>", b"<node/>" * 800_000 + b"</hierarchy>", 1),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_screen_without_a_tree_is_told_and_not_raised(how: str) -> None:
    """A look at it has the picture still, and says why there is no more."""
    look = AdbDriver(Spoiled("uiautomator", SPOILED[how], 99)).look()
    assert look.png and look.lost and not look.elements
    assert look.package == "com.android.launcher3"
    again = AdbDriver(Spoiled("uiautomator", SPOILED[how], 2)).look()
    assert again.elements and not again.lost


def test_an_answer_without_its_end_is_no_answer() -> None:
    with pytest.raises(BadAnswer, match="cut short"):
        AdbDriver(Spoiled("uiautomator", cut, 99)).look()
    with pytest.raises(BadAnswer, match="cut short"):
        run(Spoiled("getprop", lambda d: b"", 1), "getprop")
    assert look_again(AdbDriver(Spoiled("uiautomator", cut, 3))).elements


def test_what_is_no_tree_is_refused() -> None:
    for text in ("", " ", "<hierarchy>", "<html/>", "x", "<hierarchy rotation='0'/><a/>"):
        with pytest.raises(BadAnswer):
            parse(text)
    deep = "<node>" * 5000 + "</node>" * 5000
    assert parse(f"<hierarchy>{deep}</hierarchy>") == []
    assert parse(TREE.format("A", 'bounds="[x]"')) == []
    assert parse(TREE.format("A", 'bounds="[5,5][5,9]"')) == []
    (found,) = parse(TREE.format("A &amp;&#10;B", BOUNDS))
    assert (found.label, found.role, found.middle) == ("A &\nB", "button", (5, 5))
    assert found.line(3) == '3 button "A & B"'


def test_a_command_without_an_end_is_left() -> None:
    transport = InsideTransport(Phone(), timeout=0.3)
    with pytest.raises(DeviceTimeout, match=r"0\.3 s"):
        transport.raw("yes")
    assert transport.raw("echo on") == b"on\n"


def test_a_command_that_fails_says_how() -> None:
    with pytest.raises(CommandFailed, match="No such file"):
        must(InsideTransport(Phone()), "cat", "/nowhere")
    with pytest.raises(UsageError, match="no app 'Teleport'"):
        AdbDriver(InsideTransport(Phone())).perform(Open(app="Teleport"))


# Text. What an agent writes is never a command.

NASTY = st.text(
    st.one_of(st.sampled_from("'\"\\$`;|&<>(){}[]*?!#~%s -=\n\t\r%"), st.characters()), max_size=200
)


@settings(deadline=None, max_examples=150)
@given(NASTY)
def test_words_reach_a_program_as_they_are(text: str) -> None:
    text = text.encode("utf-8", "replace").decode().replace("\0", "")
    transport = InsideTransport(Phone())
    done = run(transport, "printf", "%s|%s", text, "end")
    # The end of lines is written as a phone does: \r\n is \n on its command line.
    assert done.out == f"{text}|end".replace("\r\n", "\n") and not done.status
    assert not transport.phone.unknown


@settings(deadline=None, max_examples=150)
@given(NASTY)
def test_typing_runs_nothing(text: str) -> None:
    transport = InsideTransport(Phone())
    before = transport.raw("ls -R /sdcard /data/local; settings list global")
    try:
        AdbDriver(transport).perform(Type(text=text.encode("utf-8", "replace").decode()))
    except DeviceError as error:
        assert "keyboard" in str(error)
    assert transport.raw("ls -R /sdcard /data/local; settings list global") == before
    assert set(transport.phone.unknown) <= {"ime"}


@given(NASTY)
def test_every_character_that_a_key_types_is_typed_once(text: str) -> None:
    typed = "".join({"ENTER": "\n", "TAB": "\t"}.get(p, p) for _, p in pieces(text))
    kept = [c for c in text.replace("\r\n", "\n").replace("\r", "\n") if c in "\n\t" or c >= " "]
    surrogates = [chr(c) for c in range(0xD800, 0xE000)]
    assert typed == "".join(c for c in kept if c != "\x7f" and c not in surrogates)
    assert all(len(p) <= PIECE for _, p in pieces(text))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100))
def test_spaces_and_percent_signs_are_told_apart(text: str) -> None:
    """Each command is read as `input` does: %s is a space."""
    read = "".join(words[2].replace("%s", " ") for words in input_text(text))
    assert read == text


def test_ten_thousand_characters_of_any_script() -> None:
    text = "안녕 🙂 مرحبا 'x' " * 700
    said = [p for kind, p in pieces(text)]
    assert "".join(said) == text and max(map(len, said)) <= PIECE
    assert max(len(command(broadcast_text(p))) for p in said) < 4000
    with pytest.raises(ValueError, match="NUL"):
        command(["a\0b"])
