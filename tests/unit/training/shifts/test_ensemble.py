"""Training: it learns, repeats itself exactly, and judges no molecule it was trained on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nmrflow.chem.graph import molecular_graph
from nmrflow.chem.structure import Structure
from nmrflow.data.sources.embedded import generate
from nmrflow.errors import DataError, TrainingError
from nmrflow.shifts.mixture import bit_loss
from nmrflow.shifts.network import ShiftEnsemble, ShiftNetwork, collate
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.training.shifts.ensemble import (
    FINE_SHARES,
    N_PARTS,
    Examples,
    FineTuning,
    MeasuredSpectra,
    fine_tune,
    parts,
    predict_log_unset,
    train_ensemble,
)
from nmrflow.training.shifts.pretraining import Assigned, Assignments, Rehearsal, pretrain
from nmrflow.training.shifts.schedule import FINE_TUNING, PRETRAINING
from nmrflow.training.shifts.thresholds import choose_thresholds

AXIS = ShiftAxis()
SMALL = {"width": 24, "n_steps": 3, "n_components": 2, "dropout": 0.1}
SHORT = replace(FINE_TUNING, n_epochs=4)


@pytest.fixture(scope="module")
def molecules() -> list[Assigned]:
    return [
        Assigned(structure, dict(enumerate(shifts))) for structure, shifts in generate()[:2400:20]
    ]


@pytest.fixture(scope="module")
def spectra(molecules: list[Assigned]) -> MeasuredSpectra:
    fine = np.zeros((len(molecules), AXIS.n_fine_bins), dtype=bool)
    for row, molecule in enumerate(molecules):
        fine[row, AXIS.to_fine_bins(molecule.shifts.values())] = True
    return MeasuredSpectra([m.structure for m in molecules], fine, AXIS)


@pytest.fixture(scope="module")
def pretrained(molecules: list[Assigned]) -> ShiftNetwork:
    schedule = replace(PRETRAINING, n_epochs=6, batch_size=16)
    return pretrain(molecules[:60], seed=0, schedule=schedule, network_args=SMALL)


def weights(network: ShiftNetwork) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def shift_loss(network: ShiftNetwork, molecules: list[Assigned]) -> float:
    with torch.no_grad():
        mixture = network(collate([molecular_graph(m.structure) for m in molecules]))
    shifts = torch.tensor([s for m in molecules for s in m.shifts.values()])
    return -float(mixture.log_density(shifts[:, None]).mean())


def code_loss(network: ShiftNetwork, spectra: MeasuredSpectra) -> float:
    graphs = [molecular_graph(s) for s in spectra.structures]
    unset = predict_log_unset(ShiftEnsemble([network]), graphs, AXIS)
    return float(bit_loss(torch.from_numpy(unset), torch.from_numpy(spectra.codes()).double()))


def test_codes_follow_from_fine_codes(spectra: MeasuredSpectra) -> None:
    for fine, code in zip(spectra.fine_codes, spectra.codes(), strict=True):
        assert np.array_equal(AXIS.code_from_fine(np.flatnonzero(fine)), code)


def test_pretraining_learns_shifts(molecules: list[Assigned], pretrained: ShiftNetwork) -> None:
    torch.manual_seed(0)
    assert not pretrained.training
    # Also of molecules that it has not seen.
    assert shift_loss(pretrained, molecules[60:]) < shift_loss(
        ShiftNetwork(**SMALL).eval(), molecules[60:]
    )


def test_shifts_that_are_not_known_are_left_out(molecules: list[Assigned]) -> None:
    """A molecule of which one shift is known, and one of which none is."""
    some = [*molecules[:3], Assigned(Structure.from_smiles("CCO"), {1: 57.0})]
    none = Assigned(Structure.from_smiles("CCN"), {})
    shown: list[float] = []
    schedule = replace(PRETRAINING, n_epochs=2)
    networks = [
        pretrain(m, seed=3, schedule=schedule, network_args=SMALL, progress=shown.append)
        for m in (some, [none, *some])
    ]
    assert torch.equal(*(weights(network) for network in networks))
    assert shown == [0.5, 1.0] * 2
    with pytest.raises(DataError, match="no molecule"):
        pretrain([none], seed=3)


@pytest.mark.parametrize("fine_share", [0.0, 0.3, 1.0])
def test_fine_tuning_learns_codes_and_keeps_the_original(
    spectra: MeasuredSpectra, pretrained: ShiftNetwork, fine_share: float
) -> None:
    before = weights(pretrained)
    tuned = fine_tune(
        pretrained, Examples.of(spectra), seed=0, how=FineTuning(SHORT), fine_share=fine_share
    )
    assert code_loss(tuned, spectra) < 0.97 * code_loss(pretrained, spectra)
    assert torch.equal(weights(pretrained), before)


def test_training_depends_on_its_seed_alone(
    spectra: MeasuredSpectra, pretrained: ShiftNetwork
) -> None:
    few, once = Examples.of(spectra.rows(np.arange(20))), replace(SHORT, n_epochs=1)
    one = fine_tune(pretrained, few, seed=1, how=FineTuning(once))
    state = torch.get_rng_state()
    torch.rand(7)
    again = fine_tune(pretrained, few, seed=1, how=FineTuning(once))
    other = fine_tune(pretrained, few, seed=2, how=FineTuning(once))
    assert torch.equal(weights(one), weights(again))
    assert not torch.equal(weights(one), weights(other))
    torch.set_rng_state(state)
    expected = torch.rand(1)
    torch.set_rng_state(state)
    fine_tune(pretrained, few, seed=1, how=FineTuning(once))
    assert torch.equal(torch.rand(1), expected)  # the caller's own numbers are left alone


def test_what_is_rehearsed_is_kept(
    spectra: MeasuredSpectra, pretrained: ShiftNetwork, molecules: list[Assigned]
) -> None:
    few, rehearsed = spectra.rows(np.arange(20)), molecules[20:60]
    examples = Examples.of(few)
    alone = fine_tune(pretrained, examples, seed=0, how=FineTuning(SHORT))
    rehearsal = Rehearsal(Assignments.of(rehearsed, spectra.features), 4.0)
    how = FineTuning(SHORT, rehearsal)
    beside = fine_tune(pretrained, examples, seed=0, how=how)
    assert shift_loss(beside, rehearsed) < shift_loss(alone, rehearsed)
    assert code_loss(beside, few) < code_loss(pretrained, few)
    again = fine_tune(pretrained, examples, seed=0, how=how)
    assert torch.equal(weights(beside), weights(again))


def test_a_loss_that_is_no_number_stops_the_training(spectra: MeasuredSpectra) -> None:
    network = ShiftNetwork(**SMALL)
    with torch.no_grad():
        network.enter.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="learning rate"):
        fine_tune(network, Examples.of(spectra), seed=0, how=FineTuning(SHORT))


def test_thresholds_are_chosen_where_each_network_has_not_been(
    spectra: MeasuredSpectra, pretrained: ShiftNetwork
) -> None:
    """Training pairs one by one, on all but their part, gives the same thresholds."""
    shown: list[float] = []
    schedule = replace(SHORT, n_epochs=1)
    trained = train_ensemble(
        [pretrained],
        spectra,
        seed=3,
        n_networks=2,
        how=FineTuning(schedule),
        progress=shown.append,
    )
    assert shown == pytest.approx(np.arange(1, 7) / 6)
    connectivities = [s.connectivity for s in spectra.structures]
    part = parts(connectivities, 3)
    unset, codes = [], []
    for k in range(2):
        pair = [
            fine_tune(
                pretrained,
                Examples.of(spectra.rows(np.flatnonzero(part != k))),
                seed=(9 + which) * N_PARTS + k,
                how=FineTuning(schedule),
                fine_share=FINE_SHARES[(k + which) % 2],
            )
            for which in (0, 1)
        ]
        held = spectra.rows(np.flatnonzero(part == k))
        graphs = [molecular_graph(s) for s in held.structures]
        unset.append(predict_log_unset(ShiftEnsemble(pair), graphs, AXIS))
        codes.append(held.codes())
    order = np.argsort(np.concatenate([np.flatnonzero(part == k) for k in range(2)]))
    predicted, true = -np.expm1(np.concatenate(unset))[order], np.concatenate(codes)[order]
    assert trained.n_unseen == len(true) > 0
    expected = choose_thresholds(predicted, true, np.zeros(len(true), dtype=int))
    assert (trained.thresholds.share, trained.thresholds.slope) == (
        expected.share,
        expected.slope,
    )
    assert trained.thresholds.scores == expected.scores
    assert np.isfinite(trained.log_loss)
    assert not trained.ensemble.training


def test_members_are_trained_on_all_molecules(
    spectra: MeasuredSpectra, pretrained: ShiftNetwork
) -> None:
    how = FineTuning(replace(SHORT, n_epochs=1))
    starts = [pretrained, ShiftNetwork(**SMALL)]
    few = spectra.rows(np.arange(40))
    trained = train_ensemble(starts, few, seed=3, n_networks=3, how=how)
    for k, member in enumerate(trained.ensemble.networks):
        start, share = starts[k % 2], FINE_SHARES[k // 2]
        alone = fine_tune(
            start, Examples.of(few), seed=11 * N_PARTS + k, how=how, fine_share=share
        )
        assert torch.equal(weights(member), weights(alone))


def test_all_rows_of_a_molecule_are_in_one_part() -> None:
    connectivities = ["CC", "CCC", "CC", *("C" * k for k in range(4, 60))]
    found = parts(connectivities, 0)
    assert found[0] == found[2]
    assert set(found) == set(range(N_PARTS))
    assert not np.array_equal(found, parts(connectivities, 1))


def test_too_little_to_train_on_is_refused(
    spectra: MeasuredSpectra, pretrained: ShiftNetwork
) -> None:
    with pytest.raises(DataError, match="too few"):
        train_ensemble(
            [pretrained], spectra.rows(np.zeros(0, dtype=int)), seed=0, how=FineTuning(SHORT)
        )
    with pytest.raises(DataError, match="too few"):
        train_ensemble(
            [pretrained],
            spectra.rows(np.arange(1)),
            seed=0,
            n_networks=N_PARTS,
            how=FineTuning(SHORT),
        )
    with pytest.raises(ValueError, match="to start from"):
        train_ensemble([], spectra, seed=0, how=FineTuning(SHORT))
