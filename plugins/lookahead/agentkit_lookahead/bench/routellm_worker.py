"""Run by the Python of another environment, which has `routellm`; our own never imports that.

Called with a folder that holds `exchange.json` (`routellm_process.Exchange`). Reads jobs from
standard input, one JSON object a line, and for each writes lines {"done": n, "of": m} while it
works, then {"result": …} or {"error": what}. What the program itself prints goes to standard error.

What is used of RouteLLM 0.2.0 as it is: its OpenAI client, `PairwiseDataset`, `MFModel_Train`,
`train_loops`, `MFModel`, `MatrixFactorizationRouter` and `SWRankingRouter`. What had to be
adapted, since its training script is an example with its paths inside:

- its list of 64 models (`MODEL_IDS`) is replaced by the models at hand, and the vectors have the
  width that the server gives;
- the lines under the script's `__main__` are repeated here with their constants, on the CPU, with
  the seed of the job;
- a trained model's weights are renamed as `MFModel` names them; nothing in the package does that;
- a text that was embedded once is not asked for again.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BATCH = 32
# The constants of RouteLLM's train_matrix_factorization.py.
DIM, MINIBATCH, EPOCHS, NOISE, RATE, DECAY, TRAINED = 128, 64, 100, 0.1, 3e-4, 1e-5, 0.95
LEAST = 16  # characters; `preprocess_battles` leaves shorter prompts out

Tell = Callable[[int, int], None]


class Remembered:
    """The `embeddings` of an OpenAI client, without asking twice for one text."""

    def __init__(self, inner: Any, known: dict[str, list[float]]) -> None:
        self._inner, self._known = inner, known

    def create(self, *, input: Sequence[str], model: str) -> Any:
        from openai.types import CreateEmbeddingResponse, Embedding
        from openai.types.create_embedding_response import Usage

        missing = [text for text in dict.fromkeys(input) if text not in self._known]
        if missing:
            made = self._inner.create(input=missing, model=model).data
            self._known |= {text: one.embedding for text, one in zip(missing, made)}
        rows = [
            Embedding(embedding=self._known[text], index=n, object="embedding")
            for n, text in enumerate(input)
        ]
        usage = Usage(prompt_tokens=0, total_tokens=0)
        return CreateEmbeddingResponse(data=rows, model=model, object="list", usage=usage)


class Program:
    """RouteLLM, with the models and rows of one exchange."""

    def __init__(self, folder: Path) -> None:
        from routellm.routers.matrix_factorization.model import MODEL_IDS
        from routellm.routers.similarity_weighted.utils import OPENAI_CLIENT

        self.folder = folder
        self.data = json.loads((folder / "exchange.json").read_text())
        MODEL_IDS.clear()
        MODEL_IDS.update({name: n for n, name in enumerate(self.data["models"])})
        self.models = len(MODEL_IDS)
        self._known: dict[str, list[float]] = {}
        self._client = OPENAI_CLIENT
        OPENAI_CLIENT.embeddings = Remembered(OPENAI_CLIENT.embeddings, self._known)

    def embed(self, job: dict[str, Any], tell: Tell) -> list[int]:
        """Vectors of all texts by RouteLLM's client, in `vectors.npy`; their shape. Texts of like
        length go together, which costs the encoder less; what came is kept if it is stopped."""
        import numpy as np

        texts, path = self.data["texts"], self.folder / "vectors.npy"
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        beside, part = self.folder / "next.npy", self.folder / "part.npy"
        if path.exists():
            vectors = np.load(path)
            self._known |= {text: row.tolist() for text, row in zip(texts, vectors)}
            return list(vectors.shape)
        known = list(np.load(part)) if part.exists() else []
        while len(known) < len(texts):
            asked = [texts[n] for n in order[len(known) : len(known) + BATCH]]
            made = self._client.embeddings.create(input=asked, model="text-embedding-3-small").data
            known += [np.array(one.embedding, dtype=np.float32) for one in made]
            if len(known) % (8 * BATCH) == 0:
                np.save(beside, np.stack(known))
                beside.replace(part)
            tell(len(known), len(texts))
        vectors = np.empty((len(texts), len(known[0])), dtype=np.float32)
        vectors[order] = np.stack(known)
        np.save(beside, vectors)
        beside.replace(path)
        return self.embed(job, tell)

    def mf(self, job: dict[str, Any], tell: Tell) -> list[float]:
        """Trains its matrix factorisation on the battles, and has its router judge the test texts:
        chances that the strong model wins. job: {"seed", "pair": whether only battles of the two
        models that are routed between}."""
        import numpy as np
        import torch
        from routellm.routers.matrix_factorization import train_matrix_factorization as training
        from routellm.routers.matrix_factorization.model import MFModel
        from routellm.routers.routers import MatrixFactorizationRouter

        vectors = self._vectors(tell)
        random.seed(job["seed"])
        np.random.seed(job["seed"])
        torch.manual_seed(job["seed"])
        data = [b for b in self._battles(job["pair"]) if b["winner"] in ("model_a", "model_b")]
        random.shuffle(data)
        cut = int(len(data) * TRAINED)
        lessons = training.PairwiseDataset(data[:cut]).get_dataloaders(MINIBATCH)
        held = training.PairwiseDataset(data[cut:]).get_dataloaders(1024, shuffle=False)
        np.save(self.folder / "train.npy", vectors[: self.data["train"]])
        net = training.MFModel_Train(
            dim=DIM,
            num_models=self.models,
            num_prompts=self.data["train"],
            text_dim=vectors.shape[1],
            npy_path=self.folder / "train.npy",
        )
        training.train_loops(
            net,
            lessons,
            held,
            lr=RATE,
            weight_decay=DECAY,
            alpha=NOISE,
            num_epochs=EPOCHS,
            device="cpu",
        )
        shape = {"num_models": self.models, "text_dim": vectors.shape[1]}
        learned = MFModel(dim=DIM, num_classes=1, use_proj=True, **shape)
        learned.load_state_dict(renamed(net.state_dict()))
        learned.save_pretrained(self.folder / "mf")
        strong, weak = self.data["pair"]
        router = MatrixFactorizationRouter(
            str(self.folder / "mf"), strong_model=strong, weak_model=weak, hidden_size=DIM, **shape
        )
        return self._judged(router, tell)

    def sw_ranking(self, job: dict[str, Any], tell: Tell) -> list[float]:
        """Its similarity-weighted ranking over the battles of the two models, ties included;
        nothing is trained."""
        from datasets import Dataset
        from routellm.routers.routers import SWRankingRouter

        vectors, texts = self._vectors(tell), self.data["texts"]
        battles = [b for b in self._battles(True) if len(texts[b["idx"]].strip()) >= LEAST]
        rows = [
            {
                "prompt": json.dumps([texts[b["idx"]]]),
                "model_a": b["model_a"],
                "model_b": b["model_b"],
                "winner_model_a": int(b["winner"] == "model_a"),
                "winner_model_b": int(b["winner"] == "model_b"),
            }
            for b in battles
        ]
        near = [{"embeddings": vectors[b["idx"]].tolist()} for b in battles]
        places = [str(self.folder / "battles"), str(self.folder / "embeddings")]
        for place, found in zip(places, (rows, near)):
            Dataset.from_list(found).to_parquet(f"{place}/train.parquet")
        strong, weak = self.data["pair"]
        router = SWRankingRouter(
            places[:1], places[1:], strong_model=strong, weak_model=weak, num_tiers=2
        )
        return self._judged(router, tell)

    def _vectors(self, tell: Tell) -> Any:
        import numpy as np

        if not self._known:
            self.embed({}, tell)
        return np.load(self.folder / "vectors.npy")

    def _battles(self, pair: bool) -> list[dict[str, Any]]:
        two = set(self.data["pair"])
        battles: list[dict[str, Any]] = self.data["battles"]
        return [b for b in battles if not pair or {b["model_a"], b["model_b"]} == two]

    def _judged(self, router: Any, tell: Tell) -> list[float]:
        tests, found = self.data["texts"][self.data["train"] :], []
        for text in tests:
            found.append(float(router.calculate_strong_win_rate(text)))
            if len(found) % 50 == 0:
                tell(len(found), len(tests))
        return found


def renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Weights of `MFModel_Train` under the names of `MFModel`; the queries' vectors are left out,
    as its training script says."""
    names = {
        "P.weight": "P.weight",
        "text_proj.weight": "text_proj.0.weight",
        "classifier.weight": "classifier.0.weight",
    }
    return {new: state[old] for old, new in names.items()}


def work(program: Any, jobs: Any, say: Callable[[dict[str, Any]], None]) -> None:
    """Does jobs as they come, until there are no more. A job that fails is told of, and ends no
    other."""
    for line in jobs:
        job = json.loads(line)
        try:
            do = getattr(program, job["do"])
            say({"result": do(job, lambda done, of: say({"done": done, "of": of}))})
        except Exception as error:  # another program's: whatever it raises
            say({"error": f"{job['do']}: {type(error).__name__}: {error}"})


if __name__ == "__main__":
    out = sys.stdout

    def said(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=out, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        try:
            made = Program(Path(sys.argv[1]))
        except Exception as error:
            said({"error": f"{type(error).__name__}: {error}"})
        else:
            from importlib.metadata import version

            said({"result": version("routellm")})
            work(made, sys.stdin, said)
