"""Gathering answers and scores from one's own candidates and prompts.

Each answer is appended as soon as it is there, so that what was collected stays after any stop;
asked again, only what is missing is asked for.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agentkit.capabilities import LanguageModel, Progress, Request
from agentkit.errors import AgentkitError, Cancelled, DataError, UsageError
from agentkit.kit import Kit
from agentkit.unicode import split_lines
from agentkit_lookahead.reading import cut
from agentkit_lookahead.rows import Outcome, Row, Table

Check = Callable[["Prompt", str], float]
BATCH = 8


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to ask all candidates. check: how answers are scored, see CHECKS."""

    id: str
    text: str
    set: str = ""
    answer: str = ""
    check: str = "contains"
    extra: Mapping[str, Any] = field(default_factory=dict)


# -- scores ---------------------------------------------------------------------------------------

_NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")


def contains(prompt: Prompt, said: str) -> float:
    """1 where the answer stands in what was said, as whole words, whatever the case."""
    wanted = re.escape(prompt.answer.strip())
    return float(bool(re.search(rf"(?<!\w){wanted}(?!\w)", said, re.I))) if wanted else 0.0


def exact(prompt: Prompt, said: str) -> float:
    """1 where nothing else was said, whatever the case and the blanks around it."""
    return float(said.strip().lower() == prompt.answer.strip().lower())


def number(prompt: Prompt, said: str) -> float:
    """1 where the last number said is the answer."""
    found = _NUMBER.findall(said)
    try:
        last = float(found[-1].replace(",", "").rstrip(".")) if found else None
        return float(last is not None and abs(last - float(prompt.answer)) < 1e-6)
    except ValueError:
        return 0.0


def regex(prompt: Prompt, said: str) -> float:
    """1 where the pattern that is the answer is found."""
    try:
        return float(bool(re.search(prompt.answer, said, re.M)))
    except re.error as error:
        raise DataError(
            f"{prompt.id}: {prompt.answer!r} is no pattern: {error}", "mend it"
        ) from None


CHECKS: Mapping[str, Check] = {
    "contains": contains,
    "exact": exact,
    "number": number,
    "regex": regex,
}


def read_prompts(path: Path) -> list[Prompt]:
    """JSON lines {prompt, answer, id?, set?, check?}.

    Raises:
        DataError: naming the line.
    """
    try:
        lines = split_lines(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}", "name a file of prompts") from error
    found: dict[str, Prompt] = {}
    for number_, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number_}"
        try:
            plain = json.loads(line)
            text, answer = plain["prompt"], str(plain["answer"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{where}: {error}", '{"prompt": …, "answer": …}') from error
        check = plain.get("check", "contains")
        if not isinstance(text, str) or check not in CHECKS:
            raise DataError(
                f"{where}: the prompt is no text, or there is no check {check!r}",
                f"checks: {', '.join(CHECKS)}",
            )
        made = Prompt(
            str(plain.get("id", f"row {number_}")), text, str(plain.get("set", "")), answer, check
        )
        if made.id in found:
            raise DataError(f"{where}: the id {made.id!r} is there twice", "give each its own")
        found[made.id] = made
    if not found:
        raise DataError(f"{path}: holds no prompt", '{"prompt": …, "answer": …}, one a line')
    return list(found.values())


# -- asking ---------------------------------------------------------------------------------------


def collect(
    kit: Kit,
    names: Sequence[str],
    prompts: Sequence[Prompt],
    out: Path,
    progress: Progress,
    *,
    max_tokens: int = 96,
    costs: Mapping[str, float] | None = None,
    check: Check | None = None,
) -> Table:
    """Asks every candidate every prompt, scores the answers, and returns the whole table.

    Args:
        out: JSON lines of single answers; those that are there are not asked for again. The costs
            of an answer are its tokens spent, unless `costs` gives a price for each.

    Raises:
        UsageError: `out` holds answers to other prompts under the same ids.
        Cancelled: somebody asked to stop; what was collected is kept.
        AgentkitError: a candidate failed on everything it was asked.
    """
    known = _read_answers(out)
    texts = {p.id: cut(p.text) for p in prompts}
    for (name, key), one in known.items():
        if key in texts and one["prompt"] != texts[key]:
            raise UsageError(
                f"{out}: holds an answer of {name} to another prompt under the id {key!r}",
                "use another file, or other ids",
            )
    total = len(names) * len(prompts)
    done = sum((n, p.id) in known for n in names for p in prompts)
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        missing = [p for p in prompts if (name, p.id) not in known]
        if not missing:
            continue
        model, faults = kit.model(name), 0
        for start in range(0, len(missing), BATCH):
            if progress.cancel:
                raise Cancelled
            part = missing[start : start + BATCH]
            lines = []
            for prompt, answer in zip(part, _ask(model, part, max_tokens, progress)):
                if "error" in answer:
                    faults += 1
                    fault = answer["error"]
                    continue
                score = (check or CHECKS[prompt.check])(prompt, answer["response"])
                lines.append(
                    {
                        "id": prompt.id,
                        "set": prompt.set,
                        "prompt": texts[prompt.id],
                        "model": name,
                        "score": score,
                        **answer,
                        **({"cost": costs[name]} if costs and name in costs else {}),
                    }
                )
            _append(out, lines)
            known |= {(name, line["id"]): line for line in lines}
            done += len(part)
            progress.update(done, total)
        if faults == len(missing):
            raise AgentkitError(f"models.{name} failed on every prompt: {fault}", "see `doctor`")
    return _table(names, prompts, texts, known)


def _ask(
    model: LanguageModel, prompts: Sequence[Prompt], max_tokens: int, progress: Progress
) -> list[dict[str, Any]]:
    requests = [Request.of(p.text, max_tokens=max_tokens) for p in prompts]
    began = time.perf_counter()
    try:
        made = model.generate(requests, cancel=progress.cancel)
    except AgentkitError as error:
        return [{"error": str(error)}] * len(prompts)
    each = (time.perf_counter() - began) / len(prompts)
    if any(one.finish == "cancelled" for one in made):
        raise Cancelled
    return [
        {"error": one.error}
        if one.finish == "error"
        else {
            "response": one.text,
            "cost": float(one.usage.prompt + one.usage.spent),
            "latency_ms": round(1000 * each, 3),
        }
        for one in made
    ]


def _append(out: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    if lines:
        with out.open("a") as file:
            file.write("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines))
            file.flush()
            os.fsync(file.fileno())


def _read_answers(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What is there; a last line that was cut off by a kill is taken away."""
    if not out.exists():
        return {}
    raw = out.read_bytes()
    if raw and not raw.endswith(b"\n"):
        whole = raw[: raw.rfind(b"\n") + 1]
        with out.open("r+b") as file:
            file.truncate(len(whole))
        raw = whole
    found = {}
    for number_, line in enumerate(split_lines(raw.decode()), 1):
        try:
            plain = json.loads(line)
            found[plain["model"], plain["id"]] = plain
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{out}, line {number_}: {error}", "use another file") from error
    return found


def _table(
    names: Sequence[str],
    prompts: Sequence[Prompt],
    texts: Mapping[str, str],
    known: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Table:
    rows = []
    for prompt in prompts:
        outcomes = []
        for name in names:
            one = known.get((name, prompt.id))
            outcomes.append(
                Outcome(one["score"], one["response"], one["cost"], one["latency_ms"] / 1000)
                if one
                else Outcome()
            )
        if any(o.score is not None for o in outcomes):
            rows.append(Row(prompt.id, prompt.set, texts[prompt.id], tuple(outcomes)))
    return Table(tuple(names), tuple(rows))


def read_answers(out: Path, names: Sequence[str] = ()) -> Table:
    """The table of a file that `collect` wrote.

    Args:
        names: candidates, in order; all that are in it by default.
    """
    known = _read_answers(out)
    names = list(names) or list(dict.fromkeys(name for name, _ in known))
    first: dict[str, Mapping[str, Any]] = {}
    for (_, key), one in known.items():
        first.setdefault(key, one)
    prompts = [Prompt(key, one["prompt"], one["set"]) for key, one in first.items()]
    return _table(names, prompts, {p.id: p.text for p in prompts}, known)


def from_record(record: Path, outcomes: Mapping[str, float], names: Sequence[str]) -> Table:
    """Rows from a part's record of decisions, where only the chosen model's outcome is known.

    Args:
        outcomes: score by decision id, or by run id for all decisions of a run.
        names: the candidates.

    Raises:
        DataError: naming the line.
    """
    rows: dict[str, Row] = {}
    try:
        lines = split_lines(record.read_text())
    except OSError as error:
        raise DataError(f"{record}: {error}", "set record for the part, and use it") from error
    for number_, line in enumerate(lines, 1):
        try:
            plain = json.loads(line)
            key, run = plain["id"], plain["run"]
            chosen, chance, text = plain["model"], float(plain["propensity"]), plain["prompt"]
        except (ValueError, KeyError, TypeError) as error:
            if number_ == len(lines):
                continue  # cut off by a kill
            raise DataError(f"{record}, line {number_}: {error}", "use another file") from error
        score = outcomes.get(key, outcomes.get(run))
        if score is None or chosen not in names:
            continue
        own = [Outcome()] * len(names)
        own[names.index(chosen)] = replace(Outcome(), score=score, propensity=chance)
        rows[key] = Row(key, plain["node"], text, tuple(own))
    return Table(tuple(names), tuple(rows.values()))


def outcomes_of_runs(kit: Kit, record: Path) -> dict[str, float]:
    """1 for recorded runs that are done and 0 for those that failed; others say nothing yet. An
    agent's own events of kind "score" with a number under "value" count for more."""
    found: dict[str, float] = {}
    wanted = set()
    for line in split_lines(record.read_text()):
        try:
            wanted.add(json.loads(line)["run"])
        except (ValueError, KeyError, TypeError):
            continue
    for run in sorted(filter(None, wanted)):
        try:
            row = kit.runs.get(run)
        except AgentkitError:
            continue  # deleted since
        if row.status in ("done", "failed"):
            found[run] = float(row.status == "done")
        for event in kit.runs.tail(run):
            value = event.data.get("value") if event.kind == "score" else None
            if isinstance(value, int | float) and not isinstance(value, bool):
                found[run] = float(value)
    return found
