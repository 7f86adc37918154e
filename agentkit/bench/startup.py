"""What a newcomer waits for: the command line's start, and a fresh clone's first report."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from agentkit.bench.experiment import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit.errors import BackendUnavailable, DataError, RunInterrupted

HEAVY = ("torch", "transformers", "langgraph", "fastapi", "pydantic_settings", "numpy")
TARGET = 0.35  # seconds of CPU


def startup(bench: Bench) -> Result:
    """CPU time (user + system, the child's own accounting) of commands that load no model."""
    runs = 5 if bench.scale == "quick" else 25
    commands = (["--help"], ["--version"], ["plugins"])
    times: dict[str, list[float]] = {" ".join(c): [] for c in commands}
    for round_ in range(runs + 1):
        for command in commands:
            seconds = _cpu_seconds(command)
            if round_:  # the first round warms the file cache
                times[" ".join(command)].append(seconds)
        bench.progress.update(round_, runs)
        if bench.progress.cancel:
            break
    metrics = {f"agentkit {name}": interval(seen, "CPU s") for name, seen in times.items()}
    imported = _heavy_imports()
    slowest = max(metrics.values(), key=lambda m: m.value)
    word = "Within" if slowest.value <= TARGET else "Above"
    heavy = f"imported: {', '.join(imported)}" if imported else "none was imported"
    return Result(
        metrics,
        f"{word} the target of {TARGET} s with every plugin of the repository installed; of "
        f"{', '.join(HEAVY)}, {heavy}.",
    )


def _cpu_seconds(arguments: list[str]) -> float:
    with open(os.devnull, "wb") as null:
        child = subprocess.Popen(
            [sys.executable, "-m", "agentkit", *arguments], stdout=null, stderr=null
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise BackendUnavailable(f"agentkit {' '.join(arguments)} exited {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def _heavy_imports() -> list[str]:
    script = (
        "import sys\n"
        "sys.argv = ['agentkit', '--help']\n"
        "from agentkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    last = (done.stderr.strip().splitlines() or ["[]"])[-1]
    return [m for m in HEAVY if repr(m) in last]


STARTUP = Experiment(
    name="startup",
    question="How much CPU time do commands take that load no model, with everything installed?",
    run=startup,
    needs={"normal": Needs(hours=0.02), "quick": Needs(hours=0.005)},
)


def fresh_clone(bench: Bench) -> Result:
    """Clones the last commit into an empty folder and does what the README says."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        raise DataError(
            f"{source} is no git checkout", "this experiment clones the repository it stands in"
        )
    metrics: dict[str, Metric] = {}
    rows: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory(prefix="fresh-") as folder:
        home, clone = Path(folder) / "home", Path(folder) / "clone"
        home.mkdir()
        subprocess.run(["git", "clone", "-q", str(source), str(clone)], check=True)
        kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "LANG"))}
        env = {**kept, "HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "dumb"}
        steps = (("set-up", "setup"), ("models", "models"), ("run", "run"), ("run again", "run"))
        for number, (name, target) in enumerate(steps):
            seconds = _make(target, clone, env)
            size = (_size(clone) + _size(home)) / 2**20
            rows.append((name, round(seconds, 1), round(size)))
            metrics[name] = Metric(seconds, unit="s")
            bench.progress.update(number + 1, len(steps))
            if bench.progress.cancel:
                raise RunInterrupted
        metrics["disk"] = Metric(rows[-1][2], unit="MiB")
    first = sum(row[1] for row in rows[:3])
    return Result(
        metrics,
        f"From nothing to a finished, cited report in {first:.0f} s, of which the run itself took "
        f"{rows[2][1]:.0f} s; a second run takes {rows[3][1]:.0f} s. Packages came from a near "
        "mirror: elsewhere the download of about 500 MB is the longest part.",
        tables=[Table("Steps", ("step", "seconds", "MiB on disk afterwards"), tuple(rows))],
    )


def _make(target: str, folder: Path, env: dict[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        ["make", target],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackendUnavailable(
            f"make {target} failed in a fresh clone", (done.stdout + done.stderr)[-500:]
        )
    return time.perf_counter() - started


def _size(folder: Path) -> int:
    """Bytes on disk below a folder, links counted once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        seen[stat.st_dev, stat.st_ino] = stat.st_blocks * 512
    return sum(seen.values())


FRESH_CLONE = Experiment(
    name="fresh-clone",
    question="How long does a newcomer wait from the clone to a finished report, on what disk?",
    run=fresh_clone,
    needs={"normal": Needs(hours=0.1)},
)
