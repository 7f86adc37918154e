"""The network: what it may see, what it points at, and that batches change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from agentkit_phone_policy.decoder import NEVER, Policy, rotated, rotation
from agentkit_phone_policy.encoding import FIXED
from agentkit_phone_policy.folder import read_policy, write_policy

WORDS = [*FIXED, "com.app.one", "call", "mia", "save"]
IDS = {word: number for number, word in enumerate(WORDS)}


def ids(text: str) -> Tensor:
    return torch.tensor([[IDS[word] for word in text.split()]])


PROMPT = "<goal> call @0 <goal> mia @1 <screen> com.app.one <element> row mia @1 #0 <element> button save #1 <act>"  # noqa: E501


@pytest.fixture
def net(tmp_path: Path) -> Policy:
    return read_policy(write_policy(tmp_path / "p", WORDS, width=32, layers=2, heads=2, seed=3))


@torch.no_grad()
def test_numbers_that_nothing_has_are_never_said(net: Policy) -> None:
    logits = net(ids(PROMPT)).logits[0, -1]
    for word in ("#2", "@2", "#59"):
        assert logits[IDS[word]] == NEVER
    for word in ("#0", "#1", "@0", "@1"):
        assert logits[IDS[word]] != NEVER


@torch.no_grad()
def test_a_number_is_pointed_at_where_it_names_a_piece(net: Policy) -> None:
    """The `@1` of the element says that mia is in the goal; to point at `@1` is to point there."""
    without = PROMPT.replace("row mia @1 #0", "row mia #0")
    one, other = (net.eval()(ids(p)).logits[0, -1] for p in (PROMPT, without))
    assert one[IDS["@1"]] != other[IDS["@1"]], "what the element says is seen"
    piece = net.pieces(ids(PROMPT), torch.zeros_like(ids(PROMPT), dtype=torch.bool))
    assert piece[0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 5]


@torch.no_grad()
def test_what_comes_later_is_not_seen(net: Policy) -> None:
    short, long = ids(PROMPT), ids(f"{PROMPT} tap #0 <end>")
    one, other = net(short).logits, net(long).logits
    assert torch.allclose(one[0, -1], other[0, short.shape[1] - 1], atol=1e-6)
    assert (other[0, : short.shape[1] - 1] == 0).all(), "nothing is said inside a prompt"


@torch.no_grad()
def test_a_batch_is_its_rows(net: Policy) -> None:
    rows = [f"{PROMPT} tap #0 <end>", PROMPT.replace("<element> button save #1 ", "")]
    whole = [ids(row) for row in rows]
    width = max(row.shape[1] for row in whole)
    batch = torch.cat([torch.nn.functional.pad(row, (0, width - row.shape[1])) for row in whole])
    made = net(batch).logits
    for number, row in enumerate(whole):
        alone = net(row).logits[0]
        assert torch.allclose(made[number, : row.shape[1]], alone, atol=1e-5)


def test_training_hides_words_and_never_numbers_and_repeats(net: Policy) -> None:
    net.train()
    text = ids(f"{PROMPT} tap #0 <end>")
    one, other = net(text).logits, net(text).logits
    assert torch.equal(one, other), "the same batch hides the same words"
    one[0, -2].logsumexp(0).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_rotary_positions_know_distances_alone() -> None:
    turn = rotation(12, 8, torch.device("cpu"))
    q, k = torch.randn(2, 8)
    at = [[rotated(x.expand(12, 8), turn)[n] for n in range(12)] for x in (q, k)]
    assert float(at[0][7] @ at[1][4]) == pytest.approx(float(at[0][5] @ at[1][2]), abs=1e-5)
