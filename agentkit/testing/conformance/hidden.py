"""HI: the Hidden ability. Residual streams, read only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentkit.capabilities import Hidden, Request
from agentkit.errors import AgentkitError
from agentkit.testing.conformance.base import Conformance

SITES = ("resid_pre.0", "attn_out.0", "mlp_out.0", "resid_post.0")
IDS = ((1, 2, 3, 4, 5, 6, 7), (3, 2, 1))


class HiddenCases(Conformance):
    """Token ids 1 to 7 must be in the vocabulary."""

    if TYPE_CHECKING:

        def declared(self, kind: type[Any]) -> Any: ...

    def test_hi01_one_matrix_a_sequence(self) -> None:
        """(T, d) in fp32 for each site and sequence, one d for all, finite, without gradient."""
        if (hidden := self.declared(Hidden)) is None:
            return
        found = hidden.hidden(IDS, SITES)
        assert set(found) == set(SITES)
        widths = set()
        for site in SITES:
            assert [len(t) for t in found[site]] == [len(ids) for ids in IDS]
            for tensor in found[site]:
                assert str(tensor.dtype) == "torch.float32" and not tensor.requires_grad
                assert bool(tensor.isfinite().all())
                widths.add(tensor.shape[1])
        assert len(widths) == 1, f"sites differ in width: {widths}"

    def test_hi02_neighbours_change_nothing(self) -> None:
        """A sequence alone, in a batch, and with more after it, has the same states (1e-3)."""
        if (hidden := self.declared(Hidden)) is None:
            return
        batch = hidden.hidden(IDS, SITES)
        longer = hidden.hidden([(*IDS[1], 9, 8, 7)], SITES)
        alone = hidden.hidden([IDS[1]], SITES)
        for site in SITES:
            assert _apart(batch[site][1], alone[site][0]) < 1e-3
            assert _apart(longer[site][0][: len(IDS[1])], alone[site][0]) < 1e-3, (
                "a state depends on tokens after it"
            )

    def test_hi03_an_unknown_site_is_refused(self) -> None:
        """A site or layer that is not there is an error that names it."""
        if (hidden := self.declared(Hidden)) is None:
            return
        for site in ("resid_post.9999", "soul.0", "resid_post"):
            try:
                hidden.hidden([IDS[0]], [site])
            except (AgentkitError, ValueError, KeyError) as error:
                assert site in str(error), f"the error does not name {site!r}: {error}"
                continue
            raise AssertionError(f"site {site!r} gave something")

    def test_hi04_looking_changes_nothing(self) -> None:
        """The same answer before and after; what was returned may be written to."""
        if (hidden := self.declared(Hidden)) is None:
            return
        request = Request.of("Hello", max_tokens=6)
        before = self.part.generate([request])[0].text
        first = hidden.hidden(IDS, SITES)
        kept = first[SITES[-1]][0].clone()
        for site in SITES:
            first[site][0].zero_()
        assert _apart(hidden.hidden(IDS, SITES)[SITES[-1]][0], kept) == 0.0
        assert self.part.generate([request])[0].text == before


def _apart(one: Any, other: Any) -> float:
    return float((one - other).abs().max())
