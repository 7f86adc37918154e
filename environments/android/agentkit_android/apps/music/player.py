"""The player: a queue, one song after the other by the phone's clock, repeat and shuffle."""

from __future__ import annotations

from agentkit_android.apps import media
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.music.app import APP, cover, current, favourites, row, song, standing
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, show
from agentkit_android.screen.views import View

REPEATS = {"off": "Repeat: off", "all": "Repeat: all", "one": "Repeat: one"}


def start(do: Do, entry: int | None, position: float = 0.0, *, runs: bool = True) -> None:
    """Plays an entry of the queue from a position; nothing, where it is None."""
    do.run("DELETE FROM playing")
    if entry is None:
        do.unwake("ended")
        return do.unnotify("player")
    do.run("INSERT INTO playing VALUES (?, ?, ?)", entry, do.now if runs else 0, position)
    now = current(do)
    if now is None:
        return None
    if runs and position == 0:
        do.run("INSERT INTO plays VALUES (?1, 1, ?2) ON CONFLICT (path) DO UPDATE SET"
               " count = count + 1, last = ?2", now.path, do.now)  # fmt: skip
    if runs:
        do.wake("ended", do.now + max(0.5, now.seconds - position), Act("do", "ended"))
    else:
        do.unwake("ended")
    buttons = (("Pause" if runs else "Play", Act("do", "toggle")), ("Next", Act("do", "next")))
    named = tuple((do.t(name), act) for name, act in buttons)
    return do.notify("player", now.title, now.artist, go(".Player"), buttons=named, fixed=runs)


def _queue(do: Do, paths: list[str], path: str) -> None:
    do.run("DELETE FROM queue")
    chosen = None
    for each in paths:
        number = do.run("INSERT INTO queue (path) VALUES (?)", each)
        chosen = number if each == path and chosen is None else chosen
    start(do, chosen)


@APP.on("play")
def play(do: Do) -> None:
    """args: path, and queue: the paths that it stands in."""
    path = str(do.args["path"])
    _queue(do, str(do.args.get("queue") or path).split("\n"), path)


@APP.on("play_mixed")
def play_mixed(do: Do) -> None:
    paths = str(do.args["queue"]).split("\n")
    do.random.shuffle(paths)
    do.prefer("shuffle", "1")
    _queue(do, paths, paths[0])


@APP.opened(".Player")
def opened(do: Do) -> None:
    """With data it plays that file."""
    path = media.path_of(str(do.args.get("data", "")))
    if path and do.exists(path):
        _queue(do, [path], path)


@APP.on("enqueue")
def enqueue(do: Do) -> None:
    path, rest = str(do.args["path"]), []
    if do.args.get("following"):
        at = do.count("SELECT entry FROM playing")
        rest = [str(r["path"]) for r in do.rows("SELECT * FROM queue WHERE _id > ?", at)]
        do.run("DELETE FROM queue WHERE _id > ?", at)
    for each in (path, *rest):
        do.run("INSERT INTO queue (path) VALUES (?)", each)
    if current(do) is None:
        start(do, do.count("SELECT min(_id) FROM queue"), runs=False)
    do.toast(do.t("Added to the queue"))


@APP.on("toggle")
def toggle(do: Do) -> None:
    at, plays = standing(do)
    if current(do) is not None:
        start(do, do.count("SELECT entry FROM playing"), at, runs=not plays)


def _beside(see: See, step: int) -> int | None:
    """The entry after or before the one that plays; None at an end."""
    at = see.count("SELECT entry FROM playing")
    how = ("min", ">") if step > 0 else ("max", "<")
    found = see.one(f"SELECT {how[0]}(_id) FROM queue WHERE _id {how[1]} ?", at)
    if found is None and see.preference("repeat", "off") == "all":
        found = see.one(f"SELECT {'min' if step > 0 else 'max'}(_id) FROM queue")
    return None if found is None else int(str(found))


@APP.on("next")
def following(do: Do) -> None:
    if (entry := _beside(do, 1)) is not None:
        start(do, entry)


@APP.on("previous")
def previous(do: Do) -> None:
    """Back to the beginning, or from there to the song before."""
    at, plays = standing(do)
    entry = _beside(do, -1) if at < 4 else None
    start(do, entry or do.count("SELECT entry FROM playing"), runs=plays or entry is not None)


@APP.on("ended")
def ended(do: Do) -> None:
    """A song is over: what comes then."""
    now = current(do)
    if do.preference("repeat", "off") == "one" and now:
        return start(do, do.count("SELECT entry FROM playing"))
    if (entry := _beside(do, 1)) is not None:
        return start(do, entry)
    if now:
        return start(do, do.count("SELECT entry FROM playing"), now.seconds, runs=False)
    return start(do, None)


@APP.on("seek")
def seek(do: Do) -> None:
    now = current(do)
    if now:
        at = float(str(do.args["value"])) * now.seconds
        start(do, do.count("SELECT entry FROM playing"), at, runs=standing(do)[1])


@APP.on("repeat")
def repeat(do: Do) -> None:
    order = list(REPEATS)
    now = do.preference("repeat", "off")
    do.prefer("repeat", order[(order.index(now) + 1) % len(order)])


@APP.on("shuffle")
def shuffle(do: Do) -> None:
    """On: what is still to come is mixed. Off: it is put in order of titles."""
    on = do.preference("shuffle", "0") != "1"
    do.prefer("shuffle", "1" if on else "0")
    at = do.count("SELECT entry FROM playing")
    rest = [str(r["path"]) for r in do.rows("SELECT path FROM queue WHERE _id > ?", at)]
    if on:
        do.random.shuffle(rest)
    else:
        rest.sort(key=lambda path: song(do, path).title.casefold())
    do.run("DELETE FROM queue WHERE _id > ?", at)
    for path in rest:
        do.run("INSERT INTO queue (path) VALUES (?)", path)


@APP.screen(".Player")
def player(see: See) -> View:
    now = current(see)
    if now is None:
        return ui.page(see.t("Now playing"), ui.empty(see.t("Nothing is playing"), "music-note"))
    at, plays = standing(see)
    liked = now.path in favourites(see)
    art = View("column", children=(cover(now.album or now.artist, 264),), centred=True,
               padding=(24, 24, 24, 24))  # fmt: skip
    names = View("column", centred=True, padding=(24, 0, 24, 8), children=(
        ui.text(now.title, "headline", centred=True, resource="song_title"),
        ui.text(now.artist or see.t("Unknown artist"), "body", "on-surface-variant", centred=True),
    ))  # fmt: skip
    times = View("row", padding=(24, 0, 24, 0), children=(
        ui.text(media.minutes(at), resource="position"),
        View("text", text=media.minutes(now.seconds), width=-1, resource="duration"),
    ))  # fmt: skip
    toggle = View(
        "icon", icon="pause" if plays else "play", width=64, height=64, corner=32, fill="primary",
        colour="on-primary", description=see.t("Pause" if plays else "Play"), tap=do("toggle"),
        resource="play_pause",
    )  # fmt: skip
    how = see.preference("repeat", "off")
    mixed = see.preference("shuffle", "0") == "1"
    tint = "primary" if mixed else "on-surface-variant"
    buttons = View("row", padding=(8, 16, 8, 16), children=(
        ui.icon("shuffle", see.t("Shuffle: on" if mixed else "Shuffle: off"), do("shuffle"),
                colour=tint), ui.space(None),
        ui.icon("skip-previous", see.t("Previous"), do("previous")), ui.space(None), toggle,
        ui.space(None), ui.icon("skip-next", see.t("Next"), do("next")), ui.space(None),
        ui.icon("repeat-once" if how == "one" else "repeat", see.t(REPEATS[how]), do("repeat"),
                colour="on-surface-variant" if how == "off" else "primary"),
    ))  # fmt: skip
    heart = "Remove from favourites" if liked else "Add to favourites"
    actions = (
        ui.icon("heart" if liked else "heart-outline", see.t(heart), do("like", path=now.path)),
        ui.icon("playlist-plus", see.t("Add to playlist"), show("add", path=now.path)),
        ui.icon("playlist-music", see.t("Queue"), go(".Queue")),
    )  # fmt: skip
    bar = ui.seek(at / now.seconds if now.seconds else 0, do("seek"), see.t("Position"))
    return ui.page(see.t("Now playing"), art, names, bar, times, buttons, actions=actions)


@APP.screen(".Queue")
def queue(see: See) -> View:
    at = see.count("SELECT entry FROM playing")
    rows = []
    for one in see.rows("SELECT * FROM queue ORDER BY _id"):
        number, each = one["_id"], song(see, one["path"])
        away = ui.icon(
            "close", see.t("Remove {title}", title=each.title), do("unqueue", entry=number)
        )
        rows.append(row(see, each, do("jump", entry=number), trail=away, plays=number == at))
    clear = ui.button(see.t("Clear"), do("clear_queue"), kind="text", resource="clear")
    none = ui.empty(see.t("Nothing is playing"), "music-note")
    return ui.page(see.t("Queue"), *(rows or [none]), actions=(clear,) if rows else ())


@APP.on("jump")
def jump(do: Do) -> None:
    start(do, do.arg("entry"))


@APP.on("unqueue")
def unqueue(do: Do) -> None:
    entry = do.arg("entry")
    if do.count("SELECT entry FROM playing") == entry:
        start(do, _beside(do, 1))
    do.run("DELETE FROM queue WHERE _id = ?", entry)


@APP.on("clear_queue")
def clear(do: Do) -> None:
    start(do, None)
    do.run("DELETE FROM queue")
