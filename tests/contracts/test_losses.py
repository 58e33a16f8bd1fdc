"""What every loss promises, and the values of each on batches small enough to add up by hand.

To add a loss, add one row to LOSSES.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import nmrflow.losses
from nmrflow.errors import ConfigError
from nmrflow.flow.latent import Latent
from nmrflow.losses import (
    DensityLoss,
    DescribedSpectrumLoss,
    FlowOutputs,
    LikelihoodLoss,
    LogitSizeLoss,
    Loss,
    Objective,
    PublishedSpectrumLoss,
    RangeLoss,
    SparsityLoss,
    Term,
)
from nmrflow.losses.spectrum import bins_to_nearest_peak

N, N_BINS, SHAPE = 5, 12, (4, 4, 4)


class Parts(NamedTuple):
    """What a batch is made of; y, x_sampled or z is where a loss is at its least."""

    x: Tensor
    code: Tensor
    y: Tensor
    x_sampled: Tensor
    z: Tensor


class Row(NamedTuple):
    """A loss, which tensor it acts on, and that tensor's best value given x and code."""

    loss: Callable[[], Loss]
    acts_on: str
    optimum: Callable[[Parts], Tensor]


# A logit of 1000 has a cross-entropy of exactly 0.
LOSSES = {
    "published spectrum": Row(PublishedSpectrumLoss, "y", lambda p: 2000 * p.code - 1000),
    "described spectrum": Row(DescribedSpectrumLoss, "y", lambda p: 2000 * p.code - 1000),
    "logit size": Row(LogitSizeLoss, "y", lambda p: torch.zeros_like(p.y)),
    "range": Row(RangeLoss, "x_sampled", lambda p: torch.zeros_like(p.x)),
    "sparsity": Row(SparsityLoss, "x_sampled", lambda p: torch.zeros_like(p.x)),
    "density": Row(DensityLoss, "x_sampled", lambda p: 2000 * p.x - 1000),
    "likelihood": Row(LikelihoodLoss, "z", lambda p: torch.zeros_like(p.z)),
}


@pytest.fixture(params=LOSSES)
def row(request: pytest.FixtureRequest) -> Row:
    return LOSSES[request.param]


@pytest.fixture
def parts() -> Parts:
    """A batch in float64 whose first spectrum is empty."""
    code = (torch.rand(N, N_BINS) < 0.2).double()
    code[0] = 0
    return Parts(
        x=(torch.rand(N, *SHAPE) < 0.1).double(),
        code=code,
        y=torch.randn(N, N_BINS, dtype=torch.float64),
        x_sampled=torch.randn(N, *SHAPE, dtype=torch.float64),
        z=torch.randn(N, 3, dtype=torch.float64),
    )


def outputs(parts: Parts) -> FlowOutputs:
    latent = Latent(parts.z, parts.y)
    log_det = torch.zeros(len(parts.y), dtype=parts.y.dtype)
    return FlowOutputs(parts.x, parts.code, latent, log_det, lambda: parts.x_sampled)


def batch(
    code: list[list[float]] | None = None,
    y: list[list[float]] | None = None,
    x: list[list[float]] | None = None,
    x_sampled: list[list[float]] | None = None,
) -> FlowOutputs:
    """A batch from plain numbers; molecule tensors are given as one row of cells each."""

    def image(cells: list[list[float]] | None) -> Tensor:
        cells = cells or [[0.0]]
        return torch.tensor(cells, dtype=torch.float64)[:, None, None, :]

    def bins(values: list[list[float]] | None) -> Tensor:
        return torch.tensor(values or [[0.0]], dtype=torch.float64)

    z = torch.zeros(len(bins(y)), 3, dtype=torch.float64)
    return outputs(Parts(image(x), bins(code), bins(y), image(x_sampled), z))


def test_every_loss_has_a_row() -> None:
    public = {t for t in vars(nmrflow.losses).values() if isinstance(t, type)}
    losses = {cls for cls in public if issubclass(cls, Loss)} - {Loss}
    assert losses == {type(row.loss()) for row in LOSSES.values()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_is_one_finite_number(row: Row, parts: Parts, dtype: torch.dtype) -> None:
    value = row.loss()(outputs(Parts(*(part.to(dtype) for part in parts))))
    assert value.shape == ()
    assert value.dtype == dtype
    assert value.isfinite()
    assert value > 0


@pytest.mark.parametrize("where", ["anywhere", "optimum", "far out"])
def test_gradient_is_finite_and_arrives(row: Row, parts: Parts, where: str) -> None:
    start = {
        "anywhere": getattr(parts, row.acts_on),
        "optimum": row.optimum(parts),
        "far out": 1e4 * getattr(parts, row.acts_on),
    }[where]
    start = start.clone().requires_grad_()
    row.loss()(outputs(parts._replace(**{row.acts_on: start}))).backward()
    assert start.grad is not None
    assert start.grad.isfinite().all()
    if where == "anywhere":
        assert all(gradient.any() for gradient in start.grad)


def test_order_of_the_batch_does_not_matter(row: Row, parts: Parts) -> None:
    order = torch.tensor([3, 0, 4, 2, 1])
    shuffled = Parts(*(part[order] for part in parts))
    torch.testing.assert_close(
        row.loss()(outputs(shuffled)), row.loss()(outputs(parts)), rtol=1e-12, atol=0
    )


def test_optimum_is_least(row: Row, parts: Parts) -> None:
    loss, optimum = row.loss(), row.optimum(parts)
    least = loss(outputs(parts._replace(**{row.acts_on: optimum})))
    for scale in (1e-3, 1, 1e3, 1e4):
        moved = optimum + scale * torch.randn_like(optimum)
        value = loss(outputs(parts._replace(**{row.acts_on: moved})))
        assert value >= least
    assert value > least  # The last move is large enough to undo every choice.


def test_batch_mean_weighs_records_equally(row: Row, parts: Parts) -> None:
    loss = row.loss()
    alone = [loss(outputs(Parts(*(part[i : i + 1] for part in parts)))) for i in range(N)]
    torch.testing.assert_close(loss(outputs(parts)), torch.stack(alone).mean())


# Logits of 0 cost ln 2 in every bin, so these are the mean weights.
@pytest.mark.parametrize(
    ("loss", "code", "mean_weight"),
    [
        (PublishedSpectrumLoss(), [0, 1, 0, 0], (1 / 2 + 1 + 1 / 2 + 1 / 3) / 4),
        (PublishedSpectrumLoss(), [1, 0, 0, 1], (1 + 1 / 2 + 1 / 2 + 1) / 4),
        (PublishedSpectrumLoss(), [1, 0, 0, 0, 0], (1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5),
        (PublishedSpectrumLoss(), [0, 0, 0, 0], 1 / 2),
        (PublishedSpectrumLoss(), [1, 1, 1], 1),
        (DescribedSpectrumLoss(), [0, 1, 0, 0], (1 / 2 + 1 + 1 / 2 + 2 / 3) / 4),
        (DescribedSpectrumLoss(), [1, 0, 0, 0, 0], (1 + 1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 5),
        (DescribedSpectrumLoss(), [0, 0, 0, 0], 1),
        (DescribedSpectrumLoss(), [1, 1, 1], 1),
    ],
)
def test_spectrum_weights_by_hand(loss: Loss, code: list[float], mean_weight: float) -> None:
    value = loss(batch(code=[code], y=[[0.0] * len(code)]))
    assert value.item() == pytest.approx(mean_weight * math.log(2), rel=1e-12)


def test_spectrum_loss_is_cross_entropy_in_nats() -> None:
    value = PublishedSpectrumLoss()(batch(code=[[1, 0]], y=[[2.0, -1.0]]))
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1)) / 2) / 2
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_a_near_false_peak_is_cheaper_as_described_and_dearer_as_published() -> None:
    truth, near, far = [0, 1, 0, 0, 0, 0], [-3, -3, 3, -3, -3, -3], [-3, -3, -3, -3, -3, 3]
    for loss, sign in ((DescribedSpectrumLoss(), 1), (PublishedSpectrumLoss(), -1)):
        difference = loss(batch([truth], [far])) - loss(batch([truth], [near]))
        assert sign * difference > 0


@pytest.mark.parametrize(
    ("loss", "given_", "expected"),
    [
        (LogitSizeLoss(), {"y": [[1, -2], [0, 3]]}, 14 / 4),
        (RangeLoss(), {"x_sampled": [[1, -2, 3, 0]]}, 14 / 4),
        (SparsityLoss(), {"x_sampled": [[1, -2, 3, 0]]}, 6 / 4),
        # Cells at 0 count as half set: (1/2 - 1/4)^2.
        (DensityLoss(), {"x": [[1, 0, 0, 0]], "x_sampled": [[0, 0, 0, 0]]}, 1 / 16),
        (
            DensityLoss(),
            {"x": [[1, 0], [1, 1]], "x_sampled": [[0, 0], [-1000, 1000]]},
            ((1 / 2 - 1 / 2) ** 2 + (1 / 2 - 1) ** 2) / 2,
        ),
        (
            DensityLoss(sharpness=8),
            {"x": [[0]], "x_sampled": [[0.25]]},
            (1 / (1 + math.exp(-2))) ** 2,
        ),
        (
            DensityLoss(sharpness=1),
            {"x": [[0]], "x_sampled": [[0.25]]},
            (1 / (1 + math.exp(-0.25))) ** 2,
        ),
    ],
)
def test_other_losses_by_hand(
    loss: Loss, given_: dict[str, list[list[float]]], expected: float
) -> None:
    assert loss(batch(**given_)).item() == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=4))
def test_distance_to_the_nearest_peak_is_the_least_of_all(code: list[list[bool]]) -> None:
    expected = [
        [min((abs(k - peak) for peak, is_set in enumerate(row) if is_set), default=math.inf)]
        for row in code
        for k in range(9)
    ]
    found = bins_to_nearest_peak(torch.tensor(code).double())
    assert found.reshape(-1, 1).tolist() == expected


def test_inverse_is_computed_once_and_only_when_asked(parts: Parts) -> None:
    calls = []

    def sample_x() -> Tensor:
        calls.append(1)
        return parts.x_sampled

    latent = Latent(torch.zeros(N, 52), parts.y)
    out = FlowOutputs(parts.x, parts.code, latent, torch.zeros(N), sample_x)
    PublishedSpectrumLoss()(out)
    assert calls == []
    RangeLoss()(out)
    SparsityLoss()(out)
    assert calls == [1]


class Constant(Loss):
    """A loss of known value."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, outputs: FlowOutputs) -> Tensor:
        return outputs.x.new_tensor(self.value)


def test_weights_are_linear_and_never_normalised(parts: Parts) -> None:
    for weight in (0.0, 0.5, 2.0, 7.0):
        value = Objective(a=Term(Constant(3.0), weight, "y"))(outputs(parts), epoch=1)
        assert value.total.item() == pytest.approx(3 * weight)
        assert value.terms["a"].item() == 3.0


@pytest.mark.parametrize(
    ("epoch", "ramp"), [(1, 0.1), (2, 0.2), (5, 0.5), (9, 0.9), (10, 1), (11, 1), (500, 1)]
)
def test_ramp_acts_on_the_total_and_not_on_the_sums(parts: Parts, epoch: int, ramp: float) -> None:
    objective = Objective(
        a=Term(Constant(2.0), 1.0, "y"),
        b=Term(Constant(3.0), 10.0, "x", ramp_epochs=10),
        c=Term(Constant(5.0), 100.0, "x", ramp_epochs=10),
        d=Term(Constant(7.0), 1000.0, "y", ramp_epochs=10),
    )
    value = objective(outputs(parts), epoch=epoch)
    assert {name: part.item() for name, part in value.slots.items()} == {
        "y": pytest.approx(2 + 7000),
        "x": pytest.approx(30 + 500),
    }
    assert value.total.item() == pytest.approx(2 + ramp * (30 + 500 + 7000))
    assert {name: term.item() for name, term in value.terms.items()} == {
        "a": 2,
        "b": 3,
        "c": 5,
        "d": 7,
    }


def test_a_term_switched_off_is_left_out(parts: Parts) -> None:
    kept = Term(Constant(2.0), 1.0, "y")
    value = Objective(kept=kept, off=None)(outputs(parts), epoch=1)
    assert list(value.terms) == ["kept"]
    assert value.total.item() == 2
    assert value.slots["x"].item() == 0


@pytest.mark.parametrize("terms", [{}, {"off": None}])
def test_an_objective_without_terms_is_refused(terms: dict[str, None]) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        Objective(**terms)


def test_a_slot_of_any_name_is_reported_beside_the_two_of_the_latent(parts: Parts) -> None:
    objective = Objective(
        a=Term(Constant(2.0), 1.0, "y"),
        b=Term(Constant(3.0), 10.0, "intensity"),
        c=Term(Constant(4.0), 10.0, "intensity", ramp_epochs=2),
    )
    assert objective.slots == ("y", "x", "intensity")
    value = objective(outputs(parts), epoch=1)
    assert {name: part.item() for name, part in value.slots.items()} == {
        "y": 2,
        "x": 0,
        "intensity": 70,
    }
    assert value.total.item() == 2 + 30 + 20


def test_impossible_terms_are_refused() -> None:
    for nameless in ("", None):
        with pytest.raises(ConfigError, match="belongs to a slot"):
            Term(RangeLoss(), 1.0, nameless)
    with pytest.raises(ConfigError, match="ramp_epochs"):
        Term(RangeLoss(), 1.0, "x", ramp_epochs=-1)


def test_gradient_of_the_total_is_the_weighted_sum(parts: Parts) -> None:
    y = parts.y.clone().requires_grad_()
    objective = Objective(
        size=Term(LogitSizeLoss(), 3.0, "y"),
        again=Term(LogitSizeLoss(), 2.0, "y", ramp_epochs=4),
    )
    objective(outputs(parts._replace(y=y)), epoch=1).total.backward()
    torch.testing.assert_close(y.grad, (3.0 + 2.0 / 4) * 2 * parts.y / parts.y.numel())


def test_likelihood_is_that_of_the_normal_and_the_volume() -> None:
    z = torch.tensor([[0.5, -1.0, 9.0], [2.0, 0.0, -9.0]], dtype=torch.float64)
    log_det = torch.tensor([0.25, -3.0], dtype=torch.float64)
    out = FlowOutputs(z, z, Latent(z, z), log_det, lambda: z)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    expected = -(normal + log_det).mean()
    assert LikelihoodLoss()(out).item() == pytest.approx(expected.item(), rel=1e-12)
