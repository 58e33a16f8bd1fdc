"""What a spectrum leaves over makes no answer more certain: with the network of the package."""

from collections.abc import Iterator

import pytest

import nmrflow
from nmrflow.answers import elucidation
from nmrflow.answers.sentences import say_all, say_trust
from nmrflow.model.trained import TrainedFlow

SPECTRA = {
    "Cc1ccccc1": ("C7H8", (137.9, 129.1, 128.3, 125.4, 21.5)),
    "CCCC(C)=C": ("C6H12", (146.0, 109.8, 40.1, 22.4, 20.9, 13.8)),
    "C1CC2CCC1C2": ("C7H12", (38.3, 36.4, 29.7)),
}
"""Of common hydrocarbons, shifts as textbooks have them."""

EXTRA_PPM = (60.0, 190.0)


@pytest.fixture(scope="module")
def model() -> TrainedFlow:
    return nmrflow.load_pretrained("hydrocarbons")


@pytest.fixture(autouse=True)
def _few_rivals(monkeypatch: pytest.MonkeyPatch) -> None:
    """For speed."""
    monkeypatch.setattr(elucidation, "N_SAMPLES", 40)


def perturbed(peaks: tuple[float, ...]) -> Iterator[tuple[float, ...]]:
    """With a peak that nothing explains, and without each of its own."""
    yield from ((*peaks, ppm) for ppm in EXTRA_PPM)
    yield (*peaks, *EXTRA_PPM)
    yield from (peaks[:k] + peaks[k + 1 :] for k in range(len(peaks)))


@pytest.mark.parametrize("smiles", SPECTRA)
def test_a_candidate_is_no_likelier_with_peaks_left_over(smiles: str, model: TrainedFlow) -> None:
    peaks = SPECTRA[smiles][1]
    clean = nmrflow.rank(model, peaks, [smiles]).probability
    assert clean is not None
    for other in perturbed(peaks):
        found = nmrflow.rank(model, other, [smiles]).probability
        assert found is None or found <= clean, other


ORGANIC = {
    "CC(=O)OCC": (171.1, 60.4, 21.0, 14.2),
    "COc1ccccc1": (159.6, 129.5, 120.7, 113.9, 55.1),
    "O=C1CCCCC1": (211.9, 41.9, 27.0, 25.0),
}


@pytest.mark.parametrize("smiles", ORGANIC)
def test_any_molecule_is_no_likelier_with_peaks_left_over(smiles: str) -> None:
    model, peaks = nmrflow.load_pretrained("organic"), ORGANIC[smiles]
    near = [ppm + by for ppm in peaks for by in (-1.5, 1.5)]
    others = [*perturbed(peaks), *((*peaks, ppm) for ppm in near)]
    for answer in (nmrflow.check, lambda *asked: nmrflow.rank(*asked[:2], [asked[2]])):
        clean = answer(model, peaks, smiles).probability
        assert clean is not None
        for other in others:
            found = answer(model, other, smiles).probability
            assert found is not None
            assert found <= clean, other


@pytest.mark.parametrize("smiles", SPECTRA)
def test_a_list_is_no_likelier_with_peaks_left_over(smiles: str, model: TrainedFlow) -> None:
    formula, peaks = SPECTRA[smiles]
    clean = nmrflow.elucidate(model, peaks, formula=formula, n_samples=60)
    assert clean.probability is not None
    for other in perturbed(peaks):
        found = nmrflow.elucidate(model, other, formula=formula, n_samples=60)
        assert found.probability is None or found.probability <= clean.probability, other


@pytest.mark.parametrize(
    ("peaks", "why"),
    [
        ((*SPECTRA["Cc1ccccc1"][1], 250.0), "250 ppm is a shift that no carbon of hydrocarbons"),
        ((*SPECTRA["Cc1ccccc1"][1], -19.0), "-19 ppm is a shift that no carbon"),
        (tuple(10.0 + 7 * k for k in range(18)), "18 peaks are more than the 17 carbons"),
    ],
)
def test_outside_its_domain_there_is_no_probability(
    peaks: tuple[float, ...], why: str, model: TrainedFlow
) -> None:
    listed = nmrflow.elucidate(model, peaks, n_samples=40)
    ranked = nmrflow.rank(model, peaks, ["Cc1ccccc1", "C1=CC=CC=CC1"])
    for answer in (listed, ranked):
        assert answer.probability is None
        assert {candidate.probability for candidate in answer.candidates} <= {None}
        assert why in " ".join(say_all(answer))
    assert "No probability can be given" in say_trust(ranked)
    assert ranked.none_fits is None


def test_what_is_not_explained_is_named(model: TrainedFlow) -> None:
    found = nmrflow.elucidate(
        model, (*SPECTRA["Cc1ccccc1"][1], 60.0), formula="C7H8", n_samples=40
    )
    assert "The first candidate: no carbon explains 60 ppm." in say_all(found)


# A line of the compound's at the place of a solvent's.

PHENYLACETYLENE = "13C NMR (101 MHz, CDCl3) δ 132.1, 128.7, 128.3, 122.1, 83.6, 77.3."
TOLUENE = "13C NMR (101 MHz, CDCl3) δ 137.9, 129.1, 128.3, 125.4, 77.2, 21.5."


@pytest.mark.parametrize(("peaks", "smiles", "is_own"), [
    (PHENYLACETYLENE, "C#Cc1ccccc1", True), (TOLUENE, "Cc1ccccc1", False),
])  # fmt: skip
def test_a_line_that_the_structure_needs_is_kept(
    peaks: str, smiles: str, is_own: bool, model: TrainedFlow
) -> None:
    assigned = nmrflow.assign(model, peaks, smiles)
    listed = nmrflow.elucidate(model, peaks, n_samples=60)
    ranked = nmrflow.rank(model, peaks, [smiles, "C1=CC=CC=CC1"])
    for question in (listed.question, ranked.question):
        assert len(question.peaks.peaks) == assigned.n_peaks == 5 + is_own
        assert [line.name for line in question.kept] == ["CDCl3"] * is_own
        assert [line.name for line in question.left_out] == ["CDCl3"] * (not is_own)
    assert listed.candidates[0].structure.connectivity == smiles
    assert ("Kept: " in " ".join(say_all(listed))) == is_own
    if is_own:
        (alkyne,) = (p for p in assigned.assigned if p.group.atoms == (0,))
        assert alkyne.measured.shift_ppm == 77.3
