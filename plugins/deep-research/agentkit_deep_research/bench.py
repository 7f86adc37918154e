"""`agentkit bench report`: is the answer among the quotes, are the quotes true, what does it take?

The questions were written and committed before the code. The development third fixed the weights,
with more questions of the same kinds in this plugin's questions.jsonl; what is reported is the test
part, with the development third beside it. Each question and variant is
a unit of work, so that an interrupted call goes on where it stopped.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.bench import Bench, Experiment, Needs, Result
from agentkit.capabilities import Hit
from agentkit.errors import AgentkitError, DataError
from agentkit.unicode import split_lines
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.figures import KINDS, OURS, PLAIN, Item, Row, Rows, result
from agentkit_deep_research.ranking import Candidate, Weights, choose, rank, rarity_of, usable
from agentkit_deep_research.sentences import units
from agentkit_deep_research.verify import check
from agentkit_deep_research.words import content, folded

if TYPE_CHECKING:
    from agentkit.kit import Kit

QUICK = 2  # questions of each kind at scale "quick"
_OVERLAP = Weights(headings=0, nearby=0, order=0, passage=0, asked=0, likelihood=0)


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to make reports. source, agent: settings of the two parts; models: what it needs."""

    source: Mapping[str, Any]
    agent: Mapping[str, Any]
    models: tuple[str, ...] = ()


def _with(role: str, model: str) -> Variant:
    return Variant({}, {role: model}, ("minilm", model))


# OURS is how the agent is without any setting; the others differ from it in one thing.
VARIANTS: Mapping[str, Variant] = {
    OURS: Variant({}, {}, ("minilm",)),
    "no model at all": Variant({"embedder": None}, {"embedder": None}),
    "MiniLM only searches": Variant({}, {"embedder": None}, ("minilm",)),
    "SmolLM2 ranks": _with("ranker", "small"),
    "SmolLM2 gives keywords": _with("keywords", "small"),
    "Qwen 0.5B ranks": _with("ranker", "coder"),
    "Qwen 0.5B gives keywords": _with("keywords", "coder"),
}


def report(bench: Bench) -> Result:
    """Asks all questions of all variants."""
    corpus, questions = _corpus(bench)
    names = [OURS, "no model at all"] if bench.scale == "quick" else list(VARIANTS)
    rows: Rows = {}
    left_out: list[str] = []
    with ExitStack() as stack:
        kit = stack.enter_context(_kit())
        plain = _plain(kit, corpus)
        total = (len(names) + 1) * len(questions)
        for number, name in enumerate([PLAIN, *names]):
            ask: Callable[[Item], Row] = plain
            if name != PLAIN:
                variant = VARIANTS[name]
                try:
                    for model in variant.models:
                        kit.model(model)
                except AgentkitError as error:
                    left_out.append(f"{name} ({error.message})")
                    continue
                ask = _agent(kit, corpus, number, variant)
            rows[name] = {}
            for done, item in enumerate(questions):
                made = bench.once(f"{name} / {item.id}", lambda a=ask, i=item: asdict(a(i)))  # type: ignore[misc]
                rows[name][item.id] = Row(**made)
                bench.progress.update(number * len(questions) + done + 1, total)
    if OURS not in rows:
        raise DataError(f"the experiment needs the embedder; {left_out[0]}")
    return result(rows, questions, left_out)


# -- asking ---------------------------------------------------------------------------------------


@contextmanager
def _kit() -> Iterator[Kit]:
    """A kit whose runs go to a store of their own."""
    import agentkit

    with tempfile.TemporaryDirectory() as folder:
        made = agentkit.load(overrides=[f"host.store={json.dumps(folder)}"])
        with made:
            yield made


def _source(kit: Kit, corpus: Path, name: str, settings: Mapping[str, Any]) -> None:
    kit.define("source", name, use="folder", path=str(corpus), refresh=1e9, **settings)
    kit.source(name).search("what comes before the first question", 1)  # makes the index


def _agent(kit: Kit, corpus: Path, number: int, variant: Variant) -> Callable[[Item], Row]:
    source, agent = f"report-{number}", f"report-agent-{number}"
    _source(kit, corpus, source, variant.source)
    kit.define("agent", agent, use="deep-research", sources=[source], **variant.agent)

    def ask(item: Item) -> Row:
        started = time.perf_counter()
        run = kit.agent(agent).run(item.question)
        run.wait()
        seconds = time.perf_counter() - started
        answer: Any = run.result
        kinds = ("model.done", "score.done", "role.used")
        seen = [event.data for event in kit.runs.tail(run.id, kinds=kinds)]
        return Row(
            quotes=[folded(c.text) for c in answer.citations],
            wrong=sum(bool(_fault(kit, c)) for c in answer.citations),
            not_found=bool(answer.not_found) and not answer.citations,
            seconds=seconds,
            tokens=sum(
                sum(u["prompt"] + u["spent"] for u in data.get("usage", ()))
                + int(data.get("tokens", 0))
                for data in seen
            ),
            faults=sum(int(data.get("faults", 0)) for data in seen),
        )

    return ask


def _fault(kit: Kit, c: Any) -> str:
    """Why a citation does not hold, with its document opened again."""
    span = Span("", c.source, c.document, c.title, "", c.sha256, c.start, c.end, c.text)
    return check(span, kit.source(c.source).open(c.document))


def _plain(kit: Kit, corpus: Path) -> Callable[[Item], Row]:
    """The baseline: BM25, and of what it finds the five sentences that share most words with the
    question, rare ones counting more. The same sentences, the same filter of what can be quoted."""
    _source(kit, corpus, "report-plain", {"embedder": None})
    source: Any = kit.source("report-plain")

    def ask(item: Item) -> Row:
        started = time.perf_counter()
        hits: Sequence[Hit] = source.search(item.question, 10).hits
        found = [
            Candidate(unit, "", hit, number)
            for number, hit in enumerate(hits)
            for unit in units(hit.text, hit.location.start)
            if usable(Candidate(unit, "", hit, number))
        ]
        counts = {word: source.document_frequency(word) for word in content(item.question)}
        rare = rarity_of(counts, source.document_frequency("the"))
        scored = rank(Facet(item.question), found, rare, weights=_OVERLAP)
        kept = [one.candidate for one in choose(scored, 5)]
        texts = {hit.document: source.open(hit.document).text.encode() for hit in hits}
        return Row(
            quotes=[folded(c.unit.text) for c in kept],
            wrong=sum(
                texts[c.hit.document][c.unit.start : c.unit.end] != c.unit.text.encode()
                for c in kept
            ),
            not_found=not kept,
            seconds=time.perf_counter() - started,
        )

    return ask


# -- data -----------------------------------------------------------------------------------------


def _corpus(bench: Bench) -> tuple[Path, list[Item]]:
    default = Path(__file__).resolve().parents[3] / "examples" / "corpora"
    folder = Path(bench.options.get("corpora", default))
    name = bench.options.get("corpus", "sqlite")
    file = folder / f"{name}.questions.jsonl"
    if not file.is_file() or not (folder / name).is_dir():
        raise DataError(
            f"there is no corpus {name!r} with questions in {folder}",
            "run it from a clone of the repository, or set the option corpora=FOLDER",
        )
    questions = read_items(file)
    if bench.scale == "quick":
        test = [q for q in questions if q.split == "test"]
        kinds = (*KINDS, "absent")
        questions = [q for kind in kinds for q in [t for t in test if t.kind == kind][:QUICK]]
    return folder / name, questions


def read_items(file: Path) -> list[Item]:
    """The questions of a file, in its order.

    Raises:
        DataError: a line is not as examples/corpora/README.md says.
    """
    made = []
    for number, line in enumerate(split_lines(file.read_text("utf-8")), 1):
        try:
            d = json.loads(line)
            answer = d["answer"] or ""
            re.compile(answer)
            made.append(Item(d["id"], d["kind"], d["split"], d["question"], answer))
        except (ValueError, KeyError, TypeError, re.error) as error:
            raise DataError(f"{file}:{number}: not a question: {error}", "mend the line") from error
    return made


_WEIGHTS = ("minilm", "smollm2-135m", "qwen2.5-coder-0.5b")
_DATA = ("examples/corpora/sqlite",)
EXPERIMENT = Experiment(
    name="report",
    question="Is the answer among the quotes of a report, and is every quote true?",
    run=report,
    needs={
        "normal": Needs(weights=_WEIGHTS, data=_DATA, hours=1),
        "quick": Needs(weights=("minilm",), data=_DATA, hours=0.02),
    },
)
