"""The network: what it may see, what it points at, and that batches change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from agentkit_phone_policy.decoder import NEVER, Policy, rotated, rotation
from agentkit_phone_policy.folder import read_policy, write_policy
from agentkit_phone_policy.words import FIXED

WORDS = [*FIXED, "phone", "call", "mia", "save"]
MORE = ["ring", "store"]
MEANINGS = np.zeros((len(WORDS) + len(MORE), 4), np.float32)
MEANINGS[-6:] = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]]
ALL = [*WORDS, *MORE]
IDS = {word: number for number, word in enumerate(ALL)}


def ids(text: str) -> Tensor:
    return torch.tensor([[IDS[word] for word in text.split()]])


PROMPT = (
    "<goal> call @0 <goal> mia @1 <app> phone &0 <screen> phone <element> row mia @1 #0 "
    "<element> button save #1 <act>"
)


@pytest.fixture
def net(tmp_path: Path) -> Policy:
    made = write_policy(
        tmp_path / "p", WORDS, width=32, layers=2, heads=2, seed=3, more=MORE, meanings=MEANINGS
    )
    return read_policy(made)


@torch.no_grad()
def test_numbers_that_nothing_has_are_never_said(net: Policy) -> None:
    logits = net(ids(PROMPT)).logits[0, -1]
    for word in ("#2", "@2", "#59", "&1"):
        assert logits[IDS[word]] == NEVER
    for word in ("#0", "#1", "@0", "@1", "&0"):
        assert logits[IDS[word]] != NEVER


@torch.no_grad()
def test_a_number_is_pointed_at_where_it_names_a_piece(net: Policy) -> None:
    """The `@1` of the element says that mia is in the goal; to point at `@1` is to point there."""
    without = PROMPT.replace("row mia @1 #0", "row mia #0")
    one, other = (net.eval()(ids(p)).logits[0, -1] for p in (PROMPT, without))
    assert one[IDS["@1"]] != other[IDS["@1"]], "what the element says is seen"
    piece = net.pieces(ids(PROMPT), torch.zeros_like(ids(PROMPT), dtype=torch.bool))
    assert piece[0].tolist() == [
        *(0, 0, 0), *(1, 1, 1), *(2, 2, 2), *(3, 3), *(4, 4, 4, 4, 4), *(5, 5, 5, 5), 6,
    ]  # fmt: skip


@torch.no_grad()
def test_a_word_of_a_note_has_its_own_number_and_may_be_in_the_goal(net: Policy) -> None:
    text = ids(PROMPT.replace("<app>", "<note> mia @1 @64 <app>"))
    piece = net.pieces(text, torch.zeros_like(text, dtype=torch.bool))
    named = net._named(text, piece, torch.zeros_like(text, dtype=torch.bool))[0]
    names = [(ALL[i], int(piece[0, n])) for n, i in enumerate(text[0].tolist()) if named[n]]
    assert names == [("@0", 0), ("@1", 1), ("@64", 2), ("&0", 3), ("#0", 5), ("#1", 6)]
    assert net(text).logits[0, -1, IDS["@64"]] != NEVER


@torch.no_grad()
def test_what_comes_later_is_not_seen(net: Policy) -> None:
    short, long = ids(PROMPT), ids(f"{PROMPT} tap #0 <end>")
    one, other = net(short).logits, net(long).logits
    assert torch.allclose(one[0, -1], other[0, short.shape[1] - 1], atol=1e-6)
    assert (other[0, : short.shape[1] - 1] == 0).all(), "nothing is said inside a prompt"


@torch.no_grad()
def test_the_goal_sees_the_screen(net: Policy) -> None:
    """Pieces of a prompt see each other, whichever comes first."""
    one, other = ids(PROMPT), ids(PROMPT.replace("button save", "button call"))
    answer = torch.zeros_like(one, dtype=torch.bool)
    states = [net._states(x, net.pieces(x, answer), answer) for x in (one, other)]
    assert not torch.allclose(states[0][0, 0], states[1][0, 0], atol=1e-5)


@torch.no_grad()
def test_a_word_that_was_never_learned_is_known_by_its_meaning(net: Policy) -> None:
    """`ring` means what `call` does: all that differs is what was learned of `call`."""
    net.embed.weight[IDS["call"]] = 0
    one, other = (net(ids(p)).logits[0, -1] for p in (PROMPT, PROMPT.replace("call", "ring")))
    assert torch.allclose(one, other, atol=1e-6)
    third = net(ids(PROMPT.replace("call", "store"))).logits[0, -1]
    assert not torch.allclose(one, third, atol=1e-4)
    assert not net.state_dict()["meanings"].requires_grad


def test_in_training_words_go_by_their_meaning_now_and_then(net: Policy) -> None:
    """The same word throughout a prompt, or not at all there; verbs and numbers never."""
    net.train()
    bare = whole = 0
    for number in range(40):
        text = ids(PROMPT.replace("<act>", "<element> row #2 " * number + "<act>"))
        answer = torch.zeros_like(text, dtype=torch.bool)
        words = net._words(text, net.pieces(text, answer), answer)[0]
        meant = net.lift(net.meanings[text])[0]
        same = torch.isclose(words, meant).all(-1) & (words != 0).any(-1)
        hidden = (words == 0).all(-1)
        saves = (text[0] == IDS["mia"]) & ~hidden  # in the goal and on the screen
        if saves.any():
            assert len(set(same[saves].tolist())) == 1
            bare += bool(same[saves].all())
            whole += not same[saves].any()
        assert not same[text[0] == IDS["#0"]].any()
    assert bare > 4 and whole > 15


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
