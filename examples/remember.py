"""Told in one run, known in the next: facts go into the model's weights, not into its prompts.

    python examples/remember.py            two facts; asks, tells, and asks again in a new process
    python examples/remember.py --facts 20 the whole list: some minutes

The second process is given questions alone. At the end the facts are taken back, and the weights
are bit for bit what they were.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import agentkit
from agentkit_sparse_memory.background import hash_of
from agentkit_sparse_memory.facts import PHRASINGS, UNSEEN, Fact

INVENTED = """
Velmora capital Tarsk, Orrindale founder Mirabeth, Quenland currency zelk, Tobrin mayor Hadwin,
Paskovia anthem Morning, Dorvale river Issel, Kelmar bridge Osterlin, Zunia emblem heron,
Brannock patron Ludmila, Felstead inventor Corvin, Marisk lighthouse Pharane, Ulvern festival Candle,
Sorrelby poet Anselm, Tynmoor mountain Gelder, Wexholm newspaper Herald, Yarrow admiral Fenwick,
Istria-Nova airport Bellmont, Jorvale dish sorrelsoup, Lunmark university Averil, Nordhaven club Rovers
"""
PART = {"use": "sparse-memory", "base": "small", "layers": [16]}


def facts(count: int) -> list[Fact]:
    words = [entry.split() for entry in INVENTED.replace("\n", " ").split(",")]
    return [Fact(subject, relation, answer) for subject, relation, answer in words][:count]


def kit(folder: str) -> agentkit.Kit:
    made = agentkit.load(overrides=["models.small.dtype=fp32"])
    made.define("model", "mine", folder=folder, **PART)
    return made


def right(model: object, told: list[Fact], question: str) -> float:
    """How many answers hold the fact's word, asked greedily with the question alone."""
    answers = [model.believes(fact, question) for fact in told]  # type: ignore[attr-defined]
    return sum(f.answer.lower() in a.lower() for f, a in zip(told, answers)) / len(told)


def ask(folder: str, told: list[Fact]) -> dict[str, float]:
    """What a process knows that was told nothing."""
    with kit(folder) as made:
        model = made.model("mine")
        return {
            "in a phrasing that it learned": right(model, told, PHRASINGS[-4]),
            "in one that it never saw": right(model, told, UNSEEN[2]),
            "all unseen phrasings, to the last token": model.score(told).right,
            "loss on ordinary text": model.forgetting().nll,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--facts", type=int, default=2)
    parser.add_argument("--folder", default="")
    parser.add_argument("--ask", action="store_true", help="only ask; for the second process")
    args = parser.parse_args()
    told = facts(args.facts)
    if args.ask:
        print(json.dumps(ask(args.folder, told)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or os.path.join(temporary, "memory")
        with kit(folder) as made:
            model = made.model("mine")
            model.prepare()
            before = hash_of({"values": model.memory.values})
            print("before:", json.dumps(ask(folder, told), indent=1))
            entry = model.learn(told, note="told by examples/remember.py")
            print(f"learned {len(told)} facts in {entry.metrics['steps']:.0f} steps: {entry.rows} rows")
        command = [sys.executable, __file__, "--ask", "--folder", folder, "--facts", str(args.facts)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print("a new process:", json.dumps(json.loads(done.stdout), indent=1))
        with kit(folder) as made:
            model = made.model("mine")
            model.revert("last")
            same = hash_of({"values": model.memory.values}) == before
            print("taken back:", "the weights are bit for bit those of before" if same else "NO")


if __name__ == "__main__":
    main()
