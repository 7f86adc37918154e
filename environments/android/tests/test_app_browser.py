"""Browser: pages, tabs, forms and what they leave behind, all within the phone."""

from __future__ import annotations

from typing import Any

import pytest
from hands import explore, fill, find, tap, texts, untranslated, whole
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit_android.apps.browser.reader import read
from agentkit_android.phone.phone import Phone
from agentkit_android.screen.acts import Intent

pytestmark = pytest.mark.slow

PACKAGE = "com.android.browser"
VIEW = "android.intent.action.VIEW"


@pytest.fixture
def phone() -> Phone:
    made = Phone()
    made.start(PACKAGE, ".Main")
    return made


def visit(phone: Phone, typed: str) -> None:
    tap(phone, "url_bar")
    phone.erase()
    assert phone.type(typed)
    phone.press("ENTER")


def rows(phone: Phone, sql: str) -> list[tuple[object, ...]]:
    return [tuple(r) for r in phone.databases[PACKAGE].rows(sql)]


def test_links_lead_on_and_back_leads_back(phone: Phone) -> None:
    tap(phone, "Encyclo, the short encyclopedia", "Tides")
    assert "https://encyclo.example/tides" in texts(phone) and "Spring" in whole(phone)
    phone.press("BACK")
    assert "Short articles about many things." in texts(phone)
    tap(phone, "More options", "Forward")
    assert "https://encyclo.example/tides" in texts(phone)
    phone.press("BACK")
    phone.press("BACK")
    phone.press("BACK")
    assert phone.activities.at_home
    titles = [r[0] for r in rows(phone, "SELECT title FROM history ORDER BY _id")]
    assert titles == ["Start", "Encyclo", "Tides - Encyclo"]


def test_what_is_typed_is_an_address_or_searched_for(phone: Phone) -> None:
    visit(phone, "when does the ferry start")
    tap(phone, "New ferry to start in November - The Harbour Post")
    assert any("6 November" in t for t in whole(phone))
    visit(phone, "weather.example/oslo")
    assert "Frost at night, 6°" in texts(phone)
    visit(phone, "https://nowhere.example/x")
    assert "This site can’t be reached" in texts(phone)


def test_an_order_is_made_of_forms(phone: Phone) -> None:
    visit(phone, "shop.example/item/mug")
    tap(phone, "Amount", "3", "Add to cart")
    assert "28.50" in texts(phone)
    fill(phone, field_2_name="Noor", field_2_address="4 Elm Street\nHarbour")
    tap(phone, "Delivery", "Express, 1 day")
    tap(phone, "Pay and order")
    assert "Thank you" in texts(phone)
    made = rows(phone, "SELECT name, address, delivery, items, cents FROM orders")
    assert made == [("Noor", "4 Elm Street\nHarbour", "express", "3 mug", 2850)]
    assert not rows(phone, "SELECT * FROM cart")


def test_a_file_on_the_phone_is_a_page_with_a_form(adb: Any, running: Any, tmp_path: Any) -> None:
    (tmp_path / "sum.html").write_text(
        "<title>Sum</title><h1>How much is 17 × 23?</h1><script>alert(1)</script>"
        "<form action='https://answers.example/check' method=post><input name=answer type=number>"
        "<label>Sure</label><input type=checkbox name=sure value=yes><input type=radio name=how"
        " value=head checked>in my head<input type=radio name=how value=paper>"
        "<button name=go value=1>Send</button></form>"
    )
    adb("push", str(tmp_path / "sum.html"), "/sdcard/Download/sum.html")
    phone = running.phone
    adb("shell", f"am start -a {VIEW} -t text/html -d file:///sdcard/Download/sum.html")
    assert "How much is 17 × 23?" in texts(phone) and "alert(1)" not in texts(phone)
    fill(phone, field_1_answer="391")
    tap(phone, "Sure", "Send")
    sent = rows(phone, "SELECT url, fields FROM sent")
    assert sent == [("https://answers.example/check", "answer=391&sure=yes&how=head&go=1")]


def test_tabs_are_apart_and_private_ones_leave_no_trace(phone: Phone) -> None:
    tap(phone, "More options", "New private tab")
    visit(phone, "encyclo.example/badger")
    assert any("Private" in t for t in texts(phone))
    assert "Badger - Encyclo" not in [r[0] for r in rows(phone, "SELECT title FROM history")]
    phone.hold(*find(phone, "All articles"))
    tap(phone, "Copy link")
    assert phone.plain.clipboard == "https://encyclo.example/"
    phone.send(Intent(VIEW, "https://news.example/comet"))
    tap(phone, "3 open tabs")
    assert {"Start", "Badger - Encyclo", "Comet may be seen next week - The Harbour Post"} <= set(
        texts(phone)
    )
    tap(phone, "Start")
    assert "What you visit most." in texts(phone)
    tap(phone, "3 open tabs", "Close all")
    assert not rows(phone, "SELECT * FROM tabs") and "No open tabs" in texts(phone)


def test_bookmarks_history_and_saved_pages(phone: Phone) -> None:
    visit(phone, "encyclo.example/glacier")
    tap(phone, "More options", "Add bookmark", "More options", "Save page")
    saved = phone.files.read("/sdcard/Download/Glacier - Encyclo.txt").decode()
    assert "69 percent of all fresh water" in saved
    tap(phone, "More options", "Bookmarks", "More about Glacier - Encyclo", "Edit")
    fill(phone, title="Ice")
    tap(phone, "Save")
    assert ("Ice",) in rows(phone, "SELECT title FROM bookmarks")
    phone.press("BACK")
    tap(phone, "More options", "History", "Clear browsing data", "Clear data")
    assert not rows(phone, "SELECT * FROM history") and rows(phone, "SELECT * FROM tabs")


def test_without_a_network_only_files_open(phone: Phone) -> None:
    phone.settings.put("global", "airplane_mode_on", "1")
    assert "You are offline" in texts(phone)
    phone.settings.put("global", "wifi_on", "1")
    assert "What you visit most." in texts(phone)


@settings(max_examples=60, deadline=None)
@given(st.text("<>/=\"' abinpuformselctqhrf&#;!-\n", max_size=300))
def test_any_text_is_a_page(text: str) -> None:
    page = read(text)
    assert all(0 <= b.form <= len(page.forms) for b in page.blocks)


@pytest.mark.slow
def test_everything_can_be_reached_and_is_translated(phone: Phone) -> None:
    phone.resize(720, 1520, 280)
    phone.settings.put("system", "system_locales", "ko-KR")
    visit(phone, "library.example")
    with untranslated(PACKAGE) as missing:
        seen = explore(phone, PACKAGE, taps=250)
    assert {(".Tabs",), (".Bookmarks", "edit"), (".History", "clear"), (".Settings", "home"),
            (".Main", "select"), (".Downloads",)} <= seen  # fmt: skip
    assert not missing
