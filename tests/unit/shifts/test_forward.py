"""The forward side: one distribution of each atom's shift, from which all else derives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nmrflow.chem.graph import AtomFeatures, MolecularGraph
from nmrflow.chem.structure import Structure
from nmrflow.shifts.distribution import ShiftDistribution
from nmrflow.shifts.forward import EnsembleForward, ForwardSide
from nmrflow.shifts.network import collate
from nmrflow.spectra.axis import ShiftAxis

SMILES = ("CC", "Cc1ccccc1", "C1CC2CCC1C2", "C" * 17, "CC(=O)OCCN", "O")


@pytest.fixture
def forward() -> EnsembleForward:
    torch.manual_seed(0)
    return EnsembleForward(ShiftAxis(), n_networks=2, width=16, n_steps=2)


def graphs_of(forward: ForwardSide, *smiles: str) -> list[MolecularGraph]:
    return [forward.features.graph(Structure.from_smiles(s)) for s in smiles]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_are_those_of_the_ensemble(forward: EnsembleForward, dtype: torch.dtype) -> None:
    forward = forward.to(dtype)
    graphs = graphs_of(forward, *SMILES)
    logits = forward.logits(graphs)
    with torch.no_grad():
        unset = forward.ensemble(collate(graphs)).log_unset(forward.axis)
    assert logits.shape == (6, 128)
    assert logits.dtype == torch.float64
    assert logits.isfinite().all()
    torch.testing.assert_close(logits.sigmoid(), -torch.expm1(unset))


def test_bits_intervals_and_densities_come_of_one_distribution(forward: EnsembleForward) -> None:
    graphs = graphs_of(forward, *SMILES)
    (found,) = forward.distributions(graphs)
    assert isinstance(found, ShiftDistribution)
    assert found.n == 6
    assert [len(part.centre_ppm) for part in found.split()] == [len(g.atoms) for g in graphs]
    torch.testing.assert_close(found.logits(forward.axis), forward.logits(graphs))
    median = found.mixture.quantiles((0.5,))
    below = found.mixture.cdf(median)
    torch.testing.assert_close(below, torch.full_like(below, 0.5))


def test_any_number_of_molecules_comes_in_parts(
    forward: EnsembleForward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmrflow.shifts.forward._AT_ONCE", 100)
    graphs = graphs_of(forward, *["CC", "CCO", "CCCC"] * 70)
    parts = list(forward.distributions(graphs))
    assert [part.n for part in parts] == [100, 100, 10]
    torch.testing.assert_close(forward.logits(graphs)[:3], forward.logits(graphs[:3]))
    assert list(forward.distributions([])) == []
    assert forward.logits([]).shape == (0, 128)


@given(data=st.data())
@settings(max_examples=20)
def test_renumbering_a_molecule_renumbers_its_shifts(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    torch.manual_seed(0)
    forward = EnsembleForward(ShiftAxis(), n_networks=1, width=8, n_steps=2)
    structure = data.draw(molecules)
    order = data.draw(st.permutations(range(structure.n_atoms)))
    graphs = [forward.features.graph(s) for s in (structure, structure.permuted(order))]
    one, other = next(forward.distributions(graphs)).split()
    torch.testing.assert_close(other.centre_ppm, one.centre_ppm[list(order)])
    logits = forward.logits(graphs)
    torch.testing.assert_close(logits[0], logits[1])


def test_the_networks_compute_as_they_are_told(forward: EnsembleForward) -> None:
    graphs = graphs_of(forward, *SMILES)
    exact, plain = (next(forward.distributions(graphs, d)) for d in (torch.float64, torch.float32))
    assert exact.mixture.centre_ppm.dtype == plain.mixture.centre_ppm.dtype == torch.float64
    away = (exact.mixture.centre_ppm - plain.mixture.centre_ppm).abs().max()
    assert 0 < away < 1e-3
    # The weights stay as they are.
    assert {p.dtype for p in forward.parameters()} == {torch.float32}


def test_it_says_the_same_while_it_is_trained(forward: EnsembleForward) -> None:
    graphs = graphs_of(forward, *SMILES)
    assert torch.equal(forward.train().logits(graphs), forward.eval().logits(graphs))
    found = forward(graphs)
    found.logits(forward.axis).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in forward.parameters())


@pytest.mark.parametrize("n_bins", [64, 128, 1024])
def test_bins_are_those_of_the_axis(n_bins: int) -> None:
    forward = EnsembleForward(ShiftAxis(n_bins=n_bins), n_networks=1, width=8, n_steps=1)
    assert forward.logits(graphs_of(forward, "CC", "CCC")).shape == (2, n_bins)


def test_an_axis_that_reaches_half_as_far_cuts_other_bins(forward: EnsembleForward) -> None:
    """The axis that is given counts, not one with as many bins."""
    half = ShiftAxis(fine_width_ppm=forward.axis.fine_width_ppm / 2)
    other = EnsembleForward(half, n_networks=2, width=16, n_steps=2)
    other.load_state_dict(forward.state_dict())
    graphs = graphs_of(forward, *SMILES)
    (found,) = forward.distributions(graphs)
    torch.testing.assert_close(other.logits(graphs), found.logits(half))
    assert (other.logits(graphs) - forward.logits(graphs)).abs().max() > 0.1


def test_only_atoms_of_the_nucleus_give_peaks(forward: EnsembleForward) -> None:
    carbon_free = forward.logits(graphs_of(forward, "O", "NN"))
    assert np.ptp(carbon_free.numpy()) < 1e-9  # Stray peaks alone, alike in every bin.
    assert np.ptp(forward.logits(graphs_of(forward, "CO")).numpy()) > 1


def test_elements_with_a_feature_of_their_own_are_told(forward: EnsembleForward) -> None:
    few = EnsembleForward(ShiftAxis(), n_networks=1, width=8, n_steps=1, elements=("C", "O"))
    assert few.features.n == AtomFeatures(("C", "O")).n < forward.features.n
    one, other = (few.logits(graphs_of(few, smiles)) for smiles in ("CN(C)C", "CP(C)C"))
    assert torch.equal(one, other)  # Neither has one: they are alike.
    one, other = (forward.logits(graphs_of(forward, s)) for s in ("CN(C)C", "CP(C)C"))
    assert not torch.equal(one, other)


def test_a_forward_side_of_ones_own_needs_one_method() -> None:
    class Flat(ForwardSide):
        def forward(
            self, graphs: list[MolecularGraph], dtype: torch.dtype = torch.float64
        ) -> ShiftDistribution:
            return EnsembleForward(self.axis, n_networks=1, width=4, n_steps=1)(graphs, dtype)

    flat = Flat(ShiftAxis(), AtomFeatures())
    assert flat.logits(graphs_of(flat, *SMILES)).shape == (6, 128)
    plain = ForwardSide(ShiftAxis(), AtomFeatures())
    with pytest.raises(NotImplementedError):
        plain.logits(graphs_of(flat, "CC"))
