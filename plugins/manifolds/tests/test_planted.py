"""Every analysis on a model whose weights were made to have the right answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.testing.progress import Recorder
from agentkit_manifolds.behaviour import auc, by_width, listen
from agentkit_manifolds.causal import (
    ablations,
    matched,
    places,
    projected,
    removed,
    scrambled,
    sweep,
)
from agentkit_manifolds.geometry import basis, reaching, shape, shares_of
from agentkit_manifolds.heads import boundary, heads, ranked, sink, to_newline
from agentkit_manifolds.illusion import LETTERS, lines_of, scan
from agentkit_manifolds.moments import Curves, within
from agentkit_manifolds.planted import NEWLINE, WIDTH, Planted, curve
from agentkit_manifolds.ridge import probe
from agentkit_manifolds.running import Prefix
from agentkit_manifolds.sites import ablate, edit, fingerprint, layers, logits, patch, read
from agentkit_manifolds.stream import Sums, by_value, collect
from agentkit_manifolds.task import ScalarTask, Text
from agentkit_manifolds.tokens import Placer
from agentkit_manifolds.wrap import wrap

NEWLINES = {NEWLINE}
Pooled = Callable[..., Curves]


def widths(task: ScalarTask) -> set[int]:
    return {e.width for e in task.examples}


@pytest.mark.slow
def test_the_count_is_where_it_was_planted(sums: Sums, pooled: Pooled) -> None:
    for site, known in (("embed", False), ("post.0", True), ("post.1", True)):
        moments = sums.moments[site]
        left = probe(moments, "count", nuisances=("length",))
        assert (left.r2 > 0.9) == known
        found = shape(pooled(site))
        assert found.found == known
        assert not shape(pooled(site, ", shuffled")).found
        if known:
            seen = reaching(shares_of(curve(range(13, 45))))  # half of the closed curve
            assert abs(found.dimension - seen) <= 1


def test_nothing_is_found_in_a_model_that_does_not_count(task: ScalarTask) -> None:
    wanted = [by_value(str(k), "count", 13, 45, 2, width=k) for k in sorted(widths(task))]
    sums = collect(Planted(counting=False), task, ["post.0"], wanted, Recorder())
    assert probe(sums.moments["post.0"], "count", nuisances=("length",)).r2 < 0.1
    assert not shape(within(list(sums.curves["post.0"].values())).enough()).found


def test_streams_read_sites_and_stop_early(planted: Planted) -> None:
    ids = torch.tensor([list(b"some words\nand more"), list(b"other words\nof them")])
    seen = read(planted, ids, ["embed", "normed.1", "heads.1", "attn.1", "post.0"])
    assert torch.equal(seen["embed"], planted.embed(ids))
    assert torch.equal(seen["normed.1"], seen["post.0"])
    weights = planted.layers[1].self_attn.o_proj
    assert torch.allclose(weights(seen["heads.1"]), seen["attn.1"])
    ran = []
    hook = planted.head.register_forward_hook(lambda *_: ran.append(1))
    read(planted, ids, ["post.0"])
    hook.remove()
    assert not ran
    for bad in ("post.2", "nowhere", "post.x"):
        with pytest.raises(UsageError, match=r"post\.1"), edit(planted, bad, lambda x: x):
            pass
    with pytest.raises(UsageError, match="no layers"):
        layers(torch.nn.Linear(2, 2))
    with pytest.raises(UsageError, match="attention weights"):
        read(planted, ids, ["weights.0"])


def test_interventions_that_change_nothing_change_nothing(planted: Planted) -> None:
    before = fingerprint(planted)
    ids = torch.tensor([list(b"some words\nand more\nand")])
    plain = logits(planted, ids)
    none = torch.zeros(0, WIDTH)
    table, bins = torch.randn(5, WIDTH), torch.zeros_like(ids)
    everywhere = torch.ones_like(ids)
    with ablate(planted, "post.0", none), patch(planted, {"post.0": table}, bins, bins, everywhere):
        assert (logits(planted, ids) - plain).abs().max() <= 1e-5
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        ablate(planted, "post.0", torch.eye(WIDTH)),
        patch(planted, {"post.0": table}, bins, bins + 1, everywhere),
    ):
        assert not torch.allclose(logits(planted, ids), plain)
        raise RuntimeError("on purpose")
    assert torch.equal(logits(planted, ids), plain) and fingerprint(planted) == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in planted.modules())


def test_ablation_keeps_what_is_outside(planted: Planted) -> None:
    ids = torch.tensor([list(b"some words")])
    plain = read(planted, ids, ["post.0"])["post.0"]
    basis = torch.linalg.qr(torch.randn(WIDTH, 3)).Q.T
    where = torch.zeros_like(ids)
    where[0, 4] = 1
    with ablate(planted, "post.0", basis, where=where):
        # The hook that reads was registered later, so it sees what the one before left.
        seen = read(planted, ids, ["post.0"])["post.0"]
    assert torch.equal(seen[0, :4], plain[0, :4]) and torch.equal(seen[0, 5:], plain[0, 5:])
    assert (seen[0, 4] @ basis.T).abs().max() < 1e-5
    assert torch.allclose(seen[0, 4], plain[0, 4] - plain[0, 4] @ basis.T @ basis, atol=1e-5)


def test_breaks_are_foreseen(planted: Planted, task: ScalarTask) -> None:
    rows = by_width(listen(planted, task.examples[:24], NEWLINES))
    assert [row.width for row in rows] == sorted(widths(task))
    for row in rows:
        assert row.auc > (0.8 if row.width > 30 else 0.65) and row.breaks > 10
        assert row.at_breaks > 0.8 and row.at_breaks > row.elsewhere
        assert row.lines[0] < 0.5 * row.at_breaks  # no line was seen yet
    assert auc(np.array([1.0, 2]), np.array([1.0, 0])) == 0.875
    with pytest.raises(DataError, match="both"):
        auc(np.array([]), np.array([1.0]))


def test_the_boundary_head_is_the_first_found(sums: Sums) -> None:
    for head, offset in ((2, 4), (1, 8)):
        model = Planted(offset=offset, boundary=head)
        curves = (sums.curves["post.0"][n].curve()[0] for n in ("count 50", "line"))
        counts, lengths = (m - m.mean(0) for m in curves)
        found = ranked([boundary(h, counts, lengths) for h in heads(model, [1])])
        assert (found[0].layer, found[0].head) == (1, head) and found[0].found
        assert abs(found[0].offset - offset // 2) <= 1  # bins are two characters
        assert found[0].best > 0.9
        assert sum(b.found for b in found) == 1 or found[1].peak < found[0].peak / 2


@pytest.mark.slow
def test_gains_shared_keys_and_rotation_are_read() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=6,
        num_key_value_heads=2,
        attn_implementation="eager",
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).eval()
    model.model.layers[0].input_layernorm.weight.data.uniform_(0.5, 2)
    ids = torch.arange(5)[None]
    seen = read(model, ids, ["normed.0", "pre.0", "weights.0"])
    state = seen["pre.0"][0].double().numpy()
    scale = np.sqrt((state**2).mean(1, keepdims=True) + config.rms_norm_eps)
    for head in heads(model):
        assert head.group == head.number // 3
        for distance in (0, 3):
            query = head.queries(state[4:] / scale[4:], float(distance))
            key = head.keys(state[4 - distance : 5 - distance] / scale[4 - distance : 5 - distance])
            score = (query @ key.T).item() / 2  # the square root of four numbers a head
            weight = seen["weights.0"][0, head.number, 4]
            told = torch.log(weight[4 - distance]) - torch.log(weight[4])
            own = (head.queries(state[4:] / scale[4:]) @ head.keys(state[4:] / scale[4:]).T).item()
            assert told.item() == pytest.approx(score - own / 2, abs=1e-4)


def test_a_sink_is_fitted() -> None:
    told = np.array([0.8] * 6 + [0.6, 0.4, 0.2] + [0.0] * 10)
    found = sink(told)
    assert (found.hold, found.fall) in ((5, 4), (6, 3)) and found.error < 0.02
    weights = torch.zeros(2, 4, 4)
    weights[1, 3, 1] = 0.5
    total, count = to_newline(weights, np.array([0, 1, 0, 1]), np.array([-1, -1, 1, 1]), 3)
    assert total[1].tolist() == [0, 0.5, 0] and count.tolist() == [1, 1, 0]


@pytest.mark.slow
def test_without_the_count_breaks_alone_are_missed(
    planted: Planted, task: ScalarTask, sums: Sums, pooled: Pooled
) -> None:
    moments = sums.moments["post.0"]
    _, directions = basis(pooled("post.0"), 6)
    planted_rows = planted.count_frame
    assert np.linalg.svd(directions @ planted_rows.T)[1][:4].min() > 0.9
    found = ablations(
        planted,
        task.examples[:12],
        NEWLINES,
        "post.0",
        directions,
        moments.mean(),
        moments.covariance(),
        Recorder(),
        draws=8,
    )
    assert found.found and found.count.newline > 0.3 and found.newlines > 40
    assert all(c.variance == pytest.approx(found.count.variance, rel=0.05) for c in found.controls)
    assert {c.dimensions for c in found.same} == {6}
    stop = Recorder()
    stop.cancel.set()
    with pytest.raises(Cancelled):
        ablations(planted, task.examples[:2], NEWLINES, "post.0", directions,
                  moments.mean(), moments.covariance(), stop)  # fmt: skip


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.3, 0.9])
def test_controls_hold_as_much_variance(share: float) -> None:
    root = np.random.default_rng(0).normal(size=(30, 30)) * np.logspace(2, -2, 30)
    covariance = root.T @ root
    wanted = share * float(np.trace(covariance))
    drawn = matched(covariance, wanted, 3)
    assert drawn @ drawn.T == pytest.approx(np.eye(len(drawn)), abs=1e-9)
    assert removed(drawn, covariance) == pytest.approx(wanted, rel=0.05)
    with pytest.raises(DataError, match="no subspace"):
        matched(covariance, 2 * float(np.trace(covariance)), 0)


def test_the_break_moves_with_the_count(planted: Planted, task: ScalarTask, sums: Sums) -> None:
    curves = sums.curves["post.0"]["count 44"].enough()
    tables = {"post.0": curves.curve()[0]}
    chosen = places([e for e in task.examples if e.width == 44], 20, 34, 12)
    shifts = (-12, -8, -4, 0, 4, 8, 12)
    moved = sweep(planted, chosen, NEWLINES, tables, curves.bins, shifts, Recorder())
    plain = np.array([
        float(logits(planted, torch.tensor(p.example.ids[None, : p.at + 1]))[0, -1]
              .softmax(-1)[NEWLINE])
        for p in chosen
    ])  # fmt: skip
    assert moved.mass[:, 3] == pytest.approx(plain, abs=1e-5)
    turned = sweep(planted, chosen, NEWLINES, scrambled(tables, 0), curves.bins, shifts, Recorder())
    low = sweep(planted, chosen, NEWLINES, projected(tables, 6), curves.bins, shifts, Recorder())
    assert moved.slope.mean() > 3 * abs(turned.slope.mean()) and moved.slope.mean() > 0.05
    assert low.slope.mean() == pytest.approx(moved.slope.mean(), rel=0.3)


def test_prefixes_change_no_number(planted: Planted) -> None:
    ids = list(b"some words\nand more\nand")
    whole = logits(planted, torch.tensor([ids]))
    cut = Prefix(planted, ids[:12]).logits([ids[12:], ids[12:15]])
    assert torch.allclose(cut[0], whole[0, 12:], atol=1e-5)
    assert torch.allclose(cut[1, :3], whole[0, 12:15], atol=1e-5)


@pytest.mark.slow
def test_strings_are_ranked_beside_letters(
    planted: Planted, texts: list[Text], placer: Placer
) -> None:
    wrapped = [wrap(t.text, 30) for t in texts[:20]]
    lines = lines_of(planted, wrapped, placer, NEWLINES, low=0.2, high=0.99, most=4)
    found = scan(planted, lines, placer, NEWLINES, Recorder(), heads=[(1, 2)])
    assert len(found.effects) == 60 and found.lines == len(lines) > 2
    # No string takes this model's count away, since it counts by newlines alone.
    assert all(abs(e.change) < 1e-3 and e.low <= e.change <= e.high for e in found.effects)
    assert 1 <= found.rank("@@") <= 60

    class Blinded(Planted):
        """Counts anew at a mark, as the paper's model does at "@@"."""

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            states = self.embed(ids)
            seen = torch.where(ids == ord("@"), NEWLINE, ids)
            states = self.layers[0](states, seen)
            return self.head(self.layers[1](states, ids))

    few = ("@@", "||", "--", *LETTERS[:4])
    found = scan(Blinded(), lines, placer, NEWLINES, Recorder(), strings=few, heads=[(1, 2)])
    assert found.rank("@@") == 1 and found.effects[0].high < -0.3
    assert found.effects[0].attention < -0.05
    with pytest.raises(DataError, match="letter pairs"):
        scan(planted, lines, placer, NEWLINES, Recorder(), strings=["@@"])
    assert len(LETTERS) == 12
    with pytest.raises(DataError, match="no line's newline"):
        lines_of(planted, wrapped[:1], placer, NEWLINES, low=0.999, high=0.9999)
