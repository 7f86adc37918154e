"""What influence is where it can be computed: ridge regression in closed form, and the classical,
damped influence function, which is the first term of the Bayesian one (paper, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import hessian

from agentkit.errors import UsageError
from agentkit_bayes_influence.posterior import Items, Posterior

LARGEST = 4000  # weights whose Hessian is made and solved


def halved_squares(parameters: Mapping[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Half the squared residual of each row: (n, 1)."""
    return ((y - x @ parameters["w"]).square() / 2)[:, None]


@dataclass(frozen=True)
class Ridge:
    """l_i(w) = (y_i - x_i w)^2 / 2 with posterior exp(-beta sum l_i - gamma / 2 |w - w*|^2).

    x: (n, d). y: (n,). centre: (d,). All in fp64.
    """

    x: Tensor
    y: Tensor
    centre: Tensor
    gamma: float = 1.0
    beta: float = 1.0

    @classmethod
    def drawn(cls, n: int, d: int, *, gamma: float, seed: int = 0) -> Ridge:
        """Random related features; w* is the least-squares solution."""
        noise = torch.Generator().manual_seed(seed)
        x, w, e = (
            torch.randn(*size, generator=noise, dtype=torch.float64)
            for size in ((n, d), (d,), (n,))
        )
        x[:, 1:] += 0.5 * x[:, :1]
        y = x @ w + e
        return cls(x, y, torch.linalg.lstsq(x, y).solution, gamma)

    def posterior(self) -> Posterior:
        """For the sampler: all weights, all examples, in fp32."""
        ids = tuple(map(str, range(len(self.x))))
        mask = torch.ones(len(self.x), 1, dtype=torch.bool)
        items = Items((self.x.float(), self.y.float()), mask, ids)
        return Posterior(halved_squares, {"w": self.centre.float()}, items)

    def precision(self, weights: Tensor | None = None) -> Tensor:
        """A = sum beta_i x_i x_i' + gamma: (d, d). weights: (n,) beta of each example."""
        x = self.x
        scaled = x * (self.beta if weights is None else weights[:, None])
        return scaled.T @ x + self.gamma * torch.eye(x.shape[1], dtype=x.dtype)

    def moments(self, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(m, S): the posterior is N(m, S)."""
        covariance = torch.linalg.inv(self.precision(weights))
        beta = self.beta if weights is None else weights
        return covariance @ (self.x.T @ (beta * self.y) + self.gamma * self.centre), covariance

    def bif(self, x: Tensor, y: Tensor, covariance: Tensor | None = None) -> Tensor:
        """(n, q): -(mu_i mu_j s_ij + s_ij^2 / 2), s = x S x', mu the residuals at m (Isserlis).

        covariance: of a chain of finite steps, where it is not the posterior's own.
        """
        mean, own = self.moments()
        s = self.x @ (own if covariance is None else covariance) @ x.T
        residual, other = self.y - self.x @ mean, y - x @ mean
        return -(residual[:, None] * other[None] * s + s.square() / 2)

    def finite_step(self, epsilon: float) -> Tensor:
        """(d, d): the stationary covariance of full-batch Langevin at that step: eigenvalue l of A
        becomes a variance of 1 / (l (1 - epsilon l / 4))."""
        values, vectors = torch.linalg.eigh(self.precision())
        return vectors @ torch.diag(1 / (values * (1 - epsilon * values / 4))) @ vectors.T

    def response(self, x: Tensor, y: Tensor, delta: float) -> Tensor:
        """(n, q): (E_delta[phi_j] - E_0[phi_j]) / delta, example i given a weight of beta + delta:
        what BIF is the derivative of."""

        def expected(weights: Tensor | None) -> Tensor:
            mean, s = self.moments(weights)
            return ((y - x @ mean).square() + ((x @ s) * x).sum(1)) / 2

        before = expected(None)
        rows = []
        for i in range(len(self.x)):
            weights = torch.full_like(self.y, self.beta)
            weights[i] += delta
            rows.append((expected(weights) - before) / delta)
        return torch.stack(rows)


def damped(posterior: Posterior, queries: Items, nbeta: float, gamma: float) -> Tensor:
    """-grad phi' (nbeta H + gamma)^-1 grad l at w*: (n, q), H the Hessian of the mean loss.

    Raises:
        UsageError: more weights than a Hessian is made of.
    """
    if posterior.dimension > LARGEST:
        raise UsageError(
            f"exact influence of {posterior.dimension} weights needs their Hessian",
            f"sample {LARGEST} weights at most, or use `fisher`",
        )
    h = hessian(posterior.total)(posterior.centre).detach() / len(posterior.items)
    h = nbeta * h.double() + gamma * torch.eye(posterior.dimension, dtype=torch.float64)
    train, query = posterior.gradients(posterior.items), posterior.gradients(queries)
    return -(train.double() @ torch.linalg.solve(h, query.double().T)).float()


def fisher(train: Tensor, query: Tensor, beta: float, gamma: float) -> Tensor:
    """`damped` with the empirical Fisher matrix beta G'G for H, for any number of weights: the
    n x n system (gamma + beta G G') by Woodbury's identity. train: (n, d). query: (q, d)."""
    kernel = train @ train.T
    eye = torch.eye(len(kernel), dtype=kernel.dtype)
    return -torch.linalg.solve(gamma * eye + beta * kernel, train @ query.T)


def similarity(train: Tensor, query: Tensor, *, cosine: bool = False) -> Tensor:
    """Gradient similarity, with BIF's sign: minus the products (cosines) of gradients."""
    if cosine:
        train = torch.nn.functional.normalize(train, dim=1)
        query = torch.nn.functional.normalize(query, dim=1)
    return -(train @ query.T)
