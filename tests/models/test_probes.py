"""What the probes call exact is exact at places that they did not look at, and is found once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from agentkit.models.engine import probes
from agentkit.models.engine.kernels import BLOCK, GRID, Shapes, attend, causal_mask, linear, noise


@pytest.fixture(autouse=True)
def one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize(("heads", "kv", "size"), [(6, 2, 16), (9, 3, 64), (14, 2, 64)])
def test_attention_keeps_what_the_probe_says(
    heads: int, kv: int, size: int, dtype: torch.dtype
) -> None:
    like = torch.zeros(1, dtype=dtype)
    rows, group, tails, exact = probes.probe_attention(heads, kv, size, GRID, like)
    assert set(rows) <= set(GRID) and set(tails) <= set(range(1, BLOCK))
    if not exact:  # nothing is claimed
        return
    shapes, per = Shapes(rows, group, tails), heads // kv
    batch = -(-4096 // (heads * size))
    store = noise(batch * 2 * BLOCK * 2 * kv, size, like).view(batch, 2 * BLOCK, 2, kv, size)
    keys, values = store[:, :, 0].transpose(1, 2), store[:, :, 1].transpose(1, 2)
    queries = noise(batch * kv * 40 * per, size, like).view(batch, kv, 40 * per, size)

    def last(length: int, width: int, count: int) -> torch.Tensor:
        ends = torch.arange(length - count + 1, length + 1)
        mask = causal_mask(ends, width, per, dtype)
        q = queries[:, :, (40 - count) * per :]
        return attend(q, keys[:, :, :width], values[:, :, :width], mask, group)[:, :, -per:]

    generator = torch.Generator().manual_seed(heads)
    for _ in range(25):
        length = int(torch.randint(2, 2 * BLOCK, (1,), generator=generator))
        admitted = [n for n in (1, *rows) if n <= min(length, 40)]
        count = admitted[int(torch.randint(len(admitted), (1,), generator=generator))]
        longer = int(torch.randint(length, 2 * BLOCK, (1,), generator=generator))
        wanted = last(length, shapes.width(length), 1)
        assert torch.equal(last(length, shapes.width(longer), count), wanted), (length, count)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_products_keep_what_the_probe_says(dtype: torch.dtype) -> None:
    weight = noise(200, 96, torch.zeros(1, dtype=dtype))
    product = linear(weight)
    rows, exact = probes.probe_linears([product], product, weight)
    if not exact:
        return
    x = noise(2 * rows[-1], 96, weight)
    whole = product(x[: rows[-1]].contiguous())
    for start in range(1, rows[-1], 37):
        for n in rows:
            part = product(x[start : start + n].contiguous())
            kept = min(n, rows[-1] - start)
            assert torch.equal(part[:kept], whole[start : start + kept]), (start, n)


class Spoiled:
    """A product whose last row depends on how many there are, as some libraries' do."""

    columns = 8

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        made = x.clone()
        made[-1] += 1e-3 * (len(x) % 7)
        return made

    def plus(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return self(x) + other


def test_a_product_that_depends_on_its_neighbours_is_found_out() -> None:
    assert not probes.probe_linears([Spoiled()], Spoiled(), torch.zeros(1))[1]


def test_findings_are_remembered_for_this_machine_and_kind(tmp_path: Path) -> None:
    asked: list[str] = []

    def find(kind: str) -> Shapes:
        asked.append(kind)
        return Shapes(rows=(len(asked),), tails=(64, 128), exact=True)

    first = probes.remembered("a", lambda: find("a"))
    assert probes.remembered("a", lambda: find("a")) == first and asked == ["a"]
    assert probes.remembered("b", lambda: find("b")).rows == (2,)
    torch.set_num_threads(2)  # another split of the work, other bits
    assert probes.remembered("a", lambda: find("a")).rows == (3,)
    torch.set_num_threads(1)
    for damage in ("", "{}[", '{"rows": [1]}', '{"rows": [1], "tails": [1], "no": 0}'):
        for path in (tmp_path / "cache" / "probes").iterdir():
            path.write_text(damage)
        before = len(asked)
        assert probes.remembered("a", lambda: find("a")).exact and len(asked) == before + 1


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "file"))
    assert probes.remembered("a", lambda: Shapes(rows=(7,))) == Shapes(rows=(7,))
