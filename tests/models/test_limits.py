"""Limits: contexts, memory for keys and values, cancelling in mid-batch, many callers at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import (
    CallContext,
    Cancel,
    Delta,
    Draw,
    Grammar,
    LanguageModel,
    Request,
    Tokens,
)
from agentkit.errors import BudgetExceeded, ContextOverflow
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.settings import Settings
from agentkit.testing.tiny import tiny_model_folder
from tests.models.folders import other_family_folder

pytestmark = pytest.mark.slow  # long prompts and batches

LETTERS = Grammar("regex", "[a-z]{70}")


@pytest.fixture(scope="module", params=["engine", "plain"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiny") / "model"
    tiny_model_folder(made) if request.param == "engine" else other_family_folder(made)
    return made


def opened(folder: Path, **settings: Any) -> LanguageModel:
    kit = Kit(Host.load(), Settings())
    kit.define("model", "tiny", use="transformers", model=str(folder), dtype="fp32", **settings)
    return kit.model("tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> LanguageModel:
    return opened(folder)


def ask(text: str = "hello", seed: int = 0, **settings: Any) -> Request:
    made = {"max_tokens": 20, "temperature": 1.0, "context": CallContext(seed=seed), **settings}
    return Request.of(text, **made)


def test_a_prompt_longer_than_the_context(model: LanguageModel) -> None:
    told: list[Delta] = []
    with pytest.raises(ContextOverflow, match=r"do not fit a context of 1024") as caught:
        model.generate([ask(), ask("x" * 3000)], on_delta=told.append)
    assert caught.value.details["limit"] == 1024 and caught.value.details["got"] > 3000
    assert not told and caught.value.hint
    with pytest.raises(ContextOverflow, match="and 1020 new ones"):
        model.generate([ask(max_tokens=1020)])
    assert model.generate([ask()])[0].finish in ("stop", "length")


def test_cancelling_in_mid_batch(model: LanguageModel) -> None:
    """More rows than are decoded together: those that wait end, too, and nothing is lost."""
    wanted = model.generate([ask(seed=n, grammar=LETTERS, max_tokens=60) for n in range(3)])
    asked = [ask(seed=n, grammar=LETTERS, max_tokens=60) for n in range(20)]
    cancel, told = Cancel(), [""] * 20

    def hear(delta: Delta) -> None:
        told[delta.index] += delta.text
        if len(told[0]) >= 5:
            cancel.set()

    made = model.generate(asked, on_delta=hear, cancel=cancel)
    assert [c.finish for c in made] == ["cancelled"] * 20
    assert [c.text for c in made] == told and 5 <= len(made[0].text) < 60
    for one, whole in zip(made, wanted):
        assert whole.ids[: len(one.ids)] == one.ids
    assert model.generate(asked[:1])[0].ids == wanted[0].ids, "the model works on"


def test_many_threads_at_once(model: LanguageModel) -> None:
    """Answers, refusals and cancellations side by side; each caller gets its own."""
    wanted = {n: model.generate([ask(f"prompt {n}", seed=n)])[0].ids for n in range(6)}
    faults: list[BaseException] = []

    def answered(n: int) -> None:
        assert model.generate([ask(f"prompt {n}", seed=n)])[0].ids == wanted[n]

    def refused(_: int) -> None:
        with pytest.raises(ContextOverflow):
            model.generate([ask("x" * 2000)])

    def cancelled(n: int) -> None:
        cancel = Cancel()
        long = ask(seed=n, grammar=LETTERS, max_tokens=60)
        made = model.generate([long], on_delta=lambda _: cancel.set(), cancel=cancel)
        assert made[0].finish == "cancelled"

    def guarded(work: Callable[[int], None], n: int) -> None:
        try:
            work(n)
        except BaseException as error:
            faults.append(error)

    threads = [
        threading.Thread(target=guarded, args=(work, n))
        for n in range(6)
        for work in (answered, refused, cancelled)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


# -- memory: the engine's own ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose keys and values fill a mebibyte with 256 tokens."""
    return tiny_model_folder(tmp_path_factory.mktemp("wide") / "model", layers=8)


def test_a_prompt_that_the_memory_cannot_hold(wide: Path) -> None:
    model = opened(wide, kv_memory=1)
    good = ask("hello", seed=1)
    wanted = model.generate([good])[0].ids
    made = model.generate([good, ask("x" * 900), good])
    assert [c.finish == "error" for c in made] == [False, True, False]
    assert "MiB" in made[1].error and "raise kv_memory" in made[1].error
    assert made[0].ids == made[2].ids == wanted
    with pytest.raises(BudgetExceeded, match="the limit is 1 MiB") as caught:
        model.ability(Tokens).open([list(range(200)) * 4])
    assert "kv_memory" in caught.value.hint
    assert model.generate([good])[0].ids == wanted


def test_rows_wait_for_one_another_where_memory_is_short(wide: Path) -> None:
    wanted = [c.ids for c in opened(wide).generate([ask(seed=n) for n in range(12)])]
    narrow = opened(wide, kv_memory=1)
    assert [c.ids for c in narrow.generate([ask(seed=n) for n in range(12)])] == wanted


def test_open_sequences_use_memory_up_and_give_it_back(wide: Path) -> None:
    tokens = opened(wide, kv_memory=1).ability(Tokens)
    held: list[Any] = []
    with pytest.raises(BudgetExceeded, match="hold fewer sequences"):
        for n in range(40):
            held += tokens.open([[n, *range(100)]])
    assert 1 < len(held) < 40
    held.clear()
    (seq,) = tokens.open([list(range(100))])
    span = tokens.extend([seq], 5, [Draw(stop_ids=())])[0]
    assert len(span.ids) == 5
