"""What the parts of the recorder share: the recordings that exist."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own

PACKAGE = "com.android.soundrecorder"
MICROPHONE = "android.permission.RECORD_AUDIO"
FOLDER = "Recordings"
SCHEMA = """
CREATE TABLE recording (began INTEGER NOT NULL, gathered INTEGER NOT NULL DEFAULT 0);
CREATE TABLE playing (path TEXT NOT NULL, began INTEGER NOT NULL, position REAL NOT NULL);
"""
RATES = {"8000": "Voice (8 kHz)", "16000": "High (16 kHz)"}
SORTS = {"new": "Newest first", "old": "Oldest first", "name": "Name", "long": "Longest first"}
MAX_SECONDS = 3600
APP = App(
    PACKAGE, "Recorder", "#BA1A1A", icon="microphone", schema=SCHEMA, permissions=(MICROPHONE,),
    strings=own("recorder"),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    do.make_folder(FOLDER)


def recordings(see: See) -> list[tuple[str, float, int]]:
    """(path, seconds, changed when) of those that exist, in the order that is wished."""
    found = [
        (path, media.sound(see.read(path)).seconds, when)
        for path, _, when in see.walk(FOLDER)
        if path.lower().endswith(media.SOUNDS)
    ]
    keys = {
        "new": lambda r: (-r[2], r[0]), "old": lambda r: (r[2], r[0]),
        "name": lambda r: r[0].casefold(), "long": lambda r: (-r[1], r[0]),
    }  # fmt: skip
    return sorted(found, key=keys.get(see.preference("sort", "new"), keys["new"]))


def title(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]
