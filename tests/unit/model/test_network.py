"""A network is what its configuration describes; molecules as cells go the forward side's way."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from nmrflow.chem.structure import Structure
from nmrflow.errors import CheckpointError, ConfigError, ShapeError
from nmrflow.flow import Flow
from nmrflow.model.network import Network, build_network, part_of
from nmrflow.numerics import Draws, generator_for
from nmrflow.shifts.mixture import STRAY

SMILES = ("CC", "Cc1ccccc1", "C1CC2CCC1C2", "C" * 17)
CHNO = {"atom_types": [["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], "max_atoms": 9}
CHNO_SMILES = ("CO", "Cc1ccncc1", "NCC(=O)O", "C")
STRAY_LOGIT = float(np.log(np.expm1(STRAY)))

Describe = Callable[..., dict[str, Any]]


@pytest.fixture(params=["hydrocarbons", "CHNO"])
def case(request: pytest.FixtureRequest, small_model: Describe) -> tuple[Network, list[Structure]]:
    """A network of a domain, and molecules of it."""
    is_carbon = request.param == "hydrocarbons"
    network = build_network(small_model(None if is_carbon else CHNO), 0)
    return network, [Structure.from_smiles(s) for s in (SMILES if is_carbon else CHNO_SMILES)]


def cells_of(network: Network, structures: list[Structure]) -> torch.Tensor:
    return torch.from_numpy(np.stack([network.codec.encode(s) for s in structures])).float()


def logits_of(network: Network, structures: list[Structure]) -> torch.Tensor:
    assert network.forward is not None
    return network.forward.logits([network.graph(s) for s in structures])


def test_cells_have_the_logits_of_their_molecules(case: tuple[Network, list[Structure]]) -> None:
    network, structures = case
    logits = network.predict_cells(cells_of(network, structures))
    assert logits.dtype == torch.float64
    torch.testing.assert_close(logits, logits_of(network, structures))
    # In any numbering, and as often as they come.
    other = [s.permuted(range(s.n_atoms)[::-1]) for s in structures[::-1]] * 2
    written = torch.from_numpy(np.stack([network.codec.write(s) for s in other])).double()
    again = network.predict_cells(written)
    torch.testing.assert_close(again, logits.flip(0).repeat(2, 1))
    assert network.predict_cells(written[:0]).shape == (0, 128)


def test_fractions_are_ignored(case: tuple[Network, list[Structure]]) -> None:
    network, structures = case
    flow, n = network.flow, len(structures)
    cells = cells_of(network, structures)
    plain = flow.fill(cells)
    drawn = flow.fill(cells, None, Draws(generator_for(1), n))
    assert not torch.equal(plain, drawn)
    expected = logits_of(network, structures)
    for x in (plain, drawn):
        torch.testing.assert_close(flow.predict(x), expected)
        torch.testing.assert_close(flow.to_latent(x)[0].y.detach(), expected)


def test_rows_that_are_no_molecule_get_the_logit_of_a_stray_peak(
    case: tuple[Network, list[Structure]],
) -> None:
    network, structures = case
    start = network.codec.shape[0] - len(network.codec.pairs)  # type: ignore[attr-defined]
    cells = cells_of(network, [*structures[:1] * 6, structures[1]])
    cells[0] = 0  # no bonds, no atoms
    cells[1, start:] = 3  # far too many
    cells[2, start + 5] = 1  # atoms 2 and 3, bound to nobody else
    cells[3, start] = torch.nan
    cells[4, start] = -1
    cells[5, start] = torch.inf
    logits = network.predict_cells(cells)
    assert logits.isfinite().all()
    stray = torch.full((6, 128), STRAY_LOGIT, dtype=torch.float64)
    torch.testing.assert_close(logits[:6], stray)
    assert logits[6].max() > STRAY_LOGIT + 1
    torch.testing.assert_close(network.predict_cells(cells[:2]), logits[:2])


def test_the_configured_axis_reaches_the_forward_side(small_model: Describe) -> None:
    model = small_model()
    model["axis"] = {"_target_": "nmrflow.spectra.axis.ShiftAxis", "fine_width_ppm": 0.1}
    network, usual = build_network(model, 0), build_network(small_model(), 0)
    assert network.axis.fine_width_ppm == 0.1
    assert network.forward is not None
    assert network.forward.axis is network.axis
    assert network.flow.n_bins == network.axis.n_bins
    structures = [Structure.from_smiles(s) for s in SMILES]
    found = network.predict_cells(cells_of(network, structures))
    graphs = [network.graph(s) for s in structures]
    (distribution,) = network.forward.distributions(graphs)
    torch.testing.assert_close(found, distribution.logits(network.axis))
    assert (found - usual.predict_cells(cells_of(usual, structures))).abs().max() > 0.1


def test_shapes_follow_from_domain_and_axis(small_model: Describe) -> None:
    model = small_model(CHNO)
    model["axis"] = {"_target_": "nmrflow.spectra.axis.ShiftAxis", "n_bins": 64}
    network = build_network(model, 0)
    assert network.domain.max_atoms == 9
    assert network.codec.shape == (9 + 36,)
    assert network.flow.cell_shape == (45,)
    assert network.flow.in_shape == (45 + 64,)
    assert network.flow.n_bins == 64
    assert network.flow.names == ("spectrum", "structure")
    structure = network.flow.node("structure")
    assert structure.grammar.valences == (4, 3, 2)  # type: ignore[union-attr]


def test_weights_follow_from_the_seed_alone(small_model: Describe) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        network = build_network(small_model(), seed)
        assert network.forward is not None
        return [*network.forward.parameters(), *network.flow.parameters()]

    one = weights(1)
    torch.manual_seed(99)
    same, other = weights(1), weights(2)
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_trained_weights_are_read_and_the_flow_is_built_when_it_is_wanted(
    small_model: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = build_network(small_model(), 1)
    assert trained.forward is not None
    weights = {f"flow.{n}": w for n, w in trained.flow.state_dict().items()}
    weights |= {f"forward_side.{n}": w for n, w in trained.forward.state_dict().items()}
    assert part_of(weights, "flow").keys() == trained.flow.state_dict().keys()
    built = []
    init = Flow.__init__
    monkeypatch.setattr(
        Flow, "__init__", lambda self, **kwargs: (built.append(1), init(self, **kwargs))[1]
    )
    network = build_network(small_model(), 0, weights=weights)
    structures = [Structure.from_smiles(s) for s in SMILES]
    assert torch.equal(logits_of(network, structures), logits_of(trained, structures))
    assert built == []
    for name, weight in network.flow.state_dict().items():
        assert torch.equal(weight, weights[f"flow.{name}"])
    assert built == [1]
    weights.pop("flow.inn.module_list.1.conditional.leave.bias")
    with pytest.raises(CheckpointError, match=r"leave\.bias"):
        _ = build_network(small_model(), 0, weights=weights).flow


def test_a_published_network_has_no_forward_side(published_flow: Any) -> None:
    assert published_flow.network.forward is None
    assert published_flow.network.domain is published_flow.codec.domain


@pytest.mark.parametrize("model", [True, 2, [[]], "codec"])
def test_a_model_that_is_no_group_of_settings_is_refused(model: Any) -> None:
    with pytest.raises(ConfigError, match="a group of settings is needed"):
        build_network(model, 0)


def test_what_does_not_fit_is_refused(small_model: Describe) -> None:
    model = small_model()
    model["codec"] = {"_target_": "nmrflow.chem.codecs.published.BondTensorCodec"}
    model.pop("domain")
    with pytest.raises(ConfigError, match="node structure asks for grammar"):
        build_network(model, 0)
    model = small_model()
    del model["flow"]["nodes"]["spectrum"]
    with pytest.raises(ShapeError, match="a vector of 136"):
        build_network(model, 0)
