"""`agentkit bench web-research`: documentation sites read through Chromium, and researched.

Two of Debian's documentation packages are served on localhost: SQLite's, which comes with the
repository, and Git's, which `python examples/corpora/fetch.py git-doc` fetches. Each is read as a
source `use = "web"`; then a research agent without any model is asked what the pages that were read
answer. Beside it the same agent asks the same pages as files, so that only the browser differs.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import agentkit
from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities.analyzer import Table
from agentkit.errors import AgentkitError, DataError
from agentkit.files import cache_dir

CORPORA = Path(__file__).resolve().parents[3] / "examples" / "corpora"
PAGES = {"quick": 10, "normal": 60}
MOST = {"quick": 2, "normal": 12}  # questions on a site
FETCH = "python examples/corpora/fetch.py git-doc"


@dataclass(frozen=True, slots=True)
class Question:
    """answer: a pattern of the answering words, which `pages` hold."""

    id: str
    question: str
    pages: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Read:
    """A site as it was read. faults: pages that are there and were not read. gone: links to pages
    that are not. answers: (question, found through the browser, found in the files)."""

    name: str
    pages: int
    faults: int
    seconds: float
    answers: tuple[tuple[str, bool, bool], ...]
    gone: int = 0


def site(name: str) -> tuple[Path, str, list[Question]]:
    """(folder, the page to begin at, questions).

    Raises:
        DataError: the pages are not there.
    """
    if name == "sqlite":
        folder, start = CORPORA / "sqlite", "docs.html"
        lines = (CORPORA / "sqlite.questions.jsonl").read_text("utf-8").splitlines()
    else:
        folder, start = cache_dir() / "corpora" / "git-doc", "git.html"
        lines = (
            resources.files(__package__).joinpath("git.questions.jsonl").read_text().splitlines()
        )
    if not (folder / start).is_file():
        raise DataError(f"the pages of {name} are not at {folder}", FETCH)
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    plain = [row for row in rows if row.get("kind", "lexical") == "lexical"]
    asked = [Question(r["id"], r["question"], tuple(r["pages"]), r["answer"]) for r in plain]
    return folder, start, asked


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...

    def copyfile(self, *files: Any) -> None:
        with suppress(ConnectionError):  # the browser went on before all of it had come
            super().copyfile(*files)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which a folder is served on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def read(name: str, pages: int, most: int, into: Path) -> Read:
    """Reads a site through the browser, and researches in it."""
    folder, start, asked = site(name)
    store = json.dumps(str(into / "runs"))
    with (
        served(folder) as base,
        agentkit.load(environ={}, overrides=[f"host.store={store}"]) as kit,
    ):
        kit.define(
            "source",
            "web",
            use="web",
            start=[f"{base}/{start}"],
            pages=pages,
            depth=3,
            embedder=None,
            fetch={"private": ["127.0.0.1"]},
        )
        began = time.perf_counter()
        source: Any = kit.source("web")
        found = source.update(now=True)
        seconds = time.perf_counter() - began
        names = [url.removeprefix(f"{base}/") for url in found.pages.values()]
        for page in names:
            (into / "files" / page).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / page, into / "files" / page)
        kit.define("source", "files", use="folder", path=str(into / "files"), embedder=None)
        for kind in ("web", "files"):
            kit.define("agent", kind, use="deep-research", sources=[kind], embedder=None)
        told = [q for q in asked if set(q.pages) & set(names)][:most]
        answers = tuple((q.question, _found(kit, "web", q), _found(kit, "files", q)) for q in told)
    shutil.rmtree(source.folder, ignore_errors=True)  # the address will not come again
    linked = [folder / url.removeprefix(f"{base}/") for url in found.faults]
    gone = sum(not file.is_file() for file in linked)
    return Read(name, len(names), len(linked) - gone, seconds, answers, gone)


def _found(kit: agentkit.Kit, agent: str, question: Question) -> bool:
    """Whether a quote of the report holds the answer."""
    run = kit.agent(agent).run(question.question, seed=0)
    run.wait()
    quotes = [" ".join(citation.text.split()) for citation in run.result.citations]
    return any(re.search(question.answer, quote, re.I) for quote in quotes)


def research(bench: Bench) -> Result:
    names = ["sqlite"] if bench.scale == "quick" else ["sqlite", "git"]
    found: list[Read] = []
    left_out = ""
    for number, name in enumerate(names, 1):

        def one(site: str = name) -> dict[str, Any]:
            with tempfile.TemporaryDirectory() as folder:
                return asdict(read(site, PAGES[bench.scale], MOST[bench.scale], Path(folder)))

        try:
            made = bench.once(f"{name}, {PAGES[bench.scale]} pages", one)
        except AgentkitError as error:
            left_out += f" {name} was left out: {error.message}."
            continue
        answers = tuple((str(q), bool(a), bool(b)) for q, a, b in made["answers"])
        found.append(Read(**{**made, "answers": answers}))
        bench.progress.update(number, len(names))
    return result(found, left_out)


def result(sites: Sequence[Read], left_out: str = "") -> Result:
    metrics: dict[str, Metric] = {}
    files: dict[str, Metric] = {}
    for one in sites:
        rate = one.pages / max(one.seconds, 1e-9) * 60
        metrics[f"pages a minute ({one.name})"] = Metric(rate, unit="pages", n=one.pages)
        metrics[f"pages not read ({one.name})"] = Metric(one.faults, n=one.pages + one.faults)
        metrics[f"links to pages that the corpus leaves out ({one.name})"] = Metric(one.gone)
        key, n = f"answer among the quotes ({one.name})", len(one.answers)
        if n:
            metrics[key] = proportion(sum(a for _, a, _ in one.answers), n)
            files[key] = proportion(sum(b for _, _, b in one.answers), n)
    rows = tuple((s.name, *answer) for s in sites for answer in s.answers)
    verdict = (
        f"{sum(s.pages for s in sites)} pages of {len(sites)} of Debian's documentation packages, "
        "read through Chromium from localhost, one at a time, and researched without a model; "
        "asked is what the pages answer that were read, in their own words. Beside it the same "
        "pages as files: what the browser loses. The rate is this machine's, under its load; a "
        "real site adds its own time to every page." + left_out
    )
    columns = ("site", "question", "found through the browser", "found in the files")
    return Result(
        metrics, verdict, {"the same pages as files": files}, [Table("Answers", columns, rows)]
    )


EXPERIMENT = Experiment(
    name="web-research",
    question="Are documentation sites, read through a browser, researched as well as files?",
    run=research,
    needs={
        "normal": Needs(data=(f"Git's pages: {FETCH}",), hours=0.1),
        "quick": Needs(hours=0.02),
    },
)
