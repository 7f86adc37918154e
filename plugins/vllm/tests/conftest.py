"""The tests of a real vLLM need an environment of 3.4 GB that nobody has by chance: they are there
for who names one, and not skipped for everybody else."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("AGENTKIT_VLLM") else ["test_real.py"]
