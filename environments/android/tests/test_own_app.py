"""The app of docs/phone-apps.md, written outside of the repository, found and run."""

from __future__ import annotations

import logging
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hands import explore, fill, find, tap, texts

import agentkit_android.apps as apps
from agentkit.errors import ConfigError
from agentkit_android.phone.phone import Phone
from agentkit_android.screen.acts import Intent

BOOKS = "com.example.books"


@pytest.fixture
def source() -> str:
    page = Path(__file__).parents[3] / "docs" / "phone-apps.md"
    found = re.search(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def books(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phone:
    (tmp_path / "books.py").write_text(source, "utf-8")
    (tmp_path / "notes.py").write_text("x = 1\n")
    monkeypatch.setenv(apps.VARIABLE, str(tmp_path))
    return Phone()


def test_it_is_in_the_launcher_and_keeps_what_is_typed(books: Phone) -> None:
    tap(books, "Apps list", "Books", "New book", "Save")
    fill(books, title="Momo", author="Michael Ende")
    tap(books, "Save", "Momo")
    sql = "SELECT title, author, finished FROM books ORDER BY _id DESC"
    assert tuple(books.databases[BOOKS].rows(sql)[0]) == ("Momo", "Michael Ende", 1)
    books.hold(*find(books, "The Wall"))
    tap(books, "android:id/button1")
    assert "The Wall" not in texts(books)
    database, table = books.provider("content://books/all")
    assert (database, table) == (books.databases[BOOKS], "books")


def test_it_is_shared_to_kept_and_explored(books: Phone) -> None:
    shared = Intent("android.intent.action.SEND", kind="text/plain", extras=(("text", "Dune"),))
    books.send(shared)
    assert "Share with" in texts(books)
    tap(books, "Books", "Save")
    kept = books.snapshot()
    assert "Dune" in str([tuple(r) for r in books.databases[BOOKS].rows("SELECT * FROM books")])
    other = books.fork(kept)
    assert other.state_hash() == books.state_hash()
    books.start(BOOKS, ".Main")
    assert len(explore(books, BOOKS)) >= 3
    books.settings.put("system", "system_locales", "ko-KR")
    books.start(BOOKS, ".Main")
    assert "책" in texts(books)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("APP = 5", "gives no App"),
        ("import nothing_like_this\nAPP = 1", "does not run"),
        (
            "from agentkit_android.apps.app import App\nAPP = App('x', 'X', '#000000')",
            "package name",
        ),
        (
            "from agentkit_android.apps.app import App\nAPP = App('a.b', 'X', '#000000')",
            "no screen",
        ),
        ("y = 2", "gives no App"),
    ],
)
def test_a_file_that_is_no_app_is_named(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    monkeypatch.setenv(apps.VARIABLE, str(file))
    with pytest.raises(ConfigError, match=told) as error:
        Phone()
    assert "bad.py" in str(error.value)
    monkeypatch.setenv(apps.VARIABLE, str(tmp_path / "absent.py"))
    with pytest.raises(ConfigError, match="absent"):
        Phone()


def test_apps_of_other_distributions_are_found_and_bad_ones_left_out(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outside_books.py").write_text(source, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [
        EntryPoint("books", "outside_books:APP", apps.GROUP),
        EntryPoint("gone", "no_such_module:APP", apps.GROUP),
    ]
    monkeypatch.setattr(apps, "entry_points", lambda group: points)
    apps._installed.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert BOOKS in Phone().apps
        assert "no_such_module" in caplog.text
    finally:
        apps._installed.cache_clear()
