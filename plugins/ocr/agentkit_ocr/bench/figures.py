"""`agentkit bench ocr-figures`: charts, molecules and plane geometry, read by any perception."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Image, Perception
from agentkit.capabilities.analyzer import Table
from agentkit_ocr.bench import drawn
from agentkit_ocr.bench.drawn import Figure
from agentkit_ocr.bench.reading import reader_of
from agentkit_ocr.document import Cell
from agentkit_ocr.figures.charts import mapping_similarity
from agentkit_ocr.figures.geometry import centred, match_points, match_segments, parse
from agentkit_ocr.figures.molecules import smiles_score
from agentkit_ocr.labelled import cells_of_html
from agentkit_ocr.metrics import pipe_tables, teds

KINDS: Mapping[str, Callable[[random.Random], Figure]] = {
    "chart": drawn.chart,
    "geometry": drawn.geometry,
    "molecule": drawn.molecule,
}
BLANK = "a blank picture"
OTHER = "another figure's answer"


def answer(reader: Perception, picture: bytes) -> str:
    """All that a perception says of a picture."""
    (seen,) = reader.see([Image(picture)])
    return "\n".join(block.text for block in seen.blocks)


def table_of(text: str) -> tuple[Cell, ...]:
    """The first table of an answer, HTML or with pipes; () where there is none."""
    return cells_of_html(text) or next(iter(pipe_tables(text)), ())


def scores(kind: str, figure: Figure, text: str) -> dict[str, float]:
    """An answer's figures by measure; all of them 1 where it is right, and 0 for no answer."""
    if kind == "chart":
        read = table_of(text)
        return {
            "chart TEDS": teds(figure.cells, read),
            "chart RMS F1": mapping_similarity(figure.cells, read).f1,
        }
    if kind == "molecule":
        found = smiles_score(figure.smiles, text)
        return {"molecule exact": float(found.exact), "molecule Tanimoto": found.tanimoto}
    truth, drawing = centred(figure.drawing), centred(parse(text))
    return {
        "segment F1": match_segments(truth, drawing).f1,
        "point F1": match_points(truth, drawing).f1,
    }


def figures(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    count = int(bench.options.get("figures", 3 if quick else 40))
    if "reader" not in bench.options:
        bench.kit.define("perception", "figures", use="deepencoder", task="figure")
    reader = reader_of(bench, "" if "reader" in bench.options else "figures")
    kinds = [kind for kind in KINDS if kind != "molecule" or find_spec("rdkit")]
    gathered: dict[str, dict[str, list[float]]] = {"": {}, BLANK: {}, OTHER: {}}
    total = len(kinds) * len(bench.seeds) * count
    done = 0
    for kind in kinds:
        for seed in bench.seeds:
            made = [KINDS[kind](random.Random(f"{kind} {seed} {n}")) for n in range(count)]
            nothing = bench.once(f"{kind} blank", partial(answer, reader, drawn.blank()))
            said = []
            for number, figure in enumerate(made):
                key = f"{kind} {seed} {number}"
                said.append(bench.once(key, partial(answer, reader, figure.picture)))
                done += 1
                bench.progress.update(done, total)
            for number, figure in enumerate(made):
                for who, text in (
                    ("", said[number]),
                    (BLANK, nothing),
                    (OTHER, said[(number + 1) % count]),
                ):
                    for name, value in scores(kind, figure, text).items():
                        gathered[who].setdefault(name, []).append(value)
    metrics: dict[str, dict[str, Metric]] = {
        who: {name: interval(values, center="mean") for name, values in found.items()}
        for who, found in gathered.items()
    }
    own = metrics.pop("")
    rows: list[tuple[Any, ...]] = [
        (name, round(m.value, 3), *(round(metrics[who][name].value, 3) for who in (BLANK, OTHER)))
        for name, m in own.items()
    ]
    told = (
        f"{count} figures of each kind and seed ({', '.join(kinds)}) by the perception "
        f"{reader.info.name}. "
    )
    if "reader" not in bench.options:
        told += (
            "That is the nano model, whose training had none of these: it is the floor, and these "
            "measures are for a model that was trained on them. "
        )
    if "molecule" not in kinds:
        told += "Molecules are left out: RDKit is not installed (extra `figures`). "
    told += "The figures are drawn clean; charts in the field are of more kinds than bars."
    columns = ("measure", "here", BLANK, OTHER)
    return Result(own, told, metrics, [Table("By measure", columns, tuple(rows))])


OCR_FIGURES = Experiment(
    name="ocr-figures",
    question="How much of charts, molecules and plane geometry is read?",
    run=figures,
    claim="one prompt parses charts to HTML tables, formulas to SMILES, geometry to segments",
    needs={
        "quick": Needs(memory=1 << 30, hours=0.02),
        "normal": Needs(memory=2 << 30, hours=0.3),
    },
    options={
        "reader": "a perception of the settings, task = 'figure'",
        "figures": "of each kind and seed",
    },
)
