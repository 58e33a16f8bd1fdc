"""A network that elucidates, at work: proposals, formulas, ranking, likelihoods."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from nmrflow.answers.candidates import Candidate, order, weigh_drawn
from nmrflow.answers.question import ask
from nmrflow.chem.structure import Structure
from nmrflow.errors import SpectrumError, StructureError
from nmrflow.flow.latent import Latent
from nmrflow.formats.text_reader import Listed, as_peaks
from nmrflow.metrics.calibration import log_likelihood
from nmrflow.model.calibration import Calibration, RankingWeights
from nmrflow.model.results import Proposal
from nmrflow.model.trained import TrainedFlow
from nmrflow.numerics import Draws
from nmrflow.spectra.question import Question

LOG_P_WEIGHT, DENSITY_WEIGHT = 0.5, 0.75

SPECTRA = ([20.0, 30.0, 130.0], [128.0], [15.0, 25.5, 60.1, 110.0, 140.0])
FORMULAS = ("C6H12", "C10H14", "C9H10")
SMILES = ("CC", "Cc1ccccc1", "C1CC2CCC1C2", "CC(C)=CCCC(C)=CCCC(C)=CC#C", "C12C3C4C1C5C2C3C45")


CHNO = {"atom_types": [["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], "max_atoms": 9}
CHNO_FORMULAS = ("C3H9NO", "C4H6O2", "C5H5NO")
CHNO_SMILES = ("CO", "Cc1ccncc1", "NCC(=O)O", "C1CC2CNC1O2", "N#CC(=O)ON=C(O)C", "C")


class Case(NamedTuple):
    """A network, and molecules and formulas of its domain."""

    trained: TrainedFlow
    smiles: Sequence[str]
    formulas: Sequence[str]


@pytest.fixture(params=["hydrocarbons", "CHNO"])
def make_case(
    request: pytest.FixtureRequest,
    make_flow: Callable[..., TrainedFlow],
    small_model: Callable[..., dict[str, Any]],
) -> Callable[..., Case]:
    """Makes a network of either domain, as ``make_flow`` does."""

    def make(**told: Any) -> Case:
        if request.param == "CHNO":
            return Case(make_flow(small_model(CHNO), **told), CHNO_SMILES, CHNO_FORMULAS)
        return Case(make_flow(**told), SMILES, FORMULAS)

    return make


@pytest.fixture
def case(make_case: Callable[..., Case]) -> Case:
    return make_case()


@pytest.fixture
def trained(make_flow: Callable[..., TrainedFlow]) -> TrainedFlow:
    return make_flow()


def codes_of(trained: TrainedFlow) -> np.ndarray:
    return np.stack([trained.axis.code_from_shifts(peaks) for peaks in SPECTRA])


def question(peaks: Listed, formula: str | None = None) -> Question:
    return Question(as_peaks(peaks), formula=formula)


def questions(spectra: Sequence[Listed], formulas: Sequence[str] | None = None) -> list[Question]:
    """Each spectrum with its formula, where some are told."""
    told = formulas or [None] * len(spectra)
    return [question(peaks, f) for peaks, f in zip(spectra, told, strict=True)]


def rank(trained: TrainedFlow, drawn: Sequence[Proposal], asked: Question) -> list[Candidate]:
    return list(order(weigh_drawn(trained, asked, drawn)))


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str
)
@pytest.mark.parametrize("knows_formula", [False, True])
def test_latents_of_proposals_are_those_drawn(
    make_case: Callable[..., Case], dtype: torch.dtype, tolerance: float, knows_formula: bool
) -> None:
    """Weights in float32 are as exact as sums in float32, whole or step by step, are."""
    trained, _, formulas = make_case(dtype=dtype)
    asked = questions(SPECTRA, formulas if knows_formula else None)
    proposals = trained.propose_structures(asked, 25, seed=1)
    assert [len(drawn) for drawn in proposals] == [25] * 3
    for k, (drawn, code) in enumerate(zip(proposals, codes_of(trained), strict=True)):
        latent = trained.to_latent(drawn, [asked[k]] * 25)
        z = np.stack([proposal.z for proposal in drawn])
        assert latent.z.dtype == latent.y.dtype == torch.float64
        np.testing.assert_allclose(latent.z, z, rtol=0, atol=tolerance)
        bits = np.tile(2.0 * code - 1.0, (25, 1))
        np.testing.assert_allclose(latent.y, bits, rtol=0, atol=1e-9)
        # And back: the same molecules.
        again = trained.from_latent(latent, [asked[k]] * 25)
        assert [p.structure for p in again] == [p.structure for p in drawn]


def test_a_formula_is_part_of_what_is_asked(case: Case) -> None:
    trained, _, (formula, other, _) = case
    asked, wrong = question(SPECTRA[0], formula), question(SPECTRA[0], other)
    (drawn,) = trained.propose_structures([asked], 20, seed=1)
    known = trained.to_latent(drawn, [asked] * 20)
    unknown = trained.to_latent(drawn)
    assert (known.z - unknown.z).abs().max() > 0.01
    with pytest.raises(StructureError, match="contradict what is known"):
        trained.to_latent(drawn, [wrong] * 20)


def test_too_many_bonds_are_impossible(trained: TrainedFlow) -> None:
    cells = torch.zeros(1, 136)
    cells[0, [0, 1, 3]] = 3  # an atom with nine bonds, to the three after it
    code = torch.from_numpy(codes_of(trained)[:1])
    assert trained.flow.log_probability(cells, code).item() == -np.inf
    with pytest.raises(StructureError, match="probability 0"):
        trained.flow.to_latent(trained.flow.fill(cells))


def structures(proposals: list[list[Proposal]]) -> list[list[Structure | None]]:
    return [[p.structure for p in drawn] for drawn in proposals]


def test_proposals_follow_from_the_seed_and_more_samples_extend_them(
    trained: TrainedFlow,
) -> None:
    few = trained.propose_structures(SPECTRA, 8, seed=1)
    torch.rand(5)
    for one, other in zip(few, trained.propose_structures(SPECTRA, 8, seed=1), strict=True):
        assert all(np.array_equal(p.x, q.x) for p, q in zip(one, other, strict=True))
    more = trained.propose_structures(SPECTRA, 20, seed=1)
    for one, other in zip(few, more, strict=True):
        for p, q in zip(one, other, strict=False):
            assert np.array_equal(p.z, q.z)
            np.testing.assert_allclose(p.x, q.x, rtol=0, atol=1e-9)
    assert structures(few) == [names[:8] for names in structures(more)]
    assert structures(few) != structures(trained.propose_structures(SPECTRA, 8, seed=2))
    # Another spectrum beside it changes nothing; its place does.
    assert structures(few)[:2] == structures(trained.propose_structures(SPECTRA[:2], 8, seed=1))
    swapped = trained.propose_structures(SPECTRA[::-1], 8, seed=1)
    assert not np.array_equal(swapped[2][0].z, few[0][0].z)


def test_spectra_are_gone_through_a_few_at_a_time(
    trained: TrainedFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = questions(SPECTRA, FORMULAS)
    whole = trained.propose_structures(asked, 10, seed=1)
    monkeypatch.setattr(type(trained.flow), "batch_size", 7)  # cuts within a spectrum
    parts = list(trained.iterate_proposals(asked, 10, 1))
    assert structures(parts) == structures(whole)
    for one, other in zip(whole, parts, strict=True):
        for p, q in zip(one, other, strict=True):
            np.testing.assert_allclose(p.x, q.x, rtol=0, atol=1e-9)


def test_codes_may_be_given_instead_of_peaks(trained: TrainedFlow) -> None:
    by_code = trained.propose_structures(codes_of(trained), 5, seed=1)
    by_peaks = trained.propose_structures(SPECTRA, 5, seed=1)
    assert structures(by_code) == structures(by_peaks)


def test_the_spectrum_decides_what_is_proposed(trained: TrainedFlow) -> None:
    """With the same z: only y differs."""
    z = trained.flow.sample_z(Draws(torch.Generator().manual_seed(0), 20))
    one, other = (
        trained.from_latent(Latent(z, torch.from_numpy(2.0 * code - 1).expand(20, -1)))
        for code in codes_of(trained)[:2]
    )
    assert [p.structure for p in one] != [p.structure for p in other]


@pytest.mark.parametrize("formula", ["C6H12", "C10H18", "C14H26"])
def test_most_proposals_have_the_formula(trained: TrainedFlow, formula: str) -> None:
    assert trained.takes_formula
    (drawn,) = trained.propose_structures([question(SPECTRA[0], formula)], 200, seed=3)
    molecules = [p.structure for p in drawn if p.structure is not None]
    assert len(molecules) > 150
    assert sum(s.formula == formula for s in molecules) >= 0.8 * len(molecules)
    assert len({s.connectivity for s in molecules}) > 5
    (free,) = trained.propose_structures(SPECTRA[:1], 200, seed=3)
    assert sum(p.structure is not None and p.structure.formula == formula for p in free) < 20


@pytest.mark.parametrize(
    ("formula", "domain"), [("C10H14", None), ("C9H10", None), ("C4H6O2", CHNO)], ids=str
)
def test_where_a_formula_is_missed_a_way_has_ended(
    make_flow: Callable[..., TrainedFlow],
    small_model: Callable[..., dict[str, Any]],
    formula: str,
    domain: dict[str, Any] | None,
) -> None:
    """An untrained network closes small cages, or O=O: no further atom can be reached."""
    trained = make_flow(small_model(domain))
    (drawn,) = trained.propose_structures([question(SPECTRA[0], formula)], 200, seed=3)
    formulas = {p.structure.formula for p in drawn if p.structure is not None}
    found = {trained.domain.count(other) for other in formulas}
    wanted = trained.domain.count(formula)
    assert {wanted} < found  # this network does both
    assert all(n <= most for one in found for n, most in zip(one, wanted, strict=True))


@pytest.mark.parametrize("formula", ["C3H9NO", "C4H10O", "C5H5NO"])
def test_several_kinds_of_atoms_have_the_formula_too(
    make_flow: Callable[..., TrainedFlow],
    small_model: Callable[..., dict[str, Any]],
    formula: str,
) -> None:
    trained = make_flow(small_model(CHNO))
    (drawn,) = trained.propose_structures([question(SPECTRA[0], formula)], 200, seed=3)
    molecules = [p.structure for p in drawn if p.structure is not None]
    assert len(molecules) > 100
    assert sum(s.formula == formula for s in molecules) >= 0.8 * len(molecules)
    assert len({s.connectivity for s in molecules}) > 5
    wanted = trained.domain.count(formula)
    for structure in molecules:
        trained.domain.check(structure)
        found = trained.domain.count(structure.formula)
        assert all(n <= most for n, most in zip(found, wanted, strict=True))
    (free,) = trained.propose_structures(SPECTRA[:1], 200, seed=3)
    assert sum(p.structure is not None and p.structure.formula == formula for p in free) < 20


@pytest.mark.parametrize("formula", ["C10H15", "C18H20", "C6H5Br", "benzene", ""])
def test_what_is_no_formula_is_refused_in_words(trained: TrainedFlow, formula: str) -> None:
    asked = questions(SPECTRA[:2], ["C6H6", formula])
    for call in (
        lambda: trained.propose_structures(asked, 3, 1),
        lambda: trained.to_latent(["CC", "CC"], asked),
        lambda: trained.log_p(["CC", "CC"], asked),
        lambda: ask(SPECTRA[0], trained.axis, formula=formula, domain=trained.domain),
    ):
        with pytest.raises(StructureError, match=f"formula.*{formula}") as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1


def test_other_numbers_of_questions_are_refused(trained: TrainedFlow) -> None:
    asked = questions(SPECTRA, FORMULAS)
    with pytest.raises(SpectrumError, match="2 spectra for 1 structures"):
        trained.to_latent(["CC"], asked[:2])
    with pytest.raises(SpectrumError, match="1 spectra for 2 structures"):
        trained.log_p(["CC", "CCC"], asked[:1])
    with pytest.raises(SpectrumError, match="1 spectra for 2 structures"):
        trained.to_latent(["CC", "CCC"], SPECTRA[:1])
    latent = trained.to_latent(["CC", "CCC"])
    with pytest.raises(SpectrumError, match="3 spectra for 2 structures"):
        trained.from_latent(latent, asked)
    with pytest.raises(SpectrumError, match="at least 1"):
        trained.propose_structures(SPECTRA, 0, 1)


def test_a_published_network_takes_no_formula(published_flow: TrainedFlow) -> None:
    assert not published_flow.takes_formula
    assert not published_flow.has_likelihood
    assert not published_flow.predicts_shifts
    asked = [question(SPECTRA[0], "C2H6")]
    for call in (
        lambda: published_flow.propose_structures(asked, 2, 1),
        lambda: published_flow.to_latent(["CC"], asked),
    ):
        with pytest.raises(SpectrumError, match="cannot be asked for a formula"):
            call()
    with pytest.raises(SpectrumError, match="no likelihood"):
        published_flow.log_p(["CC"], SPECTRA[:1])


# Shifts.


def test_every_carbon_has_a_shift_with_an_interval(trained: TrainedFlow) -> None:
    found = trained.predict_shifts(SMILES, level=0.8)
    for smiles, shifts in zip(SMILES, found, strict=True):
        n = shifts.structure.n_atoms
        assert shifts.structure == Structure.from_smiles(smiles)
        assert shifts.median_ppm.shape == shifts.low_ppm.shape == shifts.high_ppm.shape == (n,)
        assert (shifts.low_ppm < shifts.median_ppm).all()
        assert (shifts.median_ppm < shifts.high_ppm).all()
        at = np.stack([shifts.low_ppm, shifts.median_ppm, shifts.high_ppm], 1)
        below = shifts.distribution.cdf(torch.from_numpy(at)).numpy()
        np.testing.assert_allclose(below, np.tile([0.1, 0.5, 0.9], (n, 1)), atol=1e-6)
    wider = trained.predict_shifts(SMILES[1:2], level=0.95)[0]
    assert (wider.low_ppm < found[1].low_ppm).all()


def test_shifts_follow_the_numbering(trained: TrainedFlow) -> None:
    structure = Structure.from_smiles(SMILES[3])
    order = np.random.default_rng(0).permutation(structure.n_atoms).tolist()
    one, other = trained.predict_shifts([structure, structure.permuted(order)])
    np.testing.assert_allclose(other.median_ppm, one.median_ppm[order], rtol=0, atol=1e-9)
    (benzene,) = trained.predict_shifts(["c1ccccc1"])
    assert np.ptp(benzene.median_ppm) < 1e-9  # equivalent carbons have one shift


def test_shifts_that_cannot_be_predicted(
    trained: TrainedFlow, published_flow: TrainedFlow
) -> None:
    with pytest.raises(SpectrumError, match="no carbon's shift"):
        published_flow.predict_shifts(["CC"])
    with pytest.raises(SpectrumError, match="level=1"):
        trained.predict_shifts(["CC"], level=1)
    with pytest.raises(StructureError, match="structure 1"):
        trained.predict_shifts(["CC", "CO"])


# Ranking.


@pytest.fixture
def drawn(trained: TrainedFlow) -> list[Proposal]:
    return trained.propose_structures(SPECTRA[:1], 150, seed=4)[0]


def test_a_proposal_carries_what_its_molecule_is_predicted_to_have(
    trained: TrainedFlow, drawn: list[Proposal]
) -> None:
    molecules = [p for p in drawn if p.structure is not None]
    expected = trained.predict_logits([p.structure for p in molecules if p.structure])
    np.testing.assert_allclose(
        np.stack([p.logits for p in molecules]), expected, rtol=0, atol=1e-9
    )


def test_candidates_are_the_distinct_molecules_best_first(
    trained: TrainedFlow, drawn: list[Proposal]
) -> None:
    nothing = replace(drawn[0], structure=None, refusal="no bonds")
    candidates = rank(trained, [*drawn, nothing], question(SPECTRA[0]))
    names = [c.structure.connectivity for c in candidates]
    assert 20 < len(names) == len(set(names))
    assert set(names) == {p.structure.connectivity for p in drawn if p.structure}
    for candidate, name in zip(candidates, names, strict=True):
        times = sum(p.structure is not None and p.structure.connectivity == name for p in drawn)
        assert candidate.n_sampled == times
    assert sum(c.n_sampled or 0 for c in candidates) == sum(p.structure is not None for p in drawn)
    assert max(c.n_sampled or 0 for c in candidates) > 1
    assert all(c.contradiction is None for c in candidates)
    assert all(a.score >= b.score for a, b in pairwise(candidates))
    assert candidates[0].score > candidates[-1].score
    log_p = trained.log_p([c.structure for c in candidates], SPECTRA[:1] * len(candidates))
    logits = trained.predict_logits([c.structure for c in candidates])
    fits = log_likelihood(logits, codes_of(trained)[0])
    density = np.array([c.fit.log_likelihood for c in candidates])
    np.testing.assert_allclose([c.log_p for c in candidates], log_p, rtol=0, atol=1e-9)
    np.testing.assert_allclose([c.consistency for c in candidates], fits, rtol=0, atol=1e-9)
    expected = fits + LOG_P_WEIGHT * log_p + DENSITY_WEIGHT * density
    np.testing.assert_allclose([c.score for c in candidates], expected, rtol=0, atol=1e-8)


def test_the_order_of_proposals_does_not_matter(
    trained: TrainedFlow, drawn: list[Proposal]
) -> None:
    """Though a molecule is drawn in several numberings, and log p of a numbering is its own."""
    tables: dict[str, set[bytes]] = {}
    for p in drawn:
        if p.structure is not None:
            table = trained.codec.round(p.x).tobytes()
            tables.setdefault(p.structure.connectivity, set()).add(table)
    assert max(len(numberings) for numberings in tables.values()) > 1
    expected = rank(trained, drawn, question(SPECTRA[0]))
    mixed = [drawn[int(k)] for k in np.random.default_rng(0).permutation(len(drawn))]
    for other in (drawn[::-1], mixed):
        found = rank(trained, other, question(SPECTRA[0]))
        assert [c.structure for c in found] == [c.structure for c in expected]
        assert [c.n_sampled for c in found] == [c.n_sampled for c in expected]
        for name in ("consistency", "log_p", "score"):
            np.testing.assert_allclose(
                [getattr(c, name) for c in found],
                [getattr(c, name) for c in expected],
                rtol=0,
                atol=1e-9,
            )


def numbers(candidates: Sequence[Candidate]) -> list[tuple[object, ...]]:
    return [(c.structure, c.consistency, c.log_p, c.score, c.n_sampled) for c in candidates]


def test_a_code_is_ranked_as_peaks_at_its_bins_are(
    trained: TrainedFlow, make_flow: Callable[..., TrainedFlow], drawn: list[Proposal]
) -> None:
    code = codes_of(trained)[0]
    centres = trained.axis.centres_ppm()[code.astype(bool)]
    by_code = rank(trained, drawn, question(code))
    assert numbers(by_code) == numbers(rank(trained, drawn, question(centres)))
    # Where bins alone count, as any peaks in them.
    coarse = make_flow(ranking={"log_p_weight": LOG_P_WEIGHT})
    assert numbers(rank(coarse, drawn, question(code))) == numbers(
        rank(coarse, drawn, question(SPECTRA[0]))
    )


def test_a_peak_list_may_be_text(trained: TrainedFlow, drawn: list[Proposal]) -> None:
    text = "13C NMR (101 MHz, CDCl3) δ 130.0, 30.0, 20.0."
    (proposals,) = trained.propose_structures([text], 150, seed=4)
    assert [p.structure for p in proposals] == [p.structure for p in drawn]
    by_text, by_shifts = (rank(trained, drawn, question(q)) for q in (text, SPECTRA[0]))
    assert [c.structure for c in by_text] == [c.structure for c in by_shifts]
    scores = [[c.score for c in found] for found in (by_text, by_shifts)]
    np.testing.assert_allclose(*scores, rtol=0, atol=1e-9)
    with pytest.raises(SpectrumError, match=r"spectrum 1: line 1: .*"):
        trained.propose_structures([text, "20.0, thirty"], 1, seed=0)


def test_what_multiplicities_rule_out_comes_last(
    trained: TrainedFlow, drawn: list[Proposal]
) -> None:
    candidates = rank(trained, drawn, question("13C NMR δ 130.0 (CH), 30.0 (C), 20.0."))
    out = [c.contradiction is not None for c in candidates]
    assert 0 < sum(out) < len(out)
    assert out == sorted(out)
    for part in (False, True):
        own = [c.score for c, is_out in zip(candidates, out, strict=True) if is_out == part]
        assert own == sorted(own, reverse=True)


def test_ranking_knows_the_formula(trained: TrainedFlow) -> None:
    asked = question(SPECTRA[0], "C6H12")
    (drawn,) = trained.propose_structures([asked], 60, seed=1)
    known = rank(trained, drawn, asked)
    unknown = rank(trained, drawn, question(SPECTRA[0]))
    log_p = trained.log_p([c.structure for c in known], [asked] * len(known))
    np.testing.assert_allclose([c.log_p for c in known], log_p, rtol=0, atol=1e-9)
    before = {c.structure.connectivity: c.log_p or 0.0 for c in unknown}
    assert all(abs((c.log_p or 0.0) - before[c.structure.connectivity]) > 1e-3 for c in known)


@pytest.mark.parametrize("ranking", [{"log_p_weight": 0.0}, {}])
def test_without_weight_consistency_alone_decides(
    make_flow: Callable[..., TrainedFlow], ranking: dict[str, float]
) -> None:
    """Also where a candidate is impossible, of another formula than the one that is told."""
    trained = make_flow(ranking=ranking)
    (drawn,) = trained.propose_structures(SPECTRA[:1], 40, seed=1)
    for formula in (None, "C10H14"):
        candidates = rank(trained, drawn, question(SPECTRA[0], formula))
        assert [c.score for c in candidates] == [c.consistency for c in candidates]
        assert (formula is not None) == any(c.log_p == -np.inf for c in candidates)


def test_a_calibration_says_the_weights_before_the_configuration(
    make_flow: Callable[..., TrainedFlow], calibration: Calibration
) -> None:
    configured = make_flow().ranking
    assert configured == RankingWeights(LOG_P_WEIGHT, DENSITY_WEIGHT)
    own = replace(calibration, ranking=RankingWeights(0.25, 0.125))
    assert make_flow(calibration=own).ranking == own.ranking
    assert make_flow(ranking={}).ranking == RankingWeights(0.0, 0.0)


def test_nothing_drawn_is_nothing_to_rank(trained: TrainedFlow, drawn: list[Proposal]) -> None:
    nothing = replace(drawn[0], structure=None, refusal="no bonds")
    asked = question(SPECTRA[0])
    assert rank(trained, [nothing], asked) == rank(trained, [], asked) == []


def test_a_published_network_ranks_by_consistency(published_flow: TrainedFlow) -> None:
    structures = [Structure.from_smiles(smiles) for smiles in SMILES[:3]]
    encoded = [published_flow.codec.encode(s).astype(float) for s in structures]
    proposals = [Proposal(s, None, x, x, x) for s, x in zip(structures, encoded, strict=True)]
    candidates = rank(published_flow, [*proposals, proposals[1]], question(SPECTRA[0]))
    assert sorted(c.n_sampled or 0 for c in candidates) == [1, 1, 2]
    assert all(c.log_p is None and c.score == c.consistency for c in candidates)
    assert all(c.matched is None and c.contradiction is None for c in candidates)
    with pytest.raises(SpectrumError, match="no carbon's shift"):
        _ = candidates[0].fit
    fits = log_likelihood(published_flow.predict_logits(structures), codes_of(published_flow)[0])
    np.testing.assert_allclose([c.score for c in candidates], sorted(fits)[::-1], rtol=1e-6)


# Structures and spectra of the user's own.


def test_numbering_changes_neither_predictions_nor_likelihoods(case: Case) -> None:
    trained, molecules, _ = case
    random = np.random.default_rng(0)
    for smiles in molecules:
        structure = Structure.from_smiles(smiles)
        orders = [random.permutation(structure.n_atoms).tolist() for _ in range(20)]
        same = [structure, *(structure.permuted(order) for order in orders)]
        if structure.n_atoms > 2:
            assert len({trained.codec.write(s).tobytes() for s in same}) > 5
        logits = trained.predict_logits(same)
        assert np.ptp(logits, axis=0).max() <= 1e-9
        for formula in (None, structure.formula):
            log_p = trained.log_p(same, [question(SPECTRA[0], formula)] * 21)
            assert np.isfinite(log_p).all()
            assert np.ptp(log_p) <= 1e-9
    assert not any("numbered" in caveat for caveat in trained.caveats)


def test_molecules_and_spectra_differ_in_likelihood(trained: TrainedFlow) -> None:
    log_p = np.stack([trained.log_p(SMILES, SPECTRA[k : k + 1] * 5) for k in range(3)])
    assert log_p.shape == (3, 5)
    assert (log_p < 0).all()
    assert len(np.unique(log_p.round(6))) == 15


def test_likelihood_with_the_formula_is_another_number(case: Case) -> None:
    trained, molecules, _ = case
    n = len(molecules)
    formulas = [Structure.from_smiles(smiles).formula for smiles in molecules]
    known = trained.log_p(molecules, questions(SPECTRA[:1] * n, formulas))
    unknown = trained.log_p(molecules, SPECTRA[:1] * n)
    assert np.isfinite(known).all()
    assert (abs(known - unknown) > 1e-3).all()
    other = questions(SPECTRA[:1] * n, [formulas[0]] * n)
    assert (trained.log_p(molecules, other)[1:] == -np.inf).all()


def test_likelihood_is_that_of_the_flow(trained: TrainedFlow) -> None:
    """Drawn as often as it says: of ethane's family, told the formula, there are few."""
    n, asked = 3000, question(SPECTRA[0], "C3H4")
    (drawn,) = trained.propose_structures([asked], n, seed=9)
    expected: dict[bytes, int] = {}
    for p in drawn:
        key = trained.codec.round(p.x).tobytes()
        expected[key] = expected.get(key, 0) + 1
    names = ["C=C=C", "C#CC", "C1=CC1"]
    p_of = np.exp(trained.log_p(names, [asked] * 3))
    encoded = [trained.codec.encode(Structure.from_smiles(name)).tobytes() for name in names]
    counted = [expected.get(table, 0) for table in encoded]
    for p, count in zip(p_of, counted, strict=True):
        assert abs(count / n - p) < 5 * np.sqrt(p * (1 - p) / n) + 1 / n
    assert sum(counted) > 100


@pytest.mark.parametrize("knows_formula", [False, True])
def test_a_proposal_knows_how_likely_its_own_draw_was(case: Case, knows_formula: bool) -> None:
    trained, _, formulas = case
    codes = torch.from_numpy(codes_of(trained))
    asked = questions(SPECTRA, formulas if knows_formula else None)
    for k, drawn in enumerate(trained.propose_structures(asked, 40, seed=3)):
        rounded = torch.from_numpy(np.stack([trained.codec.round(p.x) for p in drawn]))
        told = None
        if knows_formula:
            told = {"facts": torch.tensor([trained.domain.count(formulas[k])] * 40)}
        log_p = trained.flow.log_probability(rounded, codes[k].expand(40, -1), told)
        np.testing.assert_allclose([p.log_p for p in drawn], log_p.detach(), rtol=0, atol=1e-9)


def test_y_says_the_code_or_else_the_prediction(case: Case) -> None:
    trained, molecules, _ = case
    molecules, codes = molecules[1:4], codes_of(trained)
    asked = trained.to_latent(molecules, codes)
    np.testing.assert_allclose(asked.y, 2.0 * codes - 1.0, rtol=0, atol=1e-9)
    assert torch.equal(asked.y, trained.to_latent(molecules, SPECTRA).y)
    predicted = trained.to_latent(molecules)
    logits = trained.predict_logits([Structure.from_smiles(s) for s in molecules])
    np.testing.assert_allclose(predicted.y, logits, rtol=0, atol=1e-9)
    assert (predicted.y - asked.y).abs().max() > 0.1
    assert (predicted.z - asked.z).abs().max() > 0.01  # the bonds are read given y
    # Both ways back give the molecules.
    for latent in (asked, predicted):
        back = trained.from_latent(latent)
        names = [Structure.from_smiles(s).connectivity for s in molecules]
        assert [p.structure.connectivity for p in back if p.structure] == names


def test_predicted_codes_follow_the_thresholds(make_flow: Callable[..., TrainedFlow]) -> None:
    plain = make_flow()
    logits = plain.predict_logits([Structure.from_smiles(s) for s in SMILES])
    description = copy.deepcopy(plain.description)
    thresholds = np.quantile(logits, 0.7, axis=0)
    description["training_side"]["logit_thresholds"] = thresholds.tolist()
    other = TrainedFlow(plain.network, description)
    found = np.stack([p.code for p in other.predict_spectrum(SMILES)])
    np.testing.assert_array_equal(found, logits > thresholds)
    plain_codes = np.stack([p.code for p in plain.predict_spectrum(SMILES)])
    assert (found != plain_codes).any()


@pytest.mark.parametrize(
    ("given", "reason"), [("C", "1 carbon"), ("CCO", "contains O"), ("x", "no SMILES")]
)
def test_structures_outside_the_domain_are_refused(
    trained: TrainedFlow, given: str, reason: str
) -> None:
    for call in (
        lambda: trained.log_p(["CC", given], SPECTRA[:2]),
        lambda: trained.to_latent(["CC", given]),
    ):
        with pytest.raises(StructureError, match=rf"structure 1 \({given}\).*{reason}"):
            call()


def test_what_has_no_observed_atom_has_no_spectrum(
    make_flow: Callable[..., TrainedFlow], small_model: Callable[..., dict[str, Any]]
) -> None:
    trained = make_flow(small_model(CHNO))
    for call in (
        lambda: trained.log_p(["CO", "NO"], SPECTRA[:2]),
        lambda: trained.predict_shifts(["CO", "NO"]),
        lambda: trained.predict_spectrum(["CO", "NO"]),
    ):
        with pytest.raises(StructureError, match=r"structure 1 \(NO\): H3NO has no carbon"):
            call()
