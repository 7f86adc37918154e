"""Calculator: what keys come to, by taps alone, and what it keeps."""

from __future__ import annotations

import pytest
from hands import explore, nodes, tap, texts, untranslated

from agentkit_android.apps.calculator.arithmetic import BadExpression, evaluate, shown
from agentkit_android.phone.phone import Phone

PACKAGE = "com.android.calculator2"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.start(PACKAGE, ".Calculator")
    return made


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3×4", "14"), ("(2+3)×4", "20"), ("−3^2", "-9"), ("2^3^2", "512"), ("2^−1", "0.5"),
        ("100+10%", "110"), ("50%", "0.5"), ("200×10%", "20"), ("7÷2", "3.5"), ("0.1+0.2", "0.3"),
        ("5!", "120"), ("√16+√(9)", "7"), ("2π", "6.28318530718"), ("2(3+4", "14"),
        ("sin(30)", "0.5"), ("ln(e)", "1"), ("log(1000)", "3"), ("1÷3", "0.333333333333"),
        ("9^40", "1.47808829414E38"), ("1234567.5×2", "2,469,135"), ("−−4", "4"), (".5+1.", "1.5"),
    ],
)  # fmt: skip
def test_values(text: str, value: str) -> None:
    assert shown(evaluate(text)) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1÷0", "divide by 0"), ("2+", "Bad"), ("2..3", "Bad"), ("√(0−1)", "No real"),
        ("9^9^9^9", "too large"), ("(" * 300, "Too long"), ("1" * 500, "Too long"),
        ("import os", "Bad"), ("2.5!", "No real"), ("", "Bad"), (")(", "Bad"),
        ("10^9999×10", "large"),
    ],
)  # fmt: skip
def test_what_has_no_value_says_why(text: str, told: str) -> None:
    with pytest.raises(BadExpression, match=told):
        evaluate(text)


def test_radians() -> None:
    assert shown(evaluate("sin(π÷2)", degrees=False)) == "1"


def shows(phone: Phone, resource: str) -> str:
    return next(n["text"] for n in nodes(phone) if n["resource-id"].endswith(f"/{resource}"))


def test_keys_come_to_a_result_that_is_kept_and_called_again(phone: Phone) -> None:
    tap(phone, "digit_7", "op_mul", "digit_8")
    assert (shows(phone, "formula"), shows(phone, "result_preview")) == ("7×8", "56")
    tap(phone, "op_add", "digit_4", "equals")
    assert shows(phone, "formula") == "60"
    rows = phone.databases[PACKAGE].rows("SELECT expression, result FROM history")
    assert [tuple(r) for r in rows] == [("7×8+4", "60")]
    tap(phone, "digit_5")
    assert shows(phone, "formula") == "5", "a digit after a result begins anew"
    phone.databases[PACKAGE].execute("INSERT INTO history VALUES (9, '3+3', '6', 0)")
    tap(phone, "History")
    assert {"7×8+4", "= 60", "3+3"} <= set(texts(phone))
    tap(phone, "3+3")
    assert shows(phone, "formula") == "3+3"
    tap(phone, "More options", "Copy result")
    assert phone.plain.clipboard == "6"
    tap(phone, "clear", "digit_1", "divide", "digit_0", "equals")
    assert "Can’t divide by 0" in texts(phone)
    tap(phone, "History", "Clear history", "android:id/button1")
    assert not phone.databases[PACKAGE].rows("SELECT * FROM history")


def test_operators_replace_each_other_and_a_function_goes_at_once(phone: Phone) -> None:
    tap(phone, "digit_2", "op_add", "op_mul", "op_sub", "digit_3")
    assert shows(phone, "formula") == "2×−3"
    tap(phone, "clear", "Scientific keys", "fun_sin", "delete", "op_sqrt", "parens", "digit_9")
    tap(phone, "parens")
    assert (shows(phone, "formula"), shows(phone, "result_preview")) == ("√(9)", "3")


def test_it_keeps_no_history_where_it_must_not(phone: Phone) -> None:
    tap(phone, "More options", "Settings", "Keep history")
    phone.press("BACK")
    tap(phone, "digit_1", "op_add", "digit_1", "equals")
    assert not phone.databases[PACKAGE].rows("SELECT * FROM history")


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    phone.databases[PACKAGE].execute("INSERT INTO history VALUES (1, '1+1', '2', 0)")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE)
    assert {(".History", "clear"), (".Settings", "digits"), (".Calculator", "menu")} <= seen
    assert not missing
