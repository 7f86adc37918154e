"""Where people's flows and profiles are kept: one SQLite file in the user's data folder.

Every change of a profile is a version of its own; one that does not fit the shape leaves the last
one in force. Nothing of it leaves the machine from here.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agentkit.errors import DataError, StoreError, UsageError
from agentkit.files import data_dir
from agentkit_color_agent.person.profile import Flow, Preference, Profile, implied

VERSION = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS flows (
    person TEXT NOT NULL, id TEXT NOT NULL, flow TEXT NOT NULL, added REAL NOT NULL,
    PRIMARY KEY (person, id)
);
CREATE TABLE IF NOT EXISTS profiles (
    person TEXT NOT NULL, version INTEGER NOT NULL, profile TEXT NOT NULL, cause TEXT NOT NULL,
    made REAL NOT NULL, PRIMARY KEY (person, version)
);
CREATE TABLE IF NOT EXISTS unwanted (
    person TEXT NOT NULL, preference TEXT NOT NULL, PRIMARY KEY (person, preference)
);
"""


class People:
    """All people that this user's machine knows."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "people.db"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path} cannot be opened: {error}") from error
        try:
            self.path.chmod(0o600)
            (known,) = db.execute("PRAGMA user_version").fetchone()
            if known > VERSION:
                raise StoreError(f"{self.path} is of a newer version", "update agentkit")
            db.executescript(_TABLES)
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"{self.path} cannot be used: {error}",
                "move it away; what people did is in their runs still",
            ) from error
        finally:
            db.close()

    # -- reading ----------------------------------------------------------------------------------

    def known(self) -> list[str]:
        with self._open() as db:
            found = db.execute("SELECT person FROM flows UNION SELECT person FROM profiles")
            return sorted(str(p) for (p,) in found)

    def flows(self, person: str) -> list[Flow]:
        _named(person)
        with self._open() as db:
            return _flows(db, person)

    def profile(self, person: str) -> Profile:
        """The version in force; an empty one where nothing is known."""
        _named(person)
        with self._open() as db:
            return _profile(db, person)

    def history(self, person: str) -> list[tuple[int, str, float]]:
        """Versions: number, cause, when."""
        with self._open() as db:
            rows = "SELECT version, cause, made FROM profiles WHERE person = ? ORDER BY version"
            return [(int(v), str(c), float(t)) for v, c, t in db.execute(rows, (person,))]

    def export(self, person: str) -> dict[str, Any]:
        """All that is kept about somebody, as JSON."""
        return {
            "person": person,
            "profile": self.profile(person).model_dump(mode="json"),
            "flows": [f.model_dump(mode="json") for f in self.flows(person)],
            "versions": self.history(person),
        }

    # -- changing ---------------------------------------------------------------------------------

    def learn(self, person: str, goal: str, steps: Sequence[str], source: str = "") -> Flow:
        """Keeps what somebody did, and what it says about them."""
        _named(person)
        text = json.dumps([goal, list(steps)], ensure_ascii=False)
        name = hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
        try:
            flow = Flow(id=name, goal=goal, steps=tuple(steps), source=source)
            with self._open() as db:
                row = (person, name, flow.model_dump_json(), time.time())
                db.execute("INSERT OR REPLACE INTO flows VALUES (?, ?, ?, ?)", row)
                self._learned(db, person, f"learned from {source or 'a demonstration'}")
        except ValidationError as error:
            raise DataError(f"that is no flow: {_first_fault(error)}", "nothing was kept") from None
        return flow

    def say(self, person: str, preference: Preference, cause: str = "said by the person") -> None:
        """Keeps what a person says about themselves; in place of one with the same id."""
        _named(person)
        with self._open() as db:
            now = _profile(db, person)
            kept = tuple(p for p in now.preferences if p.id != preference.id)
            db.execute("DELETE FROM unwanted WHERE person = ? AND preference = ?",
                       (person, preference.id))  # fmt: skip
            made = Profile(person=person, preferences=(*kept, preference))
            _put(db, made, cause)

    def put(self, person: str, text: str, cause: str = "edited") -> Profile:
        """A whole profile in place of the one in force.

        Raises:
            DataError: it is no profile; the last one stays in force.
        """
        try:
            made = Profile.model_validate_json(text)
            if made.person != person:
                raise ValueError(f"it is {made.person}'s")
        except ValidationError as error:
            raise DataError(
                f"that is no profile: {_first_fault(error)}", "the last version stays in force"
            ) from None
        except ValueError as error:
            raise DataError(f"that is no profile of {person}: {error}", "name them") from None
        with self._open() as db:
            old = set(_profile(db, person).preferences)
            # What was changed by hand is said by the person now, not taught by flows.
            kept = tuple(
                p if p in old else p.model_copy(update={"flows": ()}) for p in made.preferences
            )
            made = Profile(person=person, preferences=kept)
            _put(db, made, cause)
        return made

    def forget_preference(self, person: str, preference: str) -> None:
        """It has no effect any more, also where flows would teach it again."""
        with self._open() as db:
            now = _profile(db, person)
            if preference not in {p.id for p in now.preferences}:
                known = ", ".join(p.id for p in now.preferences) or "none"
                raise UsageError(f"{person} has no preference {preference!r}", f"known: {known}")
            db.execute("INSERT OR IGNORE INTO unwanted VALUES (?, ?)", (person, preference))
            kept = tuple(p for p in now.preferences if p.id != preference)
            _put(db, Profile(person=person, preferences=kept), f"without {preference}")

    def forget_flow(self, person: str, flow: str) -> None:
        """What it alone taught goes with it."""
        with self._open() as db:
            if flow not in {f.id for f in _flows(db, person)}:
                raise UsageError(f"{person} has no flow {flow!r}", "agentkit person show NAME")
            db.execute("DELETE FROM flows WHERE person = ? AND id = ?", (person, flow))
            self._learned(db, person, f"without the flow {flow}")

    def forget(self, person: str) -> None:
        """Everything about somebody, older versions too."""
        with self._open() as db:
            for table in ("flows", "profiles", "unwanted"):
                db.execute(f"DELETE FROM {table} WHERE person = ?", (person,))

    def _learned(self, db: sqlite3.Connection, person: str, cause: str) -> None:
        now = _profile(db, person)
        said = [p for p in now.preferences if not p.flows]
        made = implied(person, _flows(db, person), said)
        rows = db.execute("SELECT preference FROM unwanted WHERE person = ?", (person,))
        unwanted = {str(p) for (p,) in rows}
        kept = tuple(p for p in made.preferences if p.id not in unwanted)
        if kept != now.preferences:
            _put(db, Profile(person=person, preferences=kept), cause)


def _named(person: str) -> None:
    if not re.fullmatch(r"[\w.-]{1,64}", person):
        raise UsageError(f"{person[:80]!r} is no name", "letters, digits, and . _ - within")


def _flows(db: sqlite3.Connection, person: str) -> list[Flow]:
    rows = db.execute("SELECT flow FROM flows WHERE person = ? ORDER BY added, id", (person,))
    return [Flow.model_validate_json(text) for (text,) in rows]


def _profile(db: sqlite3.Connection, person: str) -> Profile:
    rows = "SELECT profile FROM profiles WHERE person = ? ORDER BY version DESC"
    for (text,) in db.execute(rows, (person,)):
        try:
            return Profile.model_validate_json(text)
        except ValidationError:
            continue  # one that was damaged on disk; the last good one stays in force
    return Profile(person=person)


def _put(db: sqlite3.Connection, profile: Profile, cause: str) -> None:
    (last,) = db.execute(
        "SELECT COALESCE(MAX(version), 0) FROM profiles WHERE person = ?", (profile.person,)
    ).fetchone()
    row = (profile.person, last + 1, profile.model_dump_json(), cause, time.time())
    db.execute("INSERT INTO profiles VALUES (?, ?, ?, ?, ?)", row)


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
