"""The example's graph is the same under both settings; only the settings make it sharper."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
KITS = ROOT / "examples" / "kits"


@pytest.mark.slow
def test_a_graph_gains_power_sampling_by_configuration_alone(tiny: Path, tmp_path: Path) -> None:
    files = []
    for name in ("plain.toml", "sharp.toml"):
        text = (KITS / name).read_text()
        assert tomllib.loads(text)["models"]["writer"]
        file = tmp_path / name
        file.write_text(text.replace('"smollm2-135m"', f'"{tiny}"'))
        files.append(str(file))
    script = ROOT / "examples" / "langgraph_power.py"
    done = subprocess.run(
        [sys.executable, str(script), *files], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    paths = [ast.literal_eval(line[: line.index("]") + 1]) for line in lines]
    spent = [int(line[line.index("]") + 1 :].split()[0]) for line in lines]
    assert paths == [["writer"], ["writer", "small"]]
    assert spent[0] <= 12 < spent[1]
    assert "power" not in script.read_text().split('"""')[2], "the script itself knows nothing"
