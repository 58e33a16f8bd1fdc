"""What every invertible node promises. To add a node, add one row to NODES."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nmrflow.flow
from nmrflow.errors import ShapeError
from nmrflow.flow import (
    AdditiveCoupling,
    BondCells,
    BondCoupling,
    BondMemoryless,
    BondRecurrent,
    BondTransformer,
    ConvSubnet,
    PixelDownsampling,
    SpectrumCoupling,
    SpectrumFlow,
    StructureFlow,
)
from nmrflow.flow.node import Dims, Node
from nmrflow.types import Latent

N_BINS = 6
VECTOR = (136 + 8 + N_BINS, 1, 1)


class PlainSubnet(nn.Module):
    """Any function of bond orders."""

    def __init__(self, dims_in: Dims, dims_out: Dims) -> None:
        super().__init__()
        self.linear = nn.Linear(dims_in[0], dims_out[0])

    def forward(self, slots: Tensor) -> Tensor:
        orders = slots.flatten(1).to(self.linear.weight.dtype)
        return self.linear(orders).tanh().to(slots)[..., None, None]


def bond_coupling(conditional: Callable[[int], nn.Module]) -> Callable[..., Node]:
    return partial(BondCoupling, n_bins=N_BINS, conditional=conditional)


# Name: constructor, and the shape of a small input without batch. A node that takes conditions
# must be one of bonds: its inputs are made by its own inverse, since not every tensor is one.
NODES: dict[str, tuple[Callable[..., Node], Dims]] = {
    "coupling on an image": (partial(AdditiveCoupling, subnet=ConvSubnet), (4, 4, 6)),
    "coupling on one pixel": (partial(AdditiveCoupling, subnet=ConvSubnet), (10, 1, 1)),
    "coupling with a wide subnet": (
        partial(AdditiveCoupling, subnet=partial(ConvSubnet, width=7)),
        (6, 2, 2),
    ),
    "downsampling": (PixelDownsampling, (3, 4, 6)),
    "cells in order": (BondCells, (1, 16, 16)),
    "spectrum": (partial(SpectrumCoupling, n_bins=N_BINS, subnet=PlainSubnet), VECTOR),
    "bonds, transformer": (
        bond_coupling(partial(BondTransformer, width=16, n_layers=2, n_heads=2)),
        VECTOR,
    ),
    "bonds, recurrent": (bond_coupling(partial(BondRecurrent, width=12)), VECTOR),
    "bonds, memoryless": (bond_coupling(partial(BondMemoryless, width=12)), VECTOR),
}

Randomise = Callable[[nn.Module], nn.Module]


@pytest.fixture(params=NODES)
def row(request: pytest.FixtureRequest) -> tuple[Callable[..., Node], Dims]:
    return NODES[request.param]


@pytest.fixture
def dims(row: tuple[Callable[..., Node], Dims]) -> Dims:
    return row[1]


@pytest.fixture
def node(row: tuple[Callable[..., Node], Dims], randomised: Randomise) -> nn.Module:
    constructor, dims = row
    return randomised(make(constructor, dims).double())


@pytest.fixture
def flow(row: tuple[Callable[..., Node], Dims], randomised: Randomise) -> nn.Module:
    """A flow of two such nodes where that fits, else of one, or one with it inside."""
    constructor, dims = row
    node = make(constructor, dims)
    if node.n_conditions:
        assert isinstance(node, BondCoupling)
        conditional = constructor.keywords["conditional"]  # type: ignore[attr-defined]
        kinds = {"conditional": conditional, "spectrum": PlainSubnet}
        return randomised(StructureFlow(in_shape=(1, 16, 16), n_bins=N_BINS, **kinds))
    shape_stays = list(node.output_dims([dims])) == [dims]
    blocks = (2,) if shape_stays else (1,)
    return randomised(SpectrumFlow(in_shape=dims, n_bins=2, n_blocks=blocks, coupling=constructor))


def make(constructor: Callable[..., Node], dims: Dims) -> Node:
    """The node, with conditions of the shape that it wants, if it wants some."""
    n = getattr(getattr(constructor, "func", constructor), "n_conditions", 0)
    return constructor([dims], [(2,)] * n) if n else constructor([dims])


def apply(
    node: nn.Module, tensor: Tensor, *, rev: bool = False, formula: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    told = tensor.new_full((len(tensor), 2), -1).long() if formula is None else formula
    (out,), log_det = node((tensor,), c=[told] * node.n_conditions, rev=rev)
    return out, log_det


def some(dims: Dims, n: int = 3, node: nn.Module | None = None) -> Tensor:
    """Any tensors; with a node, such as it takes."""
    tensor = torch.randn(n, *dims, dtype=torch.float64)
    if node is None or not node.n_conditions:
        return tensor
    return apply(node, tensor, rev=True)[0].detach()


def inputs_of(flow: SpectrumFlow, n: int = 3) -> Tensor:
    """Tensors such as a flow takes."""
    if not flow.takes_formula:
        return torch.randn(n, *flow.in_shape)
    h = torch.randn(n, flow.n_residual + flow.n_bins, dtype=flow.dtype)
    latent = Latent(h[:, : flow.n_residual], h[:, flow.n_residual :])
    return flow.from_latent(latent)[0].detach()


def test_every_node_has_a_row() -> None:
    public = {thing for thing in vars(nmrflow.flow).values() if isinstance(thing, type)}
    tested = {type(make(constructor, dims)) for constructor, dims in NODES.values()}
    assert {cls for cls in public if issubclass(cls, Node)} == tested


@pytest.mark.parametrize("n", [1, 3])
def test_shape_is_the_one_announced(node: nn.Module, dims: Dims, n: int) -> None:
    h, log_det = apply(node, some(dims, n, node))
    assert [tuple(h.shape[1:])] == [tuple(shape) for shape in node.output_dims([dims])]
    assert h.shape[0] == n
    assert log_det.shape == (n,)


@pytest.mark.parametrize("n", [1, 3])
def test_inverse_of_forward_is_the_input(node: nn.Module, dims: Dims, n: int) -> None:
    x = some(dims, n, node)
    back, _ = apply(node, apply(node, x)[0], rev=True)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_forward_of_inverse_is_the_input(node: nn.Module, dims: Dims, n: int) -> None:
    h = some(node.output_dims([dims])[0], n)
    there, _ = apply(node, apply(node, h, rev=True)[0])
    torch.testing.assert_close(there, h, rtol=0, atol=1e-12)


def test_records_of_a_batch_do_not_meet(node: nn.Module, dims: Dims) -> None:
    """Of a batch that is longer than what a network reads at a time, too."""
    x = some(dims, 100, node)
    together = apply(node, x)
    each = [apply(node, row[None]) for row in x]
    alone = [torch.cat(parts) for parts in zip(*each, strict=True)]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_records_do_not_meet_on_the_way_back_either(node: nn.Module, dims: Dims) -> None:
    """Though what is drawn for one query begins alike, and others are asked beside it."""
    h = some(node.output_dims([dims])[0], 48)
    h[1::2, -N_BINS:] = h[1, -N_BINS:]
    formula = torch.tensor([[-1, -1], [-1, -1], [4, 5], [6, 6]]).repeat(12, 1)
    together = apply(node, h, rev=True, formula=formula)
    for k in range(48):
        row = slice(k, k + 1)
        alone = apply(node, h[row], rev=True, formula=formula[row])
        for one, other in zip(alone, together, strict=True):
            torch.testing.assert_close(one, other[row], rtol=0, atol=1e-9)


@pytest.mark.parametrize("rev", [False, True])
def test_log_det_is_that_of_the_jacobian(node: nn.Module, dims: Dims, rev: bool) -> None:
    shape = node.output_dims([dims])[0] if rev else dims
    x = some(shape, 1, None if rev else node)
    jacobian = torch.autograd.functional.jacobian(lambda t: apply(node, t, rev=rev)[0], x)
    expected = torch.linalg.slogdet(jacobian.reshape(x.numel(), x.numel())).logabsdet
    assert apply(node, x, rev=rev)[1].item() == pytest.approx(expected.item(), abs=1e-8)


def test_log_dets_of_both_directions_cancel(node: nn.Module, dims: Dims) -> None:
    h, forward = apply(node, some(dims, node=node))
    _, backward = apply(node, h, rev=True)
    torch.testing.assert_close(forward, -backward, rtol=0, atol=1e-12)


def test_train_and_eval_are_equal(node: nn.Module, dims: Dims) -> None:
    x = some(dims, node=node)
    trained, _ = apply(node.train(), x)
    evaluated, _ = apply(node.eval(), x)
    assert torch.equal(trained, evaluated)


@pytest.mark.parametrize("rev", [False, True])
def test_gradient_reaches_the_input_and_every_parameter(
    node: nn.Module, dims: Dims, rev: bool
) -> None:
    x = some(node.output_dims([dims])[0]) if rev else some(dims, node=node)
    x.requires_grad_()
    out, log_det = apply(node, x, rev=rev)
    ((out * torch.randn_like(out)).sum() + log_det.sum()).backward()
    gradients = {"input": x.grad} | {name: p.grad for name, p in node.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.any()] == []
    assert [name for name, g in gradients.items() if not g.isfinite().all()] == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floating_type_stays(node: nn.Module, dims: Dims, dtype: torch.dtype) -> None:
    node.to(dtype)
    h, forward = apply(node, some(dims, node=node).to(dtype))
    x, backward = apply(node, h, rev=True)
    assert {h.dtype, x.dtype, forward.dtype, backward.dtype} == {dtype}


def test_state_dict_carries_everything(
    node: nn.Module, row: tuple[Callable[..., Node], Dims]
) -> None:
    constructor, dims = row
    other = make(constructor, dims).double()
    other.load_state_dict(node.state_dict(), strict=True)
    x = some(dims, node=node)
    assert torch.equal(apply(other, x)[0], apply(node, x)[0])


def test_wrong_shape_is_refused_in_both_directions(node: nn.Module, dims: Dims) -> None:
    for rev, shape in ((False, dims), (True, node.output_dims([dims])[0])):
        channels, height, width = shape
        for wrong in (
            (1, channels + 2, height, width),
            (1, channels, height + 2, width),
            (1, channels, height, 2 * width),
            shape,
        ):
            with pytest.raises(ShapeError, match="expected"):
                apply(node, torch.zeros(wrong, dtype=torch.float64), rev=rev)


def test_other_numbers_of_inputs_and_conditions_are_refused(
    row: tuple[Callable[..., Node], Dims],
) -> None:
    constructor, dims = row
    node = make(constructor, dims)
    wanted = [(2,)] * node.n_conditions
    with pytest.raises(ShapeError, match="one input"):
        constructor([dims, dims], wanted)
    with pytest.raises(ShapeError, match="condition"):
        constructor([dims], [*wanted, dims])
    with pytest.raises(ShapeError, match="one input"):
        constructor([dims[:2]], wanted)
    x = torch.zeros(1, *dims)
    with pytest.raises(ShapeError, match="one tensor"):
        node((x, x))
    with pytest.raises(ShapeError, match="condition"):
        node((x,), [x] * (node.n_conditions + 1))


def test_construction_in_a_flow_leaves_global_random_states(
    row: tuple[Callable[..., Node], Dims],
) -> None:
    constructor, dims = row
    takes_conditions = make(constructor, dims).n_conditions
    torch_state = torch.random.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - what FrEIA may touch
    if takes_conditions:
        StructureFlow(conditional=constructor.keywords["conditional"])  # type: ignore[attr-defined]
    else:
        SpectrumFlow(in_shape=dims, n_bins=2, n_blocks=(1,), coupling=constructor)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_equal(np.random.get_state(legacy=False), numpy_state)  # noqa: NPY002


def test_autocast_does_not_change_a_flow(flow: SpectrumFlow) -> None:
    x = inputs_of(flow)
    latent, _ = flow.to_latent(x)
    back, _ = flow.from_latent(latent)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        latent_cast, _ = flow.to_latent(x)
        back_cast, _ = flow.from_latent(latent)
    assert torch.equal(torch.cat(latent_cast, dim=1), torch.cat(latent, dim=1))
    assert torch.equal(back_cast, back)


def test_flow_of_the_node_is_inverted_from_the_prior(flow: SpectrumFlow) -> None:
    flow.double()
    h = torch.randn(3, flow.n_residual + flow.n_bins, dtype=torch.float64)
    latent = Latent(h[:, : flow.n_residual], h[:, flow.n_residual :])
    again, _ = flow.to_latent(flow.from_latent(latent)[0])
    torch.testing.assert_close(torch.cat(again, dim=1), h, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("constructor", "dims"),
    [
        (PixelDownsampling, (2, 3, 4)),
        (PixelDownsampling, (2, 4, 3)),
        (partial(AdditiveCoupling, subnet=ConvSubnet), (3, 4, 4)),
    ],
)
def test_odd_sizes_are_refused(constructor: Callable[..., Node], dims: Dims) -> None:
    with pytest.raises(ShapeError, match="odd"):
        constructor([dims])
