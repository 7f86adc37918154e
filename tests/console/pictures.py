"""Pictures of the console for its documentation and for whoever changes its looks:

python -m tests.console.pictures              # those of docs/console
python -m tests.console.pictures --all DIR    # every screen, 3 widths x 2 themes x 2 languages
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.console.browsing import PHONE, SETTINGS, WIDTHS, Desk, desk, switch_off
from tests.console.serving import Console

REPOSITORY = Path(__file__).parents[2]
QUESTION = (
    "What does the SQLITE_BUSY result code indicate, and how does SQLITE_BUSY differ from "
    "SQLITE_LOCKED?"
)
KEPT = {  # name: (screen, width, theme, language)
    "plan": ("plan", "wide", "light", "en"),
    "report": ("page", "wide", "light", "en"),
    "timeline": ("timeline", "wide", "dark", "en"),
    "runs": ("runs", "middle", "light", "en"),
    "compare": ("compare", "wide", "light", "en"),
    "small": ("plan", "small", "dark", "ko"),
    "inbox": ("inbox", "middle", "light", "en"),
    "phone": ("phone", "wide", "light", "en"),
    "curves": ("curves", "middle", "dark", "en"),
    "panels": ("panels", "middle", "light", "en"),
    "cost": ("cost", "middle", "light", "en"),
    "export": ("export", "middle", "light", "en"),
    "results": ("results", "middle", "light", "en"),
}
PATIENCE = 600.0  # seconds for a step of a run, on a machine with much else to do
LARGEST = 150_000  # bytes of a picture that is kept


def main() -> None:
    every = Path(sys.argv[2]) if sys.argv[1:2] == ["--all"] else None
    out = every or REPOSITORY / "docs/console"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "desk"
        corpus = REPOSITORY / "examples/corpora/sqlite"
        settings = SETTINGS.format(folder=folder).replace(f"{folder}/notes", str(corpus)) + PHONE
        (folder / "docs").mkdir(parents=True)
        (folder / "docs/results").symlink_to(REPOSITORY / "docs/results")
        with desk(folder, settings) as made, phones(folder):
            screens = prepared(made)
            if every is None:
                for name, (screen, *look) in KEPT.items():
                    picture(made, screens[screen], out / f"{name}.png", *look)
            else:
                for (screen, path), *look in product(
                    screens.items(), WIDTHS, ("light", "dark"), ("en", "ko")
                ):
                    picture(made, path, out / f"{'-'.join([screen, *look])}.png", *look)


@contextmanager
def phones(folder: Path) -> Iterator[None]:
    """Switches off those that were started."""
    try:
        yield
    finally:
        switch_off(folder)


def prepared(made: Desk) -> dict[str, str]:
    """Runs to look at, and the address of each screen."""
    operator = made.console.enter()
    done = operator.start(QUESTION)
    until(operator, done, "done")
    fork = operator.command(done, "fork", step=2, text="exclude WAL")["result"]["run"]["id"]
    until(operator, fork, "done")
    asked = operator.start(QUESTION, settings={"approve": True})
    until(operator, asked, "waiting")
    operator.command(asked, "task.add", title="What PRAGMA busy_timeout does")
    operator.command(asked, "steer", text="exclude WAL")
    operator.until(asked, lambda state: len(state["tasks"]) == 3, PATIENCE)
    first = made.events(done, "evidence.added")[1].data
    opened = made.events(done, "todo.changed")[-1].seq
    return {
        "runs": "/",
        "new": "/new",
        "plan": f"/runs/{asked}?pane=plan",
        "page": f"/runs/{done}?evidence={first['id']}:{first['facet']}&pane=evidence",
        "timeline": f"/runs/{done}?tab=timeline&event={opened}",
        "cost": f"/runs/{done}?tab=cost",
        "export": f"/runs/{done}?tab=files",
        "compare": f"/compare?one={done}&two={fork}",
        "inbox": "/inbox",
        "results": "/results",
        "settings": "/settings",
        **trained(operator),
        **phoned(operator),
        **waiting(operator),
    }


def until(operator: Console, run: str, status: str) -> None:
    operator.until(run, lambda state: state["run"]["status"] == status, PATIENCE)


def waiting(operator: Console) -> dict[str, str]:
    """A run whose guard asks."""
    run = operator.start("use the tool", agent="wiper")
    until(operator, run, "waiting")
    return {"guard": f"/runs/{run}"}


def trained(operator: Console) -> dict[str, str]:
    """A run that reports numbers, and has a panel of a plugin's."""
    run = operator.start("train it", agent="trainer")
    operator.until(
        run, lambda state: state.get("metrics", {}).get("loss", {}).get("points", 0) > 50
    )
    operator.command(run, "steer", text="enough")
    until(operator, run, "done")
    return {"curves": f"/runs/{run}?tab=metrics", "panels": f"/runs/{run}?tab=panels"}


def phoned(operator: Console) -> dict[str, str]:
    """A phone's agent that asks before it touches anything."""
    run = operator.start("Turn on airplane mode.", agent="phone")
    until(operator, run, "waiting")
    return {"phone": f"/runs/{run}?tab=screen"}


def picture(made: Desk, path: str, to: Path, width: str, theme: str, language: str) -> None:
    with made.page(path, width=width, theme=theme, language=language) as page:
        settled(page)
        page.screenshot(path=to)
    colours = 256
    while to.stat().st_size > LARGEST and colours >= 16:
        image = Image.open(to).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
        image.save(to, optimize=True)
        colours //= 2


def settled(page: Page) -> None:
    page.locator("main > *").first.wait_for()
    if "evidence=" in page.url:
        page.locator(".page-text mark").wait_for()
    if "tab=screen" in page.url:
        page.locator(".glass .aim").wait_for()
    if "tab=metrics" in page.url:
        page.locator(".curve").first.wait_for()
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    main()
