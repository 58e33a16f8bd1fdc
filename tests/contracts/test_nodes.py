"""What every invertible node promises. To add a node, add one row to NODES."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nmrflow.flow
from nmrflow.errors import ShapeError
from nmrflow.flow import AdditiveCoupling, ConvSubnet, PixelDownsampling, SpectrumFlow
from nmrflow.flow.nodes import Dims, Node
from nmrflow.types import Latent

# Name: constructor, and the shape of a small input without batch.
NODES: dict[str, tuple[Callable[..., Node], Dims]] = {
    "coupling on an image": (partial(AdditiveCoupling, subnet=ConvSubnet), (4, 4, 6)),
    "coupling on one pixel": (partial(AdditiveCoupling, subnet=ConvSubnet), (10, 1, 1)),
    "coupling with a wide subnet": (
        partial(AdditiveCoupling, subnet=partial(ConvSubnet, width=7)),
        (6, 2, 2),
    ),
    "downsampling": (PixelDownsampling, (3, 4, 6)),
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
    return randomised(constructor([dims]).double())


@pytest.fixture
def flow(row: tuple[Callable[..., Node], Dims], randomised: Randomise) -> nn.Module:
    """A flow of two such nodes where that fits, else of one."""
    constructor, dims = row
    shape_stays = list(constructor([dims]).output_dims([dims])) == [dims]
    blocks = (2,) if shape_stays else (1,)
    return randomised(SpectrumFlow(in_shape=dims, n_bins=2, n_blocks=blocks, coupling=constructor))


def apply(node: nn.Module, tensor: Tensor, *, rev: bool = False) -> tuple[Tensor, Tensor]:
    (out,), log_det = node((tensor,), rev=rev)
    return out, log_det


def some(dims: Dims, n: int = 3) -> Tensor:
    return torch.randn(n, *dims, dtype=torch.float64)


def test_every_node_has_a_row() -> None:
    public = {thing for thing in vars(nmrflow.flow).values() if isinstance(thing, type)}
    tested = {type(constructor([dims])) for constructor, dims in NODES.values()}
    assert {cls for cls in public if issubclass(cls, Node)} == tested


@pytest.mark.parametrize("n", [1, 3])
def test_shape_is_the_one_announced(node: nn.Module, dims: Dims, n: int) -> None:
    h, log_det = apply(node, some(dims, n))
    assert [tuple(h.shape[1:])] == [tuple(shape) for shape in node.output_dims([dims])]
    assert h.shape[0] == n
    assert log_det.shape == (n,)


@pytest.mark.parametrize("n", [1, 3])
def test_inverse_of_forward_is_the_input(node: nn.Module, dims: Dims, n: int) -> None:
    x = some(dims, n)
    back, _ = apply(node, apply(node, x)[0], rev=True)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 3])
def test_forward_of_inverse_is_the_input(node: nn.Module, dims: Dims, n: int) -> None:
    h = some(node.output_dims([dims])[0], n)
    there, _ = apply(node, apply(node, h, rev=True)[0])
    torch.testing.assert_close(there, h, rtol=0, atol=1e-12)


def test_records_of_a_batch_do_not_meet(node: nn.Module, dims: Dims) -> None:
    x = some(dims)
    together, _ = apply(node, x)
    alone = torch.cat([apply(node, row[None])[0] for row in x])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("rev", [False, True])
def test_log_det_is_that_of_the_jacobian(node: nn.Module, dims: Dims, rev: bool) -> None:
    shape = node.output_dims([dims])[0] if rev else dims
    x = some(shape, 1)
    jacobian = torch.autograd.functional.jacobian(lambda t: apply(node, t, rev=rev)[0], x)
    expected = torch.linalg.slogdet(jacobian.reshape(x.numel(), x.numel())).logabsdet
    assert apply(node, x, rev=rev)[1].item() == pytest.approx(expected.item(), abs=1e-8)


def test_log_dets_of_both_directions_cancel(node: nn.Module, dims: Dims) -> None:
    h, forward = apply(node, some(dims))
    _, backward = apply(node, h, rev=True)
    torch.testing.assert_close(forward, -backward, rtol=0, atol=1e-12)


def test_train_and_eval_are_equal(node: nn.Module, dims: Dims) -> None:
    x = some(dims)
    trained, _ = apply(node.train(), x)
    evaluated, _ = apply(node.eval(), x)
    assert torch.equal(trained, evaluated)


@pytest.mark.parametrize("rev", [False, True])
def test_gradient_reaches_the_input_and_every_parameter(
    node: nn.Module, dims: Dims, rev: bool
) -> None:
    x = some(node.output_dims([dims])[0] if rev else dims).requires_grad_()
    out, log_det = apply(node, x, rev=rev)
    ((out * torch.randn_like(out)).sum() + log_det.sum()).backward()
    gradients = {"input": x.grad} | {name: p.grad for name, p in node.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.any()] == []
    assert [name for name, g in gradients.items() if not g.isfinite().all()] == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_floating_type_stays(node: nn.Module, dims: Dims, dtype: torch.dtype) -> None:
    node.to(dtype)
    h, forward = apply(node, some(dims).to(dtype))
    x, backward = apply(node, h, rev=True)
    assert {h.dtype, x.dtype, forward.dtype, backward.dtype} == {dtype}


def test_state_dict_carries_everything(
    node: nn.Module, row: tuple[Callable[..., Node], Dims]
) -> None:
    constructor, dims = row
    other = constructor([dims]).double()
    other.load_state_dict(node.state_dict(), strict=True)
    x = some(dims)
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


def test_two_inputs_and_conditions_are_refused(row: tuple[Callable[..., Node], Dims]) -> None:
    constructor, dims = row
    with pytest.raises(ShapeError, match="one input"):
        constructor([dims, dims])
    with pytest.raises(ShapeError, match="no condition"):
        constructor([dims], [dims])
    with pytest.raises(ShapeError, match="one input"):
        constructor([dims[:2]])
    x = torch.zeros(1, *dims)
    with pytest.raises(ShapeError, match="one tensor"):
        constructor([dims])((x, x))
    with pytest.raises(ShapeError, match="no condition"):
        constructor([dims])((x,), [x])


def test_construction_in_a_flow_leaves_global_random_states(
    row: tuple[Callable[..., Node], Dims],
) -> None:
    constructor, dims = row
    torch_state = torch.random.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002 - what FrEIA may touch
    SpectrumFlow(in_shape=dims, n_bins=2, n_blocks=(1,), coupling=constructor)
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_equal(np.random.get_state(legacy=False), numpy_state)  # noqa: NPY002


def test_autocast_does_not_change_a_flow(flow: SpectrumFlow) -> None:
    x = torch.randn(3, *flow.in_shape)
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
