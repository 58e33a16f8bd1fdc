"""The flow: exact inverses from either end, and the published network's layout and size."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.structure import Structure
from nmrflow.errors import ConfigError, ShapeError
from nmrflow.flow import (
    AdditiveCoupling,
    ConvSubnet,
    Flow,
    IRevNet,
    PixelDownsampling,
    SpectrumCoupling,
)
from nmrflow.flow.latent import Latent, join_latent, split_latent
from nmrflow.numerics import Draws

SMALL = (1, 1, 1, 1, 1)
COUPLING = partial(AdditiveCoupling, subnet=ConvSubnet)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}

Randomise = Callable[[nn.Module], nn.Module]


def published(
    n_blocks: Sequence[int] = SMALL, cell_shape: Sequence[int] = (4, 16, 16), **kwargs: Any
) -> Flow:
    """The published network, with as many couplings."""
    nodes = IRevNet(n_blocks, COUPLING)
    return Flow(**{"nodes": nodes, "cell_shape": cell_shape, "n_bins": 128, **kwargs})


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """Of the small network, from no initialisation: each layer's output as wide as its input."""
    generator = torch.Generator().manual_seed(7)
    return {
        name: torch.randn(weight.shape, generator=generator)
        / (weight[0].numel() if weight.ndim > 1 else 1) ** 0.5
        for name, weight in published().state_dict().items()
    }


@pytest.fixture
def flow(weights: dict[str, torch.Tensor]) -> Flow:
    small = published()
    small.load_state_dict(weights)
    return small


def molecules() -> torch.Tensor:
    codec = BondTensorCodec()
    smiles = ["CC", "c1ccc2ccccc2c1", "CC(C)=CCCC(C)=CCCC(C)=CC#C"]
    return torch.stack([torch.tensor(codec.encode(Structure.from_smiles(s))) for s in smiles])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_latents_of_the_prior_come_back(flow: Flow, dtype: torch.dtype) -> None:
    flow.to(dtype)
    z = flow.sample_z(Draws(torch.Generator().manual_seed(1), 4))
    y = 3 * torch.randn(4, flow.n_bins, dtype=dtype)
    x, log_det_back = flow.from_latent(Latent(z, y))
    latent, log_det = flow.to_latent(x)
    assert z.dtype == x.dtype == latent.z.dtype == latent.y.dtype == dtype
    h, again = join_latent(Latent(z, y)), join_latent(latent)
    assert (again - h).abs().max() <= TOLERANCE[dtype] * max(1, x.abs().max())
    assert torch.equal(log_det, torch.zeros(4, dtype=dtype))
    assert torch.equal(log_det_back, torch.zeros(4, dtype=dtype))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kind", ["molecules", "noise"])
def test_tensors_come_back(flow: Flow, dtype: torch.dtype, kind: str) -> None:
    flow.to(dtype)
    x = (molecules() if kind == "molecules" else 10 * torch.randn(3, 4, 16, 16)).to(dtype)
    latent, _ = flow.to_latent(x)
    back, _ = flow.from_latent(latent)
    assert (back - x).abs().max() <= TOLERANCE[dtype] * max(1, x.abs().max())
    # The weights do something: this is no identity that would come back anyway.
    assert (join_latent(latent).sort().values - x.flatten(1).sort().values).abs().max() > 0.1


def test_y_is_the_last_128_numbers_of_h(flow: Flow) -> None:
    x = torch.randn(2, 4, 16, 16)
    latent, _ = flow.to_latent(x)
    with torch.no_grad():
        h, _ = flow.inn(x)
    assert latent.z.shape == (2, 896)
    assert latent.y.shape == (2, 128)
    assert torch.equal(latent.y, h.flatten(1)[:, -128:])
    assert torch.equal(latent.z, h.flatten(1)[:, :-128])


def test_cut_and_joint_are_inverse() -> None:
    h = torch.randn(3, 20)
    latent = split_latent(h, 8)
    assert latent.z.shape == (3, 12)
    assert latent.y.shape == (3, 8)
    assert torch.equal(join_latent(latent), h)


@pytest.mark.parametrize("shape", [(8,), (2, 8), (2, 3), (2, 2, 20)])
def test_cut_refuses_what_leaves_no_z(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="expected h"):
        split_latent(torch.zeros(shape), 8)


def test_joint_refuses_two_batches() -> None:
    with pytest.raises(ShapeError, match="no batch axis"):
        join_latent(Latent(torch.zeros(2, 3), torch.zeros(1, 3)))


@pytest.mark.parametrize("n_blocks", [(0,) * 5, SMALL])
def test_y_holds_the_aromatic_flags_of_odd_rows(n_blocks: tuple[int, ...]) -> None:
    """Where couplings do nothing, each number of h is one cell of x; y is 128 known cells."""
    flow = published(n_blocks)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.zero_()
    cells = torch.arange(4 * 16 * 16.0).reshape(1, 4, 16, 16)
    latent, _ = flow.to_latent(cells)
    channel, row, column = torch.unravel_index(latent.y[0].long(), (4, 16, 16))
    assert set(channel.tolist()) == {3}
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == {
        (i, k) for i in range(1, 16, 2) for k in range(16)
    }
    # In full: each squeeze takes one bit of row and column, the lowest first.
    h = join_latent(latent)[0].long()
    for place in range(4 * 16 * 16):
        bits = [(place >> shift) & 1 for shift in range(7, -1, -1)]
        i = sum(bit << power for power, bit in enumerate(bits[0::2]))
        k = sum(bit << power for power, bit in enumerate(bits[1::2]))
        assert h[place] == cells[0, place >> 8, i, k]


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(4, 16, 16),
        torch.zeros(1, 3, 16, 16),
        torch.zeros(1, 4, 16, 15),
        torch.zeros(1, 4, 32, 8),
        torch.zeros(1, 1024),
        torch.zeros(1, 4, 16, 16, dtype=torch.float16),
        torch.zeros(1, 4, 16, 16, dtype=torch.bfloat16),
        torch.zeros(1, 4, 16, 16, dtype=torch.uint8),
    ],
)
def test_wrong_molecule_tensors_are_refused(flow: Flow, x: torch.Tensor) -> None:
    with pytest.raises(ShapeError):
        flow.to_latent(x)


@pytest.mark.parametrize(
    "latent",
    [
        Latent(torch.zeros(1, 895), torch.zeros(1, 128)),
        Latent(torch.zeros(1, 897), torch.zeros(1, 127)),
        Latent(torch.zeros(1, 128), torch.zeros(1, 896)),
        Latent(torch.zeros(2, 896), torch.zeros(1, 128)),
        Latent(torch.zeros(896), torch.zeros(128)),
        Latent(torch.zeros(1, 896).half(), torch.zeros(1, 128).half()),
        Latent(torch.zeros(1, 896).int(), torch.zeros(1, 128).int()),
    ],
)
def test_wrong_latents_are_refused(flow: Flow, latent: Latent) -> None:
    with pytest.raises(ShapeError):
        flow.from_latent(latent)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_bins": 1024},
        {"cell_shape": (1024,)},
        {"cell_shape": (3, 16, 16), "n_blocks": (1,)},
        {"n_blocks": (0,) * 6},
        {"cell_shape": ()},
        {"n_bins": 0},
        {"n_blocks": (1, -1, 1, 1, 1)},
        {"n_blocks": ()},
        {"nodes": {"spectrum": SpectrumCoupling}, "known": {"predictor": None}},
    ],
)
def test_impossible_networks_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ShapeError):
        published(**wrong)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"nodes": {}}, "needs a node"),
        ({"nodes": {"one": ConvSubnet}}, "node one: .* is none"),
        ({"nodes": {"one": lambda: None}}, "node one: .* is none"),
        ({"nodes": {"one": partial(AdditiveCoupling, ConvSubnet)}}, "node one: .* by name"),
        ({"nodes": {"one": SpectrumCoupling}}, "node one asks for predictor, which is not known"),
        ({"draw_width": 895}, "draw_width=895: z has 896 numbers"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        published(**wrong)


def test_nodes_follow_each_other_by_name(flow: Flow) -> None:
    assert flow.names == (
        "coupling_0_0",
        "downsampling_1",
        "coupling_1_0",
        "downsampling_2",
        "coupling_2_0",
        "downsampling_3",
        "coupling_3_0",
        "downsampling_4",
        "coupling_4_0",
    )
    for name, node in zip(flow.names, flow.nodes, strict=True):
        cls = AdditiveCoupling if name.startswith("coupling") else PixelDownsampling
        assert type(node) is cls
        assert flow.node(name) is node
    with pytest.raises(ConfigError, match="no node 'coupling_5_0'"):
        flow.node("coupling_5_0")


def test_the_published_network_has_neither_likelihood_nor_conditions(flow: Flow) -> None:
    assert not flow.has_likelihood
    assert flow.conditions == ()
    assert flow.draw_conditions(molecules(), Draws(torch.Generator(), 3)) == {}
    x = molecules().float()
    assert torch.equal(flow.fill(x), x)
    assert torch.equal(flow.predict(x), flow.to_latent(x)[0].y)
    with pytest.raises(ShapeError, match="no likelihood"):
        flow.log_probability(x, torch.zeros(3, 128))
    with pytest.raises(ShapeError, match="takes no facts"):
        flow.to_latent(x, {"facts": torch.zeros(3, 2)})
    with pytest.raises(ShapeError, match="takes no facts"):
        flow.from_latent(flow.to_latent(x)[0], {"facts": torch.zeros(3, 2)})


@pytest.mark.slow
def test_published_network_has_12_1_million_parameters() -> None:
    n = sum(parameter.numel() for parameter in published((2, 2, 4, 6, 8)).parameters())
    assert n == 12_099_952


def test_subnet_on_one_pixel_is_a_padded_convolution() -> None:
    subnet = ConvSubnet((6, 1, 1), (4, 1, 1), width=5).double()
    convolutions = nn.Sequential(
        nn.Conv2d(6, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 4, 3, padding=1)
    ).double()
    with torch.no_grad():
        for place in (0, 2):
            convolutions[place].weight[:, :, 1, 1] = subnet[place].weight
            convolutions[place].bias.copy_(subnet[place].bias)
    x = torch.randn(3, 6, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(subnet(x), convolutions(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("width", [None, 30])
def test_subnet_on_one_pixel_starts_as_wide_as_a_3x3_convolution(width: int | None) -> None:
    pixel = ConvSubnet((200, 1, 1), (100, 1, 1), width=width)
    image = ConvSubnet((200, 4, 4), (100, 4, 4), width=width)
    for place in (0, 2):
        bound = (9 * pixel[place].in_features) ** -0.5
        for tensor in (pixel[place].weight, image[place].weight):
            assert 0.98 * bound < tensor.abs().max() <= bound
            assert tensor.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        for tensor in (pixel[place].bias, image[place].bias):
            assert 0.8 * bound < tensor.abs().max() <= bound


def test_subnet_that_changes_the_image_is_refused() -> None:
    with pytest.raises(ShapeError, match="image size"):
        ConvSubnet((2, 4, 4), (2, 2, 2))


def test_weights_follow_from_the_seed_alone() -> None:
    first = published(seed=5).state_dict()
    torch.manual_seed(99)
    same = published(seed=5).state_dict()
    other = published(seed=6).state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_residuals_follow_from_the_generator_alone(flow: Flow) -> None:
    draws = [flow.sample_z(Draws(torch.Generator().manual_seed(k), 5)) for k in (1, 1, 2)]
    assert draws[0].shape == (5, 896)
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert abs(draws[0].mean()) < 0.1
    assert draws[0].std().item() == pytest.approx(1, abs=0.05)


def test_of_more_numbers_drawn_the_first_are_used() -> None:
    """So a seed keeps its residuals where a network has fewer than it had."""
    wide, plain = published(draw_width=1000), published()
    z = wide.sample_z(Draws(torch.Generator().manual_seed(1), 5))
    drawn = torch.randn(5, 1000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(z, drawn[:, :896])
    assert not torch.equal(z, plain.sample_z(Draws(torch.Generator().manual_seed(1), 5)))


def test_further_cells_are_the_nodes_that_want_them() -> None:
    flow = Flow(
        nodes={"spectrum": SpectrumCoupling},
        cell_shape=(5,),
        n_bins=3,
        known={"predictor": lambda cells: cells[:, :3] - cells[:, 2:]},
    )
    assert flow.in_shape == (8,)
    assert flow.n_residual == 5
    assert flow.dtype == torch.float64
    x = flow.fill(torch.tensor([[1, 0, 2, 0, 3]]), torch.tensor([[1, 0, 0]]))
    latent, log_det = flow.to_latent(x)
    assert latent.y.tolist() == [[1, -1, -1]]  # What was measured, as signs.
    assert latent.z.tolist() == [[1, 0, 2, 0, 3]]
    assert log_det.tolist() == [0]
    assert flow.predict(x).tolist() == [[-1, 0, -1]]
    assert flow.predicted_within(x, latent).tolist() == [[-1, 0, -1]]
    assert flow.to_latent(flow.fill(x[:, :5]))[0].y.tolist() == [[-1, 0, -1]]
    with flow.given_query():
        assert flow.predict(x).tolist() == [[0, 0, 0]]
    assert flow.predict(x).tolist() == [[-1, 0, -1]]


_IN_ANOTHER_PROCESS = """
import sys, torch
from functools import partial
from nmrflow.flow import AdditiveCoupling, ConvSubnet, Flow, IRevNet
torch.set_num_threads(1)
saved = torch.load(sys.argv[1], weights_only=True)
nodes = IRevNet(saved["n_blocks"], partial(AdditiveCoupling, subnet=ConvSubnet))
flow = Flow(nodes=nodes, cell_shape=(4, 16, 16), n_bins=128, seed=1)
flow.load_state_dict(saved["weights"])
latent, _ = flow.to_latent(saved["x"])
assert torch.equal(torch.cat(latent, dim=1), saved["h"]), "other outputs"
"""


@pytest.mark.slow
def test_weights_mean_the_same_in_a_fresh_process(flow: Flow, tmp_path: Path) -> None:
    x = molecules().float()
    saved = {
        "n_blocks": list(SMALL),
        "weights": flow.state_dict(),
        "x": x,
        "h": join_latent(flow.to_latent(x)[0]).detach(),
    }
    torch.save(saved, tmp_path / "saved.pt")
    command = [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(tmp_path / "saved.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
