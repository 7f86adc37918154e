"""Masks, advantages and the loss against hand-made numbers and the peers' formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from agentkit_ring_rl.advantages import group_advantages
from agentkit_ring_rl.gaps import gap_report
from agentkit_ring_rl.losses import TokenBatch, policy_loss
from agentkit_ring_rl.masks import (
    MASKS,
    Band,
    Everything,
    Gap,
    IcePop,
    KPop,
    OneRatio,
    SequenceMis,
    Truncated,
    binary_kl,
)

TRUE = torch.ones(1, 1, dtype=torch.bool)


def of_k(*ks: float) -> Gap:
    train = torch.full((1, len(ks)), -3.0)
    engine = train - torch.tensor([ks]).log()
    return Gap(train, engine, torch.ones(1, len(ks), dtype=torch.bool))


def batch(seed: int = 0, shape: tuple[int, int] = (6, 9), wide: float = 1.0) -> TokenBatch:
    noise = torch.Generator().manual_seed(seed)

    def some(scale: float) -> Tensor:
        return scale * torch.randn(shape, generator=noise)

    old = -some(2.0).abs()
    valid = torch.arange(shape[1]) < torch.randint(1, shape[1], (shape[0], 1), generator=noise)
    return TokenBatch(
        current=(old + some(0.2)).requires_grad_(),
        old=old,
        engine=old + some(wide),
        advantages=torch.randn(shape[0], generator=noise),
        valid=valid,
    )


# -- advantages -----------------------------------------------------------------------------------


def test_advantages_are_z_scores_of_their_group() -> None:
    rewards = torch.tensor([1.0, 0.0, 3.0, 5.0])
    found = group_advantages(rewards, torch.tensor([7, 7, 9, 9]))
    assert found.values.tolist() == [1.0, -1.0, -1.0, 1.0]
    assert found.flat == found.single == found.missing == 0
    plain = group_advantages(rewards, torch.tensor([7, 7, 9, 9]), "none")
    assert plain.values.tolist() == [0.5, -0.5, -1.0, 1.0]
    sample = group_advantages(rewards, torch.tensor([7, 7, 9, 9]), "sample")
    assert torch.allclose(sample.values.abs(), torch.tensor(math.sqrt(0.5)))


def test_a_group_without_a_difference_has_nothing_to_teach() -> None:
    # 0.1 thrice: a naive mean differs from each by a rounding error, and its spread is 1e-17
    found = group_advantages(torch.tensor([0.1, 0.1, 0.1, 0.7]), torch.tensor([0, 0, 0, 1]))
    assert found.values.tolist() == [0.0] * 4 and (found.flat, found.single) == (1, 1)


def test_rewards_that_are_no_numbers_stay_out_of_the_statistics() -> None:
    rewards = torch.tensor([1.0, float("nan"), 0.0, float("inf")])
    found = group_advantages(rewards, torch.zeros(4, dtype=torch.long))
    assert found.values.tolist() == [1.0, 0.0, -1.0, 0.0] and found.missing == 2
    nothing = group_advantages(torch.full((3,), float("nan")), torch.zeros(3, dtype=torch.long))
    assert nothing.values.tolist() == [0.0] * 3 and nothing.single == 1


@pytest.mark.parametrize("rewards", [torch.zeros(0), torch.zeros(2, 2), torch.zeros(3)])
def test_no_rewards_or_other_shapes_are_errors(rewards: Tensor) -> None:
    groups = torch.zeros(2 if len(rewards) == 3 else len(rewards), dtype=torch.long)
    with pytest.raises(ValueError, match="at least one entry"):
        group_advantages(rewards, groups)


# -- masks ----------------------------------------------------------------------------------------


def test_icepop_keeps_its_band_with_k_and_nothing_else() -> None:
    got = IcePop()(of_k(0.499, 0.5, 1.0, 3.0, 5.0, 5.01))
    assert torch.allclose(got.factor, torch.tensor([[0, 0.5, 1.0, 3.0, 5.0, 0]]), atol=1e-5)
    assert got.factor[0, 0] == 0.0 and got.factor[0, -1] == 0.0
    assert got.kept.tolist() == [[False, True, True, True, True, False]]


def test_bounds_hold_where_exp_and_log_round() -> None:
    # exp(ln .05 - ln .10) is 0.49999999999999994
    gap = Gap(torch.tensor([[0.05]]).log(), torch.tensor([[0.10]]).log(), TRUE)
    assert bool(IcePop()(gap).kept)
    double = Gap(gap.train.double(), gap.engine.double(), TRUE)
    assert bool(IcePop()(double).kept)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype) -> None:
    train, engine = torch.tensor([[-3.0]]), torch.tensor([[-4.5]])
    low = IcePop()(Gap(train.to(dtype), engine.to(dtype), TRUE)).factor
    assert low.dtype == torch.float32
    assert torch.equal(low, IcePop()(Gap(train, engine, TRUE)).factor)


def test_the_other_strategies() -> None:
    gap = of_k(0.1, 1.0, 8.0)
    assert torch.allclose(Truncated()(gap).factor, torch.tensor([[0.1, 1.0, 2.0]]))
    assert IcePop(factor="one")(gap).factor.tolist() == [[0.0, 1.0, 0.0]]
    assert Everything()(gap).factor.tolist() == [[1.0] * 3]
    wide = IcePop(Band(0.0, math.inf))(gap)
    assert torch.allclose(wide.factor, torch.tensor([[0.1, 1.0, 8.0]]), rtol=1e-5)
    assert bool(wide.kept.all())
    # 0.1 * 1 * 8 = 0.8: the product is inside, as is the geometric mean
    assert torch.allclose(SequenceMis(of="product")(gap).factor, torch.tensor(0.8))
    assert torch.allclose(SequenceMis()(gap).factor, torch.tensor(0.8 ** (1 / 3)))
    assert SequenceMis()(of_k(9.0, 9.0)).factor.tolist() == [[0.0, 0.0]]


def test_kpop_is_symmetric_and_forgives_rare_tokens() -> None:
    p, q = torch.tensor([[0.6, 0.001, 0.3]]).log(), torch.tensor([[0.1, 0.01, 0.31]]).log()
    here, there = KPop()(Gap(p, q, p < 0)), KPop()(Gap(q, p, p < 0))
    assert torch.equal(here.kept, there.kept)
    # k = 0.1 would fall out of IcePop's band; with so little mass it stays
    assert here.kept.tolist() == [[False, True, True]]
    assert here.factor.tolist() == [[0.0, 1.0, 1.0]]
    plain = 0.6 * math.log(6) + 0.4 * math.log(0.4 / 0.9)
    assert abs(float(binary_kl(p, q)[0, 0]) - plain) < 1e-6
    assert KPop()(Gap(torch.zeros(1, 1), torch.zeros(1, 1), TRUE)).kept.item()


def test_missing_numbers_have_k_1_and_are_counted() -> None:
    train = torch.tensor([[-1.0, -1.0, -1.0, -200.0]])
    engine = torch.tensor([[float("nan"), float("-inf"), -1.0, -1.0]])
    gap = Gap(train, engine, torch.ones(1, 4, dtype=torch.bool))
    assert gap.logk.tolist() == [[0.0, 0.0, 0.0, -20.0]]
    assert gap.missing.tolist() == [[True, True, False, False]]
    for mask in MASKS.values():
        assert bool(mask(gap).factor.isfinite().all()), mask.name


@pytest.mark.parametrize("alpha, beta", [(5.0, 0.5), (-0.1, 5.0), (float("nan"), 5.0)])
def test_an_impossible_band_is_refused(alpha: float, beta: float) -> None:
    with pytest.raises(ValueError, match="band from"):
        Band(alpha, beta)


def test_other_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="phi"):
        KPop(-1.0)
    with pytest.raises(ValueError, match="cut"):
        Truncated(0.0)
    with pytest.raises(ValueError, match="one shape"):
        Gap(torch.zeros(1, 2), torch.zeros(1, 1), TRUE)


# -- the loss -------------------------------------------------------------------------------------


def test_the_loss_is_the_one_computed_by_hand() -> None:
    # Row 0: k 1, 2 and 6; ratio 1, 1.1 and 1.3; advantage 1. Row 1: two tokens; k 0.4 and 1;
    # ratio 0.9 and 0.7; advantage -2. The band takes 6 and 0.4; eps is 0.2.
    old = torch.log(torch.tensor([[0.3, 0.4, 0.6], [0.2, 0.5, 0.9]]))
    k = torch.tensor([[1.0, 2.0, 6.0], [0.4, 1.0, 1.0]])
    ratio = torch.tensor([[1.0, 1.1, 1.3], [0.9, 0.7, 1.0]])
    made = TokenBatch(
        current=(old + ratio.log()).requires_grad_(),
        old=old,
        engine=old - k.log(),
        advantages=torch.tensor([1.0, -2.0]),
        valid=torch.tensor([[True, True, True], [True, True, False]]),
    )
    found = policy_loss(made)
    first = (1.0 * 1.0 + 2.0 * 1.1 + 0.0) / 3
    second = (0.0 + 1.0 * min(0.7 * -2, 0.8 * -2)) / 2
    assert abs(found.loss.item() + (first + second) / 2) < 1e-6
    assert abs(found.kept - 3 / 5) < 1e-6
    token = policy_loss(made, mean="token")
    assert abs(token.loss.item() + (first * 3 + second * 2) / 5) < 1e-6
    found.loss.backward()
    grad = made.current.grad
    assert grad is not None
    assert grad[0, 2] == 0.0 and grad[1, 0] == 0.0 and grad[1, 2] == 0.0  # masked, and padding
    assert grad[1, 1] == 0.0  # clipped
    assert abs(grad[0, 1].item() + 2.0 * 1.1 / 3 / 2) < 1e-6


def test_tokens_of_tools_are_no_part_of_it() -> None:
    """An observation in the middle of an answer: whatever its numbers are, it is in no divisor, in
    no band and in no gradient."""
    made = batch(7, (3, 6))
    valid = torch.ones(3, 6, dtype=torch.bool)
    valid[:, 2:4] = False
    own = [0, 1, 4, 5]
    short = TokenBatch(
        *(t[:, own] for t in (made.current, made.old, made.engine)), made.advantages, valid[:, own]
    )
    for mean in ("sequence", "token"):
        for odd in (0.0, -50.0, float("nan")):
            current, old, engine = (
                t.detach().clone() for t in (made.current, made.old, made.engine)
            )
            old[~valid] = engine[~valid] = odd
            current[~valid] = 7.0
            current.requires_grad_()
            whole = TokenBatch(current, old, engine, made.advantages, valid)
            found, alone = policy_loss(whole, mean=mean), policy_loss(short, mean=mean)  # type: ignore[arg-type]
            assert abs(found.loss.item() - alone.loss.item()) < 1e-6
            assert found.kept == pytest.approx(alone.kept) and found.missing == 0
            found.loss.backward()
            assert current.grad is not None and bool((current.grad[~valid] == 0).all())
            gap = Gap(old, engine, valid)
            told = gap_report(gap, IcePop()(gap), torch.zeros(3, 6), 0).values
            assert told["gap_max"] == pytest.approx(float((short.old - short.engine).abs().max()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_loss_of_half_precision_is_that_of_the_same_numbers_in_single(dtype: torch.dtype) -> None:
    made = batch(8)
    low = [t.detach().to(dtype) for t in (made.current, made.old, made.engine)]
    half = TokenBatch(low[0].requires_grad_(), *low[1:], made.advantages.to(dtype), made.valid)
    single = TokenBatch(*(t.detach().float() for t in low), half.advantages.float(), made.valid)
    one, other = policy_loss(half), policy_loss(single)
    assert one.loss.dtype == torch.float32 and torch.equal(one.loss, other.loss)


def test_a_whole_band_is_plain_importance_weighting() -> None:
    made = batch(9)
    found = policy_loss(made, IcePop(Band(0.0, math.inf)))
    k = (made.old - made.engine).exp()
    ratio = (made.current - made.old).exp()
    advantage = made.advantages[:, None]
    gain = torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage) * k
    byhand = ((gain * made.valid).sum(1) / made.valid.sum(1)).mean()
    assert found.kept == 1.0 and abs(found.loss.item() + byhand.item()) < 1e-5


def test_an_engine_that_tells_no_numbers_at_all_trains_as_grpo() -> None:
    made = batch(10)
    silent = TokenBatch(
        made.current, made.old, torch.full_like(made.old, float("nan")), made.advantages, made.valid
    )
    plain = policy_loss(silent, Everything())
    for mask in MASKS.values():
        if not isinstance(mask, OneRatio):  # it has no other ratio than to the engine
            found = policy_loss(silent, mask)
            assert abs(found.loss.item() - plain.loss.item()) < 1e-7, mask.name
            assert found.missing == int(made.valid.sum())


def test_without_a_gap_every_mask_is_grpo() -> None:
    made = batch(wide=0.0)
    grads = {}
    for name, mask in MASKS.items():
        made.current.grad = None
        found = policy_loss(made, mask)
        found.loss.backward()
        grads[name] = (found.loss.item(), made.current.grad.clone())  # type: ignore[union-attr]
    for loss, grad in grads.values():
        assert abs(loss - grads["none"][0]) < 1e-7
        assert torch.allclose(grad, grads["none"][1], atol=1e-7)


def test_no_gradient_goes_through_k() -> None:
    made = batch(1)
    old = made.old.clone().requires_grad_()
    engine = made.engine.clone().requires_grad_()
    again = TokenBatch(made.current, old, engine, made.advantages, made.valid)
    policy_loss(again).loss.backward()
    assert old.grad is None and engine.grad is None
    assert made.current.grad is not None and bool(made.current.grad.isfinite().all())


def test_the_one_ratio_shortcut_is_another_algorithm() -> None:
    made = batch(2)
    one, plain = policy_loss(made, OneRatio()), policy_loss(made, Everything())
    assert one.loss.item() != plain.loss.item()
    bypass = TokenBatch(made.current, made.engine, made.engine, made.advantages, made.valid)
    assert one.loss.item() == policy_loss(bypass, Everything()).loss.item()


def test_parts_of_a_batch_add_up_to_it() -> None:
    made = batch(3)
    for mean, of in (("sequence", 6.0), ("token", float(made.valid.sum()))):
        whole = policy_loss(made, mean=mean).loss.item()  # type: ignore[arg-type]
        parts = 0.0
        for rows in (slice(0, 2), slice(2, 6)):
            part = TokenBatch(
                made.current[rows],
                made.old[rows],
                made.engine[rows],
                made.advantages[rows],
                made.valid[rows],
            )
            parts += policy_loss(part, mean=mean, of=of).loss.item()  # type: ignore[arg-type]
        assert abs(whole - parts) < 1e-6


def test_nothing_that_is_missing_makes_the_loss_nan() -> None:
    made = batch(4)
    made.engine[0, 0] = float("nan")
    made.old[1, 0] = float("nan")
    empty = torch.zeros_like(made.valid[2])
    valid = torch.cat([made.valid[:2], empty[None], made.valid[3:]])
    found = policy_loss(
        TokenBatch(made.current, made.old, made.engine, made.advantages, valid), IcePop()
    )
    found.loss.backward()
    assert found.loss.isfinite() and found.missing == 2
    assert made.current.grad is not None and bool(made.current.grad.isfinite().all())
    assert bool((made.current.grad[2] == 0).all())


def test_a_kl_term_needs_a_reference() -> None:
    made = batch(5)
    with pytest.raises(ValueError, match="reference"):
        policy_loss(made, kl=0.1)
    with pytest.raises(ValueError, match="one shape"):
        policy_loss(TokenBatch(made.current, made.old, made.engine[:, :2], made.advantages, TRUE))
    same = TokenBatch(
        made.current, made.old, made.engine, made.advantages, made.valid, made.current.detach()
    )
    assert policy_loss(same, kl=0.1).kl == 0.0
    far = TokenBatch(
        made.current, made.old, made.engine, made.advantages, made.valid, made.old - 1.0
    )
    assert policy_loss(far, kl=0.1).loss > policy_loss(made).loss


# -- the peers' formulas, written from their documentation ---------------------------------------


def trl_token_mask(made: TokenBatch, low: float, high: float, eps: float) -> Tensor:
    """TRL: ratios outside [C_min, C_max] are set to zero; the per-token loss is multiplied by them;
    loss_type "grpo" is the mean over answers of the mean over their tokens."""
    importance = torch.exp((made.old - made.engine) * made.valid)
    importance = importance.masked_fill((importance < low) | (importance > high), 0.0)
    ratio = torch.exp(made.current - made.old)
    advantage = made.advantages[:, None]
    loss = -torch.min(ratio * advantage, ratio.clamp(1 - eps, 1 + eps) * advantage) * importance
    return ((loss * made.valid).sum(-1) / made.valid.sum(-1).clamp(min=1)).mean()


def openrlhf_icepop(made: TokenBatch, low: float, high: float, eps: float) -> Tensor:
    """OpenRLHF: "token-level filter"; its mean is over all tokens of the batch."""
    importance = torch.exp(made.old - made.engine).detach()
    importance = importance * ((importance >= low) & (importance <= high))
    ratio = (made.current - made.old).exp()
    advantage = made.advantages[:, None]
    loss = importance * -torch.min(ratio * advantage, ratio.clamp(1 - eps, 1 + eps) * advantage)
    return (loss * made.valid).sum() / made.valid.sum()


@pytest.mark.parametrize("seed", range(5))
def test_parity_with_trl_and_openrlhf(seed: int) -> None:
    made = batch(seed, (8, 17))
    ours = policy_loss(made, IcePop(Band(0.5, 5.0)), clip=(0.2, 0.2))
    assert abs(ours.loss.item() - trl_token_mask(made, 0.5, 5.0, 0.2).item()) < 1e-6
    token = policy_loss(made, IcePop(Band(0.5, 5.0)), clip=(0.2, 0.2), mean="token")
    assert abs(token.loss.item() - openrlhf_icepop(made, 0.5, 5.0, 0.2).item()) < 1e-6
    grads = []
    for loss in (ours.loss, trl_token_mask(made, 0.5, 5.0, 0.2)):
        made.current.grad = None
        loss.backward()
        assert made.current.grad is not None
        grads.append(made.current.grad.clone())
    assert torch.allclose(*grads, atol=1e-6)


# -- reports --------------------------------------------------------------------------------------


def test_the_report_tells_engine_and_staleness_apart() -> None:
    made = batch(6)
    gap = Gap(made.old, made.engine, made.valid)
    versions = torch.where(torch.arange(9) < 2, 3, 4).expand(6, 9)
    found = gap_report(gap, IcePop()(gap), versions, 4, entropy=torch.ones(6, 9))
    old = made.valid & (versions == 3)
    assert sum(found.stale) == int(old.sum())
    assert sum(found.engine) == int((made.valid & ~old).sum())
    assert found.values["stale_share"] == pytest.approx(sum(found.stale) / int(made.valid.sum()))
    assert found.values["masked_share"] == pytest.approx(found.would_mask["icepop"])
    assert found.would_mask["none"] == found.would_mask["tis"] == 0.0
    assert found.would_mask["icepop"] == found.would_mask["icepop-mask"] > 0
    assert found.values["gap_max"] == pytest.approx(float(gap.logk.abs().max()), rel=1e-5)
    assert found.values["kl_engine_train"] > 0 and found.values["entropy_masked"] == 1.0
    assert len(found.positions) == 9


def test_a_report_of_nothing_is_zero() -> None:
    none = torch.zeros(2, 3, dtype=torch.bool)
    gap = Gap(torch.zeros(2, 3), torch.zeros(2, 3), none)
    found = gap_report(gap, IcePop()(gap), torch.zeros(2, 3), 0)
    assert all(v == 0.0 for v in found.values.values()) and not any(found.engine)
