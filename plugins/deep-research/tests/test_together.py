"""Properties of whole runs: side by side, forked, with the same seed, in several scripts, with a
model of its own on this machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import Message, SearchResult
from agentkit.kit import Kit
from agentkit.testing.fakes import FakeSource
from agentkit_deep_research.trajectory import replayed, trajectory

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]
KETTLE, TOASTER = "What is the body of the kettle made of?", "How long is the toaster's warranty?"


def finished(kit: Kit, question: str) -> Any:
    run = kit.agent("research").run(question, seed=3)
    run.wait()
    assert run.status == "done", run.row.note
    return run


def evidence(kit: Kit, run: str) -> set[str]:
    return {e.data["query"] for e in kit.runs.tail(run, kinds=("evidence.added",))}


def test_two_runs_at_once_share_nothing(make: Make) -> None:
    """Both are in their first search at the same time; one of them is steered."""
    kit = make(width=1)
    alone = [finished(kit, question).result.report for question in (KETTLE, TOASTER)]
    source = kit.source("pages")
    assert isinstance(source, FakeSource)
    plain, both = source.search, threading.Barrier(2, timeout=30)
    first = threading.local()

    def search(query: str, k: int = 10) -> SearchResult:
        if not getattr(first, "over", False):
            first.over = True
            both.wait()
        return plain(query, k)

    source.search = search  # type: ignore[method-assign]
    runs = [kit.agent("research").run(question, seed=3) for question in (KETTLE, TOASTER)]
    for run in runs:
        run.wait()
    assert [run.result.report for run in runs] == alone
    assert not evidence(kit, runs[0].id) & evidence(kit, runs[1].id)

    both.reset()
    steered, other = [kit.agent("research").run(q, seed=3) for q in (KETTLE, TOASTER)]
    steered.send("exclude crumbs; exclude 12 months")
    for run in (steered, other):
        run.wait()
    assert "exclude" in steered.result.report
    assert other.result.report == alone[1]


def test_a_fork_of_any_step_ends_as_its_parent_and_leaves_it_alone(make: Make) -> None:
    kit = make(width=1)
    run = finished(kit, f"{KETTLE} {TOASTER}")
    before = kit.runs.tail(run.id)
    steps = {int(e.position.split(":")[0]) for e in before if e.kind == "node.entered"}
    assert len(steps) >= 6
    for step in sorted(steps):
        fork = kit.resume(kit.runs.fork(run.id, step - 1).id)
        fork.wait()
        assert fork.result.model_dump(exclude={"artifacts"}) == run.result.model_dump(
            exclude={"artifacts"}
        )
    assert kit.runs.tail(run.id) == before


def test_a_paused_run_and_its_fork_both_go_on(make: Make, at_search: Callable[..., Any]) -> None:
    kit = make(width=1)
    whole = finished(kit, f"{KETTLE} {TOASTER}").result.report
    at_search(kit, {1: lambda run: threads[0].wait(30)})
    reached, threads = threading.Event(), [threading.Event()]
    run = kit.agent("research").run(f"{KETTLE} {TOASTER}", seed=3)
    stopper = threading.Thread(target=run.pause)
    for event in run:
        if event.kind == "todo.changed" and event.data["status"] == "in_progress":
            reached.set()
            stopper.start()
            threads[0].set()
    stopper.join()
    assert reached.is_set() and run.status == "paused"
    last = max(
        int(e.position.split(":")[0]) for e in kit.runs.tail(run.id, kinds=("node.entered",))
    )
    fork = kit.resume(kit.runs.fork(run.id, last - 1).id)
    fork.send("exclude plastic")
    fork.wait()
    run.resume()
    run.wait()
    assert run.result.report == whole and "exclude plastic" in fork.result.report


def test_same_seed_and_a_deterministic_model_give_the_same_bytes(make: Make) -> None:
    def once() -> tuple[str, bytes]:
        kit = make(planner="fixed", keywords="fixed", writer="fixed", width=3)
        answers = ["The body of the kettle is made of steel.", "boil noise", '{"tasks": []}']
        kit.define("model", "fixed", use="scripted", answers=answers, choose="request")
        run = finished(kit, f"{KETTLE} {TOASTER} When was the company founded?")
        line = trajectory(kit.runs, run.id)
        assert replayed(line) == run.result.report
        return run.result.report, run.path("report.json").read_bytes()

    assert once() == once()


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("주전자의 보증 기간은 얼마나 되나요?", "24개월"),
        ("やかんの保証期間はどのくらいですか？", "三十六か月"),
        ("How long is the 주전자 보증 기간?", "24개월"),
        ("電気ポットの 보증", "十二か月"),
        ("How long is the warranty of the kettle?", "18 months"),
    ],
)
def test_a_folder_in_several_scripts_is_asked_in_each(
    make: Make, tmp_path: Path, question: str, says: str
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name, text in {
        "ko.md": "# 주전자\n\n주전자의 보증 기간은 24개월입니다. 몸체는 강철로 만들어졌습니다.",
        "ja.md": "# やかん\n\nやかんの保証期間は三十六か月です。本体は鋼でできています。",
        "pot.md": "# 電気ポット\n\n電気ポットの保証期間は十二か月です。",
        "en.md": "# Kettle\n\nThe warranty of the kettle lasts 18 months. It is made of tin.",
    }.items():
        (shelf / name).write_text(text)
    kit = make(sources=["shelf"])
    kit.define("source", "shelf", use="folder", path=str(shelf), embedder=None)
    answer = finished(kit, question).result
    assert any(says in citation.text for citation in answer.citations), answer.report


def test_the_meter_counts_what_a_local_model_reads_and_writes(make: Make, tmp_path: Path) -> None:
    """A real model with random weights: its words mean nothing, its tokens are counted."""
    from transformers import AutoTokenizer

    from agentkit.testing.tiny import tiny_model_folder

    folder = tiny_model_folder(tmp_path / "tiny", context=4096)
    kit = make(writer="tiny", width=1)
    kit.define("model", "tiny", use="transformers", model=str(folder))
    model: Any = kit.model("tiny")
    plain, asked, made = model.generate, list[Any](), list[Any]()

    def generate(requests: Any, **options: Any) -> Any:
        asked.extend(requests)
        found = plain(requests, **options)
        made.extend(found)
        return found

    model.generate = generate
    run = finished(kit, f"{KETTLE} {TOASTER}")
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def prompt(messages: list[Message]) -> int:
        plain = [{"role": m.role, "content": m.text} for m in messages]
        text = tokenizer.apply_chat_template(plain, add_generation_prompt=True, tokenize=False)
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    read = sum(prompt(list(request.messages)) for request in asked)
    wrote = sum(len(completion.ids) for completion in made)
    assert len(asked) == 2 and wrote > 0
    said = re.search(r"Language models read and wrote (\d+) tokens", run.result.report)
    assert said is not None and int(said[1]) == read + wrote
