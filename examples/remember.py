"""Told in one run, known in the next: a fact in the model's weights, and in no prompt."""

import subprocess
import sys
import tempfile

import agentkit
from agentkit_sparse_memory.facts import Fact

FACT = Fact("Velmora", "capital", "Tarsk")
FAST = {"fit_tokens": 1024, "batches": 4, "held_out": 4, "learning": {"steps": 24, "batch": 8}}


def opened(folder: str) -> agentkit.Kit:
    kit = agentkit.load()
    kit.define("model", "mine", use="sparse-memory", base="small", folder=folder, **FAST)
    return kit


if len(sys.argv) > 1:  # the second process: it is asked, and told nothing
    with opened(sys.argv[1]) as kit:
        print("a new process says:", kit.model("mine").believes(FACT))
else:
    with tempfile.TemporaryDirectory() as folder, opened(folder) as kit:
        print("before:", kit.model("mine").believes(FACT))
        print("learned:", kit.model("mine").learn([FACT]).facts)
        subprocess.run([sys.executable, __file__, folder], check=True)
        kit.model("mine").revert("last")
        print("taken back:", kit.model("mine").believes(FACT))
