"""The commands as they are typed, from prompts to a router that is used over HTTP."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openai import OpenAI

import agentkit
from agentkit.cli.app import build
from agentkit.serve.app import Api, Limits
from agentkit.serve.served import Served
from agentkit.serve.server import Server
from agentkit_lookahead.synthetic import SMALL, pool

pytestmark = pytest.mark.slow

TOML = """
[models.maths]
use = "calculator"

[models.writer]
use = "scripted"
answers = ["as you wish: river, stone, def f(x): return x"]

[models.auto]
use = "lookahead"
candidates = ["maths", "writer"]
checkpoint = "routers/own"
budget = 60
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "agentkit.toml").write_text(TOML)
    rows = [
        {"prompt": row.text, "answer": "as you wish", "set": row.set}
        if row.set != "sum"
        else {
            "prompt": row.text,
            "answer": row.outcomes[0].response,
            "set": "sum",
            "check": "number",
        }
        for row in pool(90).rows
    ]
    unique = {r["prompt"]: r for r in rows}.values()
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(r) + "\n" for r in unique))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*arguments: str) -> Result:
    return CliRunner().invoke(build(), ["route", *arguments])


@pytest.mark.slow
def test_from_prompts_to_an_endpoint(folder: Path) -> None:
    collected = said("collect", "auto", "prompts.jsonl")
    assert collected.exit_code == 0, collected.output
    assert "maths\t0%\t0%\t100%" in collected.stdout or "maths" in collected.stdout
    again = said("collect", "auto", "prompts.jsonl")
    assert again.stdout == collected.stdout
    pairs = [f"--set={k}={v}" for k, v in SMALL.items()]
    trained = said("train", "auto", *pairs, "--set", "steps=50")
    assert trained.exit_code == 0, trained.output
    assert (folder / "routers" / "own" / "router.json").exists()
    assert not [p for p in (folder / "routers").iterdir() if p.name.startswith(".")]

    judged = said("eval", "auto", "--json")
    cards = json.loads(judged.stdout)
    assert {"lookahead", "oracle", "task_lookup", "tfidf_lr", "best fixed"} <= cards.keys()
    assert cards["oracle"]["mu"] == pytest.approx(100) and cards["lookahead"]["mu"] > 80

    told = said("explain", "auto", "What is 31 plus 57 in total?")
    assert told.stdout.startswith("maths: foreseen"), told.output
    plain = json.loads(said("explain", "auto", "Spell the word river backwards", "--json").stdout)
    assert plain["model"] == "writer" and plain["foreseen"]["writer"]

    with agentkit.load() as kit:
        server = Server(Api(Served(kit, ["auto"]), "token", Limits()), "127.0.0.1", 0, drain=5)
        thread = threading.Thread(target=server.serve_here, daemon=True)
        thread.start()
        try:
            _asked(server, thread)
        finally:
            server.stop()
            server.stop()
            thread.join(30)


def _asked(server: Server, thread: threading.Thread) -> None:
    """32 streams at once, and messages of every form, through the official client."""
    import time

    while not server.started and thread.is_alive():
        time.sleep(0.01)
    client = OpenAI(base_url=server.url, api_key="token", max_retries=0)
    sums = {"role": "user", "content": [{"type": "text", "text": "What is 31 plus 57 in total?"}]}
    made = client.chat.completions.create(model="auto", messages=[sums])  # type: ignore[list-item]
    assert made.choices[0].message.content == "88"
    assert made.model_extra is not None and made.model_extra["agentkit"]["path"] == [
        "auto",
        "maths",
    ]
    empty = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": ""}])
    assert empty.choices[0].finish_reason == "stop"
    found: list[str] = []

    def stream(number: int) -> None:
        text = f"What is {number} plus 57 in total?"
        pieces = client.chat.completions.create(
            model="auto", messages=[{"role": "user", "content": text}], stream=True
        )
        found.append("".join(p.choices[0].delta.content or "" for p in pieces if p.choices))

    threads = [threading.Thread(target=stream, args=(n,)) for n in range(10, 42)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(found) == sorted(str(n + 57) for n in range(10, 42))


def test_what_is_wrong_is_said_in_a_line(folder: Path) -> None:
    for arguments, words in (
        (("train", "auto", "--rows", "nowhere.jsonl"), "cannot be read"),
        (("train", "maths"), "is no router"),
        (("explain", "auto", "x"), "holds no router"),
        (("collect", "auto"), "no prompts were named"),
        (("train", "auto", "--set", "stepps=3"), "stepps"),
    ):
        done = said(*arguments)
        assert done.exit_code != 0 and words in f"{done.output}{done.exception}", done.output
