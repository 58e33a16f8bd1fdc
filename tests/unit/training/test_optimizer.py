"""Muon and AdamW as one optimiser, and the shape of the learning rate."""

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from nmrflow.training.optimizer import MuonAdamW, Trapeze, nearly_orthogonal

LR, MUON_LR = 3e-3, 0.02

Randomise = Callable[[nn.Module], nn.Module]


class Model(nn.Module):
    """Hidden matrices, a table, a layer that reads a long vector, a kernel, biases, norms."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.enter = nn.Linear(33, 8)
        self.widen, self.narrow = nn.Linear(8, 32), nn.Linear(32, 8)
        self.norm = nn.LayerNorm(8)
        self.kernel = nn.Parameter(torch.randn(8, 8, 1))
        self.leave = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x) + self.table(x.argmax(1))
        x = x + self.narrow(self.widen(x).relu())
        return self.leave(self.norm(x) @ self.kernel[..., 0])


HIDDEN = {"widen.weight", "narrow.weight", "leave.weight"}


@pytest.fixture
def model(randomised: Randomise) -> nn.Module:
    return randomised(Model())


def optimizer_of(model: nn.Module, **settings: float) -> MuonAdamW:
    return MuonAdamW(model.parameters(), **({"lr": LR, "muon_lr": MUON_LR} | settings))


def train(model: nn.Module, optimizer: MuonAdamW, steps: range) -> list[float]:
    """One batch for each step's number; the losses before each step."""
    losses = []
    for step in steps:
        generator = torch.Generator().manual_seed(step % 4)
        x = torch.randn(16, 33, generator=generator)
        loss = (model(x) - x[:, :5].tanh()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_hidden_matrices_go_to_muon_and_all_else_to_adamw(model: nn.Module) -> None:
    optimizer = optimizer_of(model)
    name_of = {id(p): name for name, p in model.named_parameters()}
    by_lr = {
        group["lr"]: {name_of[id(p)] for p in group["params"]} for group in optimizer.param_groups
    }
    assert by_lr == {MUON_LR: HIDDEN, LR: set(name_of.values()) - HIDDEN}


@pytest.mark.parametrize(
    ("shape", "is_muons"),
    [((8, 32), True), ((32, 8), True), ((8, 33), False), ((33, 8), False), ((9,), False)],
)
def test_the_border_is_a_quarter(shape: tuple[int, ...], is_muons: bool) -> None:
    weight = nn.Parameter(torch.randn(shape))
    before = weight.detach().clone()
    optimizer = MuonAdamW([weight], lr=LR, muon_lr=MUON_LR, weight_decay=0.1)
    weight.grad = torch.randn(shape)
    other = nn.Parameter(before.clone())
    other.grad = weight.grad.clone()
    reference: torch.optim.Muon | AdamW
    if is_muons:
        reference = torch.optim.Muon([other], lr=MUON_LR, weight_decay=0.1)
    else:
        reference = AdamW([other], lr=LR, betas=(0.9, 0.98), weight_decay=0.1, fused=True)
    optimizer.step()
    reference.step()
    apart, step = (weight - other).norm(), (weight - before).norm()
    # PyTorch's own computes in bfloat16, of eight binary digits.
    assert apart < 0.02 * step if is_muons else apart == 0 < step


@given(
    values=st.lists(st.floats(0.002, 1.0), min_size=1, max_size=8),
    extra=st.integers(0, 4),
    is_tall=st.booleans(),
    scale=st.floats(1e-3, 1e3),
    seed=st.integers(0, 99),
)
def test_singular_vectors_stay_and_singular_values_come_near_one(
    values: list[float], extra: int, is_tall: bool, scale: float, seed: int
) -> None:
    n = len(values)
    norm = sum(value**2 for value in values) ** 0.5
    generator = torch.Generator().manual_seed(seed)
    u, v = (
        torch.linalg.qr(torch.randn(k, k, generator=generator, dtype=torch.float64))[0]
        for k in (n, n + extra)
    )
    matrix = scale * (u * torch.tensor(values, dtype=torch.float64)) @ v[:n]
    expected = []
    for value in values:
        s = value / norm
        for _ in range(5):
            s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
        assert value < 0.002 * norm or 0.68 < s < 1.21
        expected.append(s)
    ideal = (u * torch.tensor(expected, dtype=torch.float64)) @ v[:n]
    if is_tall:
        matrix, ideal = matrix.T, ideal.T
    found = nearly_orthogonal(torch.stack([matrix, -7 * matrix]))
    assert torch.allclose(found[0], ideal, atol=1e-9)
    assert torch.allclose(found[1], -ideal, atol=1e-9)


def test_nothing_to_train_is_refused() -> None:
    with pytest.raises(ValueError, match="no parameter"):
        MuonAdamW([])


def test_every_weight_moves_and_the_loss_falls(model: nn.Module) -> None:
    before = copy.deepcopy(model.state_dict())
    losses = train(model, optimizer_of(model), range(120))
    assert sum(losses[-4:]) < 0.2 * sum(losses[:4])
    after = model.state_dict()
    assert not any(torch.equal(before[name], after[name]) for name in before)


def test_a_restored_state_goes_on_as_if_it_had_not_stopped(model: nn.Module) -> None:
    resumed = copy.deepcopy(model)
    whole = train(model, optimizer_of(model), range(12))

    first = optimizer_of(resumed)
    losses = train(resumed, first, range(7))
    saved = copy.deepcopy(first.state_dict())
    weights = copy.deepcopy(resumed.state_dict())

    torch.manual_seed(99)
    resumed = Model()
    resumed.load_state_dict(weights)
    second = optimizer_of(resumed, lr=0.5, muon_lr=0.5)  # the saved rates count
    second.load_state_dict(saved)
    assert losses + train(resumed, second, range(7, 12)) == whole
    assert all(torch.equal(w, model.state_dict()[n]) for n, w in resumed.state_dict().items())

    # The state matters: without it the way is another.
    third = Model()
    third.load_state_dict(weights)
    assert train(third, optimizer_of(third), range(7, 12)) != whole[7:]


def test_a_saved_state_is_tensors_and_plain_values(model: nn.Module) -> None:
    optimizer = optimizer_of(model)
    train(model, optimizer, range(2))

    def leaves(node: object) -> list[object]:
        if isinstance(node, dict):
            return [leaf for value in node.values() for leaf in leaves(value)]
        if isinstance(node, list | tuple):
            return [leaf for value in node for leaf in leaves(value)]
        return [node]

    found = leaves(optimizer.state_dict())
    assert all(isinstance(leaf, Tensor | int | float | str | None) for leaf in found)
    assert sum(isinstance(leaf, Tensor) for leaf in found) >= len(list(model.parameters()))


def test_a_schedule_scales_both_rates(model: nn.Module) -> None:
    optimizer = optimizer_of(model)
    schedule = LambdaLR(optimizer, lambda step: [1.0, 0.5, 0.25, 0.125][step])
    factors = []
    for step in range(3):
        train(model, optimizer, range(step, step + 1))
        schedule.step()
        rates = sorted(group["lr"] for group in optimizer.param_groups)
        factors.append([rates[0] / LR, rates[1] / MUON_LR])
    assert factors == [[0.5, 0.5], [0.25, 0.25], [0.125, 0.125]]
    # And the weights follow the scheduled rate, also after a restored state.
    restored = optimizer_of(model)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for group in restored.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    train(model, restored, range(1))
    assert all(torch.equal(before[name], w) for name, w in model.state_dict().items())


def test_a_closure_is_evaluated_with_gradients(model: nn.Module) -> None:
    optimizer = optimizer_of(model)
    before = copy.deepcopy(model.state_dict())

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = model(torch.ones(2, 33)).square().mean()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() > 0
    assert not torch.equal(before["widen.weight"], model.state_dict()["widen.weight"])
    assert optimizer_of(nn.Linear(4, 4, bias=False)).step() is None


SHARES = st.floats(0.0, 1.0)


@given(
    warm_up=st.floats(1e-3, 0.5),
    between=SHARES,
    shares=st.lists(SHARES, min_size=2, max_size=20),
)
def test_the_factor_rises_holds_and_falls(
    warm_up: float, between: float, shares: list[float]
) -> None:
    hold = warm_up + between * (0.99 - warm_up)
    factor = Trapeze(warm_up, hold)
    values = [(share, factor(share)) for share in sorted(shares)]
    assert all(0 < value <= 1 for _, value in values)
    rising = [value for share, value in values if share < warm_up]
    falling = [value for share, value in values if share > hold]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    assert all(value == 1 for share, value in values if warm_up <= share <= hold)
    # It begins low and ends low.
    assert factor(0.0) == pytest.approx(min(1e-3 / warm_up, 1))
    assert factor(1.0) == pytest.approx(1e-3)


def test_the_factor_by_hand() -> None:
    factor = Trapeze(warm_up=0.1, hold=0.5)
    assert [factor(share) for share in (0.025, 0.05, 0.1, 0.5, 0.75)] == pytest.approx(
        [0.25, 0.5, 1, 1, 0.5]
    )
    assert Trapeze(0.02, 0.3)(0.65) == pytest.approx(0.5)
