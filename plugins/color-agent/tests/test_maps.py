"""Maps of apps: pages, exploring, and the way to what a goal names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from color_phones import agentkit
from color_told import Told

from agentkit.cli.app import build
from agentkit.errors import DataError, UsageError
from agentkit.kit import Kit
from agentkit_color_agent import asking
from agentkit_color_agent.device import Phone, as_phone
from agentkit_color_agent.maps import map as maps
from agentkit_color_agent.maps.exploring import draw
from agentkit_color_agent.maps.guide import Aim, Guide, terms
from agentkit_color_agent.maps.map import AppMap, Label, Page, shipped
from agentkit_color_agent.teaching import Teaching

MUSIC, NOTES, HOME = "org.music", "org.notes", "org.home"
DONE = '{"kind":"finish","status":"success"}'


def screen(app: str, *some: tuple[str, str], activity: str = ".Main") -> dict[str, Any]:
    """One as an observation's data has it."""
    shown = [{"role": role, "label": label, "clickable": True, "bounds": [0, n, 9, n + 1]}
             for n, (role, label) in enumerate(some)]  # fmt: skip
    return {"package": app, "activity": activity, "elements": shown}


SONGS = (("icon", "More options"), ("icon", "Search"), ("icon", "Shuffle"), ("row", "Playlists"))
LISTS = (("icon", "New playlist"), ("icon", "More options"), ("icon", "Sort"), ("row", "Road trip"))
ONE = (("icon", "Add songs"), ("icon", "Rename playlist"), ("icon", "Navigate up"))
NOTE = (("icon", "New note"), ("field", "Search notes"), ("switch", "Dark theme"))


def page(app: str, name: str, some: tuple[tuple[str, str], ...], activity: str) -> Page:
    return Page(app, name, f"{app}{activity}", (), {Label(*one) for one in some})


@pytest.fixture
def drawn() -> AppMap:
    """Music: songs lead to playlists, a playlist to its own page; and notes."""
    made = AppMap(
        [
            page(MUSIC, "Music", SONGS, ".Main"),
            page(MUSIC, "Music", LISTS[:3], ".Lists"),
            page(MUSIC, "Music", ONE, ".One"),
            page(NOTES, "Notes", NOTE, ".Main"),
        ]
    )
    made.pages[0].first = made.pages[3].first = True
    made.pages[0].leads = {Label("row", "Playlists"): 1}
    made.pages[1].lists = {"row": 2}
    made.pages[2].leads = {Label("icon", "Navigate up"): 1}
    for number in range(8):  # a word says the more, the fewer apps have it
        made.add(page(f"org.other{number}", "Other", (("icon", "Help"),), ".Main"))
    return made


# -- pages ----------------------------------------------------------------------------------------


def test_a_page_is_the_same_whoever_owns_what_stands_there(drawn: AppMap) -> None:
    mine = screen(MUSIC, *LISTS[:3], ("row", "Road trip"), activity=".Lists")
    others = screen(MUSIC, *LISTS[:3], ("row", "Sleep"), ("row", "Run"), activity=".Lists")
    assert drawn.find(mine) == drawn.find(others) == 1
    assert drawn.find(screen(MUSIC, *ONE, activity=".Lists")) is None
    assert drawn.find(screen("org.other", *LISTS)) is None


def test_days_and_numbers_are_no_part_of_a_page() -> None:
    seen = screen(MUSIC, ("text", "12 songs"), ("row", "Tue, 4 events"), ("icon", "New"))
    seen["elements"][1]["selected"] = True
    assert maps.labels(seen) == {Label("row", "Tue"), Label("icon", "New")}
    assert maps.selected(seen) == ()  # a row that is chosen, below the others
    seen["elements"].append({**seen["elements"][1], "label": "Wed", "selected": False})
    assert maps.selected(seen) == ("Tue",)
    seen["elements"][1]["label"] = "4 May"
    assert maps.selected(seen) == ()


def test_a_map_comes_back_as_it_was_written(drawn: AppMap, tmp_path: Path) -> None:
    maps.keep(drawn, tmp_path / "map.json")
    again = maps.load(tmp_path / "map.json")
    assert again is not None and again.pages == drawn.pages
    assert maps.load(tmp_path / "none.json") is None


@pytest.mark.parametrize("change", [
    {"version": 2}, {"pages": 3}, {"pages": [{"app": "x"}]}, {"pages": [{"leads": {"row A": 9}}]},
])  # fmt: skip
def test_what_is_no_map_is_told(drawn: AppMap, tmp_path: Path, change: dict[str, Any]) -> None:
    plain = json.loads(drawn.written())
    if isinstance(change.get("pages"), list) and "leads" in change["pages"][0]:
        change = {"pages": [{**plain["pages"][0], **change["pages"][0]}]}
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({**plain, **change}))
    with pytest.raises(DataError, match=r"bad\.json is no map of apps"):
        maps.load(path)


def test_an_app_is_left_out_with_all_that_leads_to_it(drawn: AppMap) -> None:
    made, before = drawn.without(NOTES), drawn.written()
    assert NOTES not in made.apps() and len(made.pages) == len(drawn.pages) - 1
    assert drawn.without(MUSIC).pages[0].leads == {} and drawn.written() == before


# -- the way --------------------------------------------------------------------------------------


def follow(guide: Guide, goal: str, *seen: dict[str, Any]) -> list[str]:
    """What is told on these screens, each done as told."""
    aim, told, history = guide.aim(goal), [], list[str]()
    assert aim is not None
    for one in seen:
        line, aim = guide.next(aim, goal, one, history)
        told.append(line)
        history += [line] if line else []
    return told


def test_the_way_leads_to_the_control_that_the_goal_names(drawn: AppMap) -> None:
    told = follow(
        Guide(drawn),
        "Make an empty playlist “Sunday”",
        screen(HOME),
        screen(MUSIC, *SONGS),
        screen(MUSIC, *LISTS, activity=".Lists"),
        screen(MUSIC, *LISTS, activity=".Lists"),
    )
    assert told == [f'open "{MUSIC}"', 'tap row "Playlists"', 'tap icon "New playlist"', ""]


def test_the_entry_of_a_list_is_the_one_that_the_goal_names(drawn: AppMap) -> None:
    guide, goal = Guide(drawn), "Rename the playlist Road trip to “Away”"
    lists = screen(MUSIC, *LISTS[:3], ("row", "Sleep"), ("row", "Road trip, 4"), activity=".Lists")
    assert follow(guide, goal, lists) == ['tap row "Road trip, 4"']
    assert follow(guide, goal, screen(MUSIC, *LISTS[:3], activity=".Lists")) == [""]
    back = screen(MUSIC, *ONE[:1], *ONE[2:], activity=".One")
    assert follow(guide, goal, back) == [""]  # what leads back is on no way


def test_what_is_filled_in_or_switched_is_left_to_the_operator(drawn: AppMap) -> None:
    notes = screen(NOTES, *NOTE)
    assert follow(Guide(drawn), "Switch on the dark theme", screen(HOME), notes) == [
        f'open "{NOTES}"', "",
    ]  # fmt: skip


def test_where_the_map_cannot_tell_nothing_is_told(drawn: AppMap) -> None:
    guide = Guide(drawn)
    assert guide.aim("Order a pizza") is None and guide.aim("") is None
    assert Guide(AppMap()).aim("Make an empty playlist") is None
    assert guide.aim("Write to “New playlist”") is None  # quoted: the owner's own words
    assert guide.aim("Call Mia Songs") is None  # a name


def test_an_app_that_the_operator_chose_is_its_own_affair(drawn: AppMap) -> None:
    guide, goal = Guide(drawn), "Make an empty playlist"
    aim = guide.aim(goal)
    assert aim is not None
    history = ['open "org.notes"']
    assert guide.next(aim, goal, screen(NOTES, *NOTE), history)[0] == ""
    assert guide.next(aim, goal, screen(NOTES, *NOTE), history, astray=True)[0]
    was_there = Aim(**{**aim, "inside": True})  # type: ignore[typeddict-item]
    assert guide.next(was_there, goal, screen(NOTES, *NOTE), [])[0] == ""


def test_words_are_read_as_one() -> None:
    assert terms("Create the e-mails") == terms("Add Email")
    assert terms("the 3 of 4") == []


# -- exploring ------------------------------------------------------------------------------------


@pytest.fixture
def real(phone: Teaching) -> Phone:
    return as_phone(phone, "phone")


@pytest.mark.slow
def test_exploring_draws_what_is_shipped_and_changes_nothing(real: Phone) -> None:
    """So does whoever draws the map that comes with the plugin anew."""
    before = real.observe().data["elements"]
    told: list[tuple[str, int]] = []
    made = draw(real, AppMap(), ["Tasks"], tell=lambda name, pages: told.append((name, pages)))
    assert told == [("Tasks", len(made.pages))] and len(made.pages) > 4
    own = [p for p in shipped().pages if p.name == "Tasks"]
    assert [(p.place, p.labels) for p in made.pages] == [(p.place, p.labels) for p in own]
    real.step(_action(real, "button", button="home"))
    assert real.observe().data["elements"] == before


@pytest.mark.slow
def test_a_phone_that_cannot_be_put_back_is_treated_with_care(
    real: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing sensitive is touched, and the ways are found by going them again."""
    touched: list[str] = []
    step = real.step

    def watched(action: Any) -> Any:
        seen = real.observe().data
        touched.append(asking.sensitive(action.model_dump(), seen))
        return step(action)

    monkeypatch.setattr(real, "step", watched)
    monkeypatch.setattr(real, "restore", None)
    made = draw(real, AppMap(), ["Clock"], put_back=False)
    assert touched and not any(touched)
    assert {"Timer", "Stopwatch"} <= {s for p in made.pages for s in p.selected}
    assert len(made.pages) >= 8


@pytest.mark.slow
def test_exploring_goes_on_where_it_was_broken_off(real: Phone) -> None:
    kept: list[AppMap] = []
    first = draw(real, AppMap(), ["Files"], keep=kept.append)
    assert kept == [first] or kept[-1].pages == first.pages
    told: list[str] = []

    class Enough(Exception):
        pass

    def tell(name: str, pages: int) -> None:
        told.append(name)
        if len(told) == 2:
            raise Enough

    with pytest.raises(Enough):
        draw(real, first, most=2, keep=kept.append, tell=tell)
    assert "Files" not in told and len(kept[-1].apps()) == 3
    with pytest.raises(UsageError, match="no app 'Toaster'"):
        draw(real, first, ["Toaster"])


def _action(phone: Phone, kind: str, **fields: Any) -> Any:
    from agentkit_color_agent import acts

    return acts.made({"kind": kind, **fields}, phone.info.actions)


# -- in use ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_operator_is_told_the_way_where_no_tip_tells_it(kit: Kit, told: Told) -> None:
    agent = told.agent('{"kind":"open","app":"Music"}', DONE, DONE, DONE, knowledge=True)
    run = told.run("Have all playlists in the music app sorted by length", agent)
    asked = told.prompts()
    assert 'Note: way: open "com.android.music"' in asked[0]
    used = [e.data for e in kit.runs.tail(run.id, kinds=("map.used",))]
    assert used and used[0]["app"] == "com.android.music"
    for settings in ({"maps": False}, {"knowledge": False}):
        off = told.agent(DONE, DONE, DONE, **{"knowledge": True, **settings})
        told.run("Have all playlists in the music app sorted by length", off)
        assert "way:" not in "".join(told.prompts())
    known = told.agent(DONE, DONE, DONE, knowledge=True)
    told.run("Turn on airplane mode", known)
    assert "tip:" in told.prompts()[0] and "way:" not in told.prompts()[0]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder of somebody whose folder has a phone in this process."""
    monkeypatch.setenv("AGENTKIT_DATA", str(tmp_path / "data"))
    (tmp_path / "agentkit.toml").write_text(
        '[environments.phone]\nuse = "android"\nwhere = "inside"\npicture = false\n'
    )
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "data"


@pytest.mark.slow
def test_the_owner_draws_a_map_and_the_agent_follows_it(home: Path) -> None:
    apart = agentkit("color", "map", "--apps", "Tasks,Files", "--most", "3", "--out", "own.json")
    assert apart.returncode == 0, apart.stderr
    assert "own.json: 6 pages of 2 apps" in apart.stdout and "Tasks: 3 pages" in apart.stderr
    assert set(AppMap.read(Path("own.json").read_text()).apps().values()) == {"Tasks", "Files"}
    path = home / "maps" / "phone.json"
    asked = agentkit("color", "map", "--apps", "Tasks", "--most", "3")
    assert f"{path}:" in asked.stdout and "18 apps" in asked.stdout  # the others as shipped
    text = path.read_text()
    assert sum(p.name == "Tasks" for p in AppMap.read(text).pages) == 3
    assert "nothing is drawn anew" in agentkit("color", "map").stderr
    wrong = agentkit("color", "map", "--apps", "Toaster")
    assert wrong.returncode == 2 and "no app 'Toaster'" in wrong.stderr
    assert path.read_text() == text
    path.write_text("{")
    broken = agentkit("run", "color", "Sort all my playlists by length")
    assert broken.returncode and "phone.json is no map of apps" in broken.stderr


@pytest.mark.slow
def test_a_real_phone_is_asked_for_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated one says here that it is none."""
    from agentkit_android.env.environment import AndroidEnvironment

    monkeypatch.setattr(AndroidEnvironment, "is_simulated", property(lambda self: False))
    no = CliRunner().invoke(build(), ["color", "map", "--apps", "Tasks"], input="n\n")
    assert no.exit_code == 1 and "Go on?" in no.output
    assert not (home / "maps").exists()


def test_the_map_that_comes_with_it_has_every_app() -> None:
    made = shipped()
    assert len(made.apps()) == 18 and len(made.pages) > 200
    for app in made.apps():
        assert [p.app for p in made.pages if p.first].count(app) == 1
