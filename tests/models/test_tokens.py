"""The engine's numbers: the same to the bit whoever else is in the batch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from agentkit.capabilities import Cancel, Draw, Grammar, Seq, Span, Tokens
from agentkit.errors import AgentkitError, BudgetExceeded, ContextOverflow, UsageError
from agentkit.models.engine.choosing import Chooser
from agentkit.models.engine.decoder import Decoder
from agentkit.models.engine.engine import SLOTS, Engine
from agentkit.models.engine.rows import Row
from agentkit.models.engine.sampling import Choice
from agentkit.models.engine.tokens import EngineTokens
from agentkit.models.files.loading import load
from agentkit.models.text.grammar import Grammars
from agentkit.testing.tiny import tiny_model_folder

pytestmark = pytest.mark.slow

LENGTHS = (1, 5, 40, 63, 64, 100, 127, 130, 190, 191, 250, 300, 383, 400, 520, 600)


class Bare:
    """An engine on a module, without the part around it."""

    def __init__(self, folder: Path, dtype: str, kv_memory: int = 1 << 30) -> None:
        self.loaded = load(folder, dtype, "cpu")  # type: ignore[arg-type]
        self.grammars = Grammars(self.loaded.tokenizer, self.loaded.rows, self.loaded.ends)
        self.engine = Engine(lambda: Decoder(self.loaded.model), self.grammars, kv_memory)
        chat = None  # token-level calls render nothing
        self.tokens: Tokens = EngineTokens(
            self.engine,
            self.loaded.tokenizer,
            chat,  # type: ignore[arg-type]
            self.grammars,
            context=self.loaded.context,
            ends=self.loaded.ends,
        )


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bare:
    return Bare(tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model"), request.param)


def prompt(length: int, seed: int = 0) -> list[int]:
    return np.random.default_rng([seed, length]).integers(0, 256, length).tolist()


def same(a: Span, b: Span, bare: Bare, *, part: slice = slice(None)) -> None:
    """Equal tokens, and numbers 0.0 apart where the engine calls itself exact, else 1e-4."""
    assert a.ids[part].tolist() == b.ids.tolist()
    limit = 0.0 if bare.engine.exact else 1e-4
    for name in ("logp", "logz", "sampled"):
        gap = np.abs(getattr(a, name)[part] - getattr(b, name))
        assert gap.max(initial=0.0) <= limit, name


def alone(bare: Bare, ids: Sequence[int], new: int, draw: Draw) -> Span:
    return bare.tokens.extend(bare.tokens.open([ids]), new, [draw])[0]


def draws(n: int, temperature: float = 1.0) -> list[Draw]:
    return [Draw(seed=i, temperature=temperature, stop_ids=()) for i in range(n)]


@pytest.mark.parametrize("temperature", [1.0, 0.25, 0.0])
def test_a_batch_of_sixteen_gives_what_batches_of_one_give(bare: Bare, temperature: float) -> None:
    prompts, how = [prompt(n) for n in LENGTHS], draws(len(LENGTHS), temperature)
    together = bare.tokens.extend(bare.tokens.open(prompts), 12, how)
    for ids, span, draw in zip(prompts, together, how):
        same(span, alone(bare, ids, 12, draw), bare)
    eight = bare.tokens.extend(bare.tokens.open(prompts[:8]), 12, how[:8])
    for span, other in zip(together, eight):
        same(span, other, bare)


def test_more_rows_than_places_take_turns(bare: Bare) -> None:
    """Full batches and the rows that join them late give what single rows give."""
    count = SLOTS + 3
    prompts, how = [prompt(5 + n % 9, n) for n in range(count)], draws(count)
    together = bare.tokens.extend(bare.tokens.open(prompts), 6, how)
    for n in (0, SLOTS - 1, SLOTS, count - 1):
        same(together[n], alone(bare, prompts[n], 6, how[n]), bare)


def test_the_order_of_rows_changes_nothing(bare: Bare) -> None:
    prompts, how = [prompt(n) for n in LENGTHS[:7]], draws(7)
    forward = bare.tokens.extend(bare.tokens.open(prompts), 9, how)
    backward = bare.tokens.extend(bare.tokens.open(prompts[::-1]), 9, how[::-1])
    for a, b in zip(forward, backward[::-1]):
        same(a, b, bare)


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_score_gives_the_numbers_of_extend(bare: Bare, temperature: float) -> None:
    prompts, how = [prompt(n) for n in LENGTHS], draws(len(LENGTHS), temperature)
    spans = bare.tokens.extend(bare.tokens.open(prompts), 70, how)
    scored = bare.tokens.score(prompts, [s.ids.tolist() for s in spans], how)
    for a, b in zip(spans, scored):
        same(a, b, bare)
    identity = spans[3].logp / temperature - spans[3].logz
    assert np.abs(identity - spans[3].sampled).max() < 1e-4


def test_log_z_is_the_log_of_a_sum(bare: Bare) -> None:
    ids = prompt(30)
    with torch.no_grad():
        logits = bare.loaded.model(torch.tensor([ids])).logits[0, -1].float()
    logits[bare.grammars.rows :] = -torch.inf
    for temperature in (1.0, 0.25, 2.0):
        span = alone(bare, ids, 1, Draw(temperature=temperature))
        logp = torch.log_softmax(logits, -1)
        near = 1e-4 if bare.loaded.model.dtype == torch.float32 else 0.2
        assert span.logp[0] == pytest.approx(float(logp[span.ids[0]]), abs=near)
        wanted = float(torch.logsumexp(logp / temperature, -1))
        assert span.logz[0] == pytest.approx(wanted, abs=near / temperature)


@pytest.mark.parametrize("temperature", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("exact", [True, False])
def test_a_row_whose_numbers_overflow_fails_alone(
    bare: Bare, temperature: float, exact: bool
) -> None:
    chooser = Chooser(bare.grammars, torch.device("cpu"))
    rows: Any = [
        SimpleNamespace(
            temperature=temperature, choice=Choice(1, n, temperature), steered=int, top=0
        )
        for n in range(3)
    ]
    whole = torch.randn(3, bare.grammars.rows, generator=torch.Generator().manual_seed(0))
    spoilt = whole.clone()
    spoilt[1, 7] = torch.nan
    wanted = chooser.choose(rows, whole, None, exact=exact)
    got = chooser.choose(rows, spoilt, None, exact=exact)
    assert (got[0], got[2]) == (wanted[0], wanted[2])
    assert isinstance(got[1], AgentkitError) and "not numbers" in got[1].message


def test_scores_that_are_not_numbers_are_an_error(
    bare: Bare, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = bare.engine.decoder.head
    monkeypatch.setattr(bare.engine.decoder, "head", lambda states: head(states) * torch.nan)
    with pytest.raises(AgentkitError, match="not numbers"):
        alone(bare, prompt(5), 3, Draw())
    with pytest.raises(AgentkitError, match="not numbers"):
        bare.tokens.score([prompt(5)], [[1, 2]], [Draw()])


def test_forks_share_and_leave_the_parent_as_it_was(bare: Bare) -> None:
    ids, draw = prompt(90), Draw(seed=4, stop_ids=())
    parent = bare.tokens.open([ids])[0]
    span = bare.tokens.extend([parent], 20, [draw])[0]
    kept = parent.ids
    assert kept == (*ids, *span.ids.tolist())
    for length in (1, 2, 89, 90, 91, 100, 109, 110):  # begin, prompt's end, inside the span, end
        child = bare.tokens.fork(parent, length)
        assert child.ids == kept[:length]
        same(
            bare.tokens.extend([child], 6, [draw])[0],
            alone(bare, kept[:length], 6, draw),
            bare,
        )
        assert parent.ids == kept
    on = bare.tokens.extend([parent], 6, [draw])[0]
    same(on, alone(bare, kept, 6, draw), bare)
    for length in (0, 111 + 6, -1):
        with pytest.raises(UsageError, match="cannot fork"):
            bare.tokens.fork(parent, length)


def test_the_same_seed_draws_the_same_continuation_after_a_fork(bare: Bare) -> None:
    parent = bare.tokens.open([prompt(33)])[0]
    whole = bare.tokens.extend([parent], 15, [Draw(seed=9, stop_ids=())])[0]
    child = bare.tokens.fork(parent, 33 + 7)
    again = bare.tokens.extend([child], 8, [Draw(seed=9, stop_ids=())])[0]
    same(whole, again, bare, part=slice(7, None))


def test_seeds_make_the_difference(bare: Bare) -> None:
    ids = prompt(20)
    seqs = bare.tokens.open([ids] * 6)
    texts = {tuple(s.ids) for s in bare.tokens.extend(seqs, 12, draws(6))}
    assert len(texts) == 6


def test_a_row_may_end_at_its_first_token(bare: Bare) -> None:
    prompts, how = [prompt(n) for n in (9, 17, 30)], draws(3)
    first = bare.tokens.extend(bare.tokens.open(prompts), 1, how)
    ended = [how[0], Draw(seed=1, stop_ids=(int(first[1].ids[0]),)), how[2]]
    spans = bare.tokens.extend(bare.tokens.open(prompts), 8, ended)
    assert [s.finish for s in spans] == ["length", "stop", "length"]
    assert spans[1].ids.tolist() == first[1].ids.tolist()
    for ids, span, draw in zip(prompts, spans, ended):
        same(span, alone(bare, ids, 8, draw), bare)


def test_calls_from_many_threads_share_batches_and_change_nothing(bare: Bare) -> None:
    prompts = [prompt(n, seed=3) for n in (3, 30, 77, 140, 200)]
    spans: dict[int, Span] = {}

    def call(i: int) -> None:
        spans[i] = alone(bare, prompts[i], 10 + i, Draw(seed=i, stop_ids=()))

    threads = [threading.Thread(target=call, args=(i,)) for i in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, ids in enumerate(prompts):
        same(spans[i], alone(bare, ids, 10 + i, Draw(seed=i, stop_ids=())), bare)


def test_equal_prompts_are_read_once(bare: Bare, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    plain = bare.engine.decoder.read
    monkeypatch.setattr(
        bare.engine.decoder,
        "read",
        lambda ids, *rest: (read.append(len(ids)), plain(ids, *rest))[1],
    )
    ids = prompt(50, seed=8)
    bare.tokens.open([ids, ids, ids])
    assert sum(read) == 49
    bare.tokens.open([[*ids, 1, 2, 3]])  # begins like one that is known
    assert sum(read) == 49 + 3


def test_grammars_mask_and_renormalise_alike_in_extend_and_score(bare: Bare) -> None:
    grammar = Grammar("regex", "(yes|no) [0-9]{3}")
    how = [Draw(seed=i, grammar=grammar if i % 2 else None, stop_ids=()) for i in range(4)]
    prompts = [prompt(n) for n in (4, 20, 64, 65)]
    spans = bare.tokens.extend(bare.tokens.open(prompts), 12, how)
    for span, draw in zip(spans, how):
        if draw.grammar:
            text = bare.tokens.decode(span.ids.tolist())
            assert text[:3] in ("yes", "no ") and span.finish == "stop"
    scored = bare.tokens.score(prompts, [s.ids.tolist() for s in spans], how)
    for a, b in zip(spans, scored):
        same(a, b, bare)
    wrong = bare.tokens.score([prompts[1]], [list(b"maybe")], [how[1]])[0]
    assert np.isneginf(wrong.logp[-4:]).all()
    seq = bare.tokens.open([prompts[1]])[0]
    bare.tokens.extend([seq], 2, [how[1]])  # a grammar goes on where the last call left it
    rest = bare.tokens.extend([seq], 12, [how[1]])[0]
    assert rest.ids.tolist() == spans[1].ids.tolist()[2:]


def test_wrong_calls_are_refused_before_any_computing(bare: Bare) -> None:
    tokens = bare.tokens
    good = tokens.open([prompt(10)])[0]
    with pytest.raises(UsageError, match="no tokens"):
        tokens.open([[1, 2], []])
    with pytest.raises(UsageError, match="token ids"):
        tokens.open([[5000]])
    with pytest.raises(ContextOverflow) as caught:
        tokens.extend([good], 1015, [Draw()])
    assert caught.value.details == {"limit": 1024, "got": 1025}
    with pytest.raises(ContextOverflow):
        tokens.open([[1] * 1025])
    with pytest.raises(UsageError, match="twice"):
        tokens.extend([good, good], 3, draws(2))
    with pytest.raises(UsageError, match="1 draws for 2"):
        tokens.extend(tokens.open([[1], [2]]), 3, [Draw()])
    with pytest.raises(UsageError, match="temperature"):
        tokens.extend([good], 3, [Draw(temperature=-1)])
    with pytest.raises(UsageError, match="another kind"):
        tokens.fork(object(), 1)  # type: ignore[arg-type]
    assert tokens.open([]) == [] and tokens.extend([], 3, []) == [] == tokens.score([], [], [])
    assert len(tokens.score([[1, 2]], [[]], [Draw()])[0].ids) == 0


def test_a_context_can_be_filled_to_its_last_token(bare: Bare) -> None:
    span = alone(bare, prompt(1014), 10, Draw(stop_ids=()))
    assert len(span.ids) == 10


def test_cancelling_keeps_what_was_drawn(bare: Bare) -> None:
    cancel = Cancel()
    cancel.set()
    seq = bare.tokens.open([prompt(10)])[0]
    span = bare.tokens.extend([seq], 10, [Draw(seed=1)], cancel=cancel)[0]
    assert span.finish == "cancelled" and len(span.ids) == 0 and len(seq.ids) == 10
    same(
        bare.tokens.extend([seq], 5, [Draw(seed=1, stop_ids=())])[0],
        alone(bare, prompt(10), 5, Draw(seed=1, stop_ids=())),
        bare,
    )


def test_the_budget_of_keys_and_values(tmp_path: Path) -> None:
    small = Bare(tiny_model_folder(tmp_path / "tiny"), "fp32", kv_memory=200 * 512)
    assert small.engine.decoder.token_bytes == 512
    how = Draw(seed=3, stop_ids=())
    wanted = [alone(small, prompt(40, seed=s), 20, how).ids.tolist() for s in range(6)]
    # Six rows of 60 tokens do not fit together: some wait until others have left.
    seqs = small.engine.open([tuple(prompt(40, seed=s)) for s in range(3)] * 2)
    rows = [Row(seq, 20, seed=3, keep=False) for seq in seqs]
    small.engine.extend(rows)
    assert [row.ids for row in rows] == wanted[:3] * 2
    del seqs, rows
    assert [alone(small, prompt(40, seed=s), 20, how).ids.tolist() for s in range(6)] == wanted
    held: list[Seq] = []
    with pytest.raises(BudgetExceeded, match="kv_memory"):
        for s in range(10):
            held += small.tokens.open([prompt(40, seed=s)])
    held.clear()
    assert small.tokens.open([prompt(150)])


def test_new_weights_refuse_old_sequences(bare: Bare) -> None:
    old = bare.tokens.open([prompt(10)])[0]
    before = alone(bare, prompt(10), 5, Draw(seed=1, stop_ids=()))
    with bare.engine.exclusive():
        bare.engine.renew(bare.engine.version + 1)
    with pytest.raises(UsageError, match="weights version"):
        bare.tokens.extend([old], 1, [Draw()])
    after = alone(bare, prompt(10), 5, Draw(seed=1, stop_ids=()))
    same(before, after, bare)
    assert set(after.version) == {bare.engine.version} != set(before.version)
