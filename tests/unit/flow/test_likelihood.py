"""The structure's node and the flow around it: exact inverses, exact probabilities."""

import itertools
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.errors import ConfigError, ShapeError, StructureError
from nmrflow.flow import (
    Flow,
    SpectrumCoupling,
    StructureCoupling,
    StructureMemoryless,
    StructureTransformer,
)
from nmrflow.flow.latent import Latent
from nmrflow.flow.tokens import Grammar
from nmrflow.numerics import Draws, generator_for

N_BINS = 6
CHNO = Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9)
TINY = Domain([["C", 0, 4], ["O", 0, 2]], max_atoms=3)
DOMAINS = {"hydrocarbons": HYDROCARBONS, "CHNO": CHNO}

Randomise = Callable[[nn.Module], nn.Module]
Molecules = Callable[[Domain], st.SearchStrategy[Structure]]


def grammar_of(domain: Domain) -> Grammar:
    return Grammar(domain.valences, domain.max_atoms, TableCodec(domain).pairs)


class Predictor(nn.Linear):
    def forward(self, cells: Tensor) -> Tensor:
        return super().forward(cells.to(self.weight.dtype))


def make_flow(domain: Domain) -> Flow:
    """As the configuration of the elucidating network has it, of a domain."""
    conditional = partial(StructureTransformer, width=16, n_layers=2, n_heads=2)
    grammar = grammar_of(domain)
    return Flow(
        nodes={
            "spectrum": SpectrumCoupling,
            "structure": partial(StructureCoupling, conditional=conditional),
        },
        cell_shape=(grammar.n_cells,),
        n_bins=N_BINS,
        known={"grammar": grammar, "predictor": Predictor(grammar.n_cells, N_BINS)},
    )


@pytest.fixture(scope="module", params=DOMAINS)
def domain(request: pytest.FixtureRequest) -> Domain:
    return DOMAINS[request.param]


@pytest.fixture(scope="module")
def flow(domain: Domain, randomised: Randomise) -> Flow:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return randomised(make_flow(domain)).double().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tiny(randomised: Randomise) -> Flow:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return randomised(make_flow(TINY)).double().eval().requires_grad_(False)


def told_of(domain: Domain, n: int, formulas: list[str]) -> dict[str, Tensor]:
    """The formulas in turn; a dash for none."""
    unknown = (-1,) * (len(domain.atom_types) + 1)
    counted = [unknown if f == "-" else domain.count(f) for f in formulas]
    return {"facts": torch.tensor([counted[k % len(counted)] for k in range(n)])}


FORMULAS = {"hydrocarbons": ["-", "C7H8", "C2H6", "C9H12"], "CHNO": ["-", "C2H6O", "N2O", "C6H7N"]}


@pytest.mark.parametrize("knows_formula", [False, True])
def test_normal_numbers_come_back(flow: Flow, domain: Domain, knows_formula: bool) -> None:
    n = 40
    z = flow.sample_z(Draws(generator_for(1), n))
    y = 2 * torch.randn(n, N_BINS, dtype=torch.float64)
    formulas = FORMULAS["hydrocarbons" if domain is HYDROCARBONS else "CHNO"]
    told = told_of(domain, n, formulas) if knows_formula else None
    x, log_det_back = flow.from_latent(Latent(z, y), told)
    latent, log_det = flow.to_latent(x, told)
    torch.testing.assert_close(latent.z, z, rtol=0, atol=1e-11)
    torch.testing.assert_close(latent.y, y, rtol=0, atol=1e-11)
    torch.testing.assert_close(log_det, -log_det_back, rtol=0, atol=1e-10)
    # Both ways are this flow's probability of what came out, and that is what is drawn.
    drawn = flow.log_probability_drawn(z, log_det_back)
    cells = x[:, : flow.cell_shape[0]].add(0.5).floor()
    log_p = flow.log_probability(cells, (y > 0).double(), told)
    torch.testing.assert_close(drawn, log_p, rtol=0, atol=1e-9)


@pytest.mark.parametrize("knows_formula", [False, True])
@given(data=st.data())
@settings(max_examples=15)
def test_molecules_come_back_and_have_their_probability(
    flow: Flow,
    domain: Domain,
    molecules_of: Molecules,
    knows_formula: bool,
    data: st.DataObject,
) -> None:
    codec = TableCodec(domain)
    drawn = data.draw(st.lists(molecules_of(domain), min_size=1, max_size=5))
    cells = torch.stack([torch.from_numpy(codec.encode(s)).double() for s in drawn])
    n = len(cells)
    code = torch.tensor(data.draw(st.lists(st.integers(0, 1), min_size=n * 6, max_size=n * 6)))
    code = code.view(n, N_BINS).double()
    told = None
    if knows_formula:
        told = {"facts": torch.tensor([domain.count(s.formula) for s in drawn])}
    x = flow.fill(cells, code, Draws(generator_for(data.draw(st.integers(0, 99))), n))
    latent, log_det = flow.to_latent(x, told)
    assert torch.equal(latent.y > 0, code > 0.5)
    back, log_det_back = flow.from_latent(latent, told)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-7)
    torch.testing.assert_close(log_det_back, -log_det, rtol=0, atol=1e-6)
    for structure, row in zip(drawn, back, strict=True):
        assert codec.decode(codec.round(row.numpy())).connectivity == structure.connectivity
    log_normal = -0.5 * (latent.z.square() + math.log(2 * math.pi)).sum(1)
    log_p = flow.log_probability(cells, code, told)
    torch.testing.assert_close(log_p, log_normal + log_det, rtol=0, atol=1e-7)
    assert (log_p <= 1e-12).all()  # Told the formula of ethane, it is sure.


def every_table() -> Tensor:
    """All 1,728 of the tiny domain, molecules or none."""
    return torch.tensor([*itertools.product(*[range(3)] * 3, *[range(4)] * 3)]).double()


def test_probability_is_one_in_all(tiny: Flow) -> None:
    cells = every_table()
    for code in (torch.zeros(N_BINS), torch.tensor([1.0, 0, 0, 1, 1, 0])):
        log_p = tiny.log_probability(cells, code.expand(len(cells), -1))
        assert log_p.exp().sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("formula", ["CH4O", "C2H2", "CO2", "C3H8", "H2O", "C2H6O"])
def test_probability_is_one_in_all_with_a_formula_too(tiny: Flow, formula: str) -> None:
    cells, counted = every_table(), torch.tensor([TINY.count(formula)])
    n = len(cells)
    told = {"facts": counted.expand(n, -1)}
    p = tiny.log_probability(cells, torch.ones(n, N_BINS), told).exp()
    assert p.sum().item() == pytest.approx(1.0, abs=1e-12)
    possible = cells[p > 0].long()
    found = grammar_of(TINY).counts_of(possible)
    assert (found <= counted).all()
    assert (found == counted).all(1).any()


def test_impossible_tables_have_no_probability_and_are_refused(tiny: Flow) -> None:
    cells = every_table()
    log_p = tiny.log_probability(cells, torch.ones(len(cells), N_BINS))
    impossible = cells[log_p == -torch.inf]
    assert len(impossible) > 1000
    for table in impossible[:: len(impossible) // 40]:
        with pytest.raises(StructureError, match="row 0 of the batch"):
            tiny.to_latent(tiny.fill(table[None]))
    # Those that are possible are none the worse for standing beside each other.
    possible = tiny.fill(cells[log_p > -torch.inf])
    assert tiny.to_latent(possible)[0].z.isfinite().all()


def test_frequencies_of_what_is_drawn_are_the_probabilities(tiny: Flow) -> None:
    n = 20_000
    code = torch.tensor([1.0, 0, 1, 0, 0, 0])
    z = tiny.sample_z(Draws(generator_for(2), n))
    x, _ = tiny.from_latent(Latent(z, (2 * code - 1).double().expand(n, -1)))
    tables, counts = x[:, :6].add(0.5).floor().unique(dim=0, return_counts=True)
    log_p = tiny.log_probability(tables, code.expand(len(tables), -1))
    p = log_p.exp()
    # Five standard deviations of the frequency of each.
    assert ((counts / n - p).abs() <= 5 * (p * (1 - p) / n).sqrt() + 1 / n).all()
    assert p.sum() > 0.99


def test_a_formula_that_is_not_the_molecules_makes_it_impossible(
    flow: Flow, domain: Domain
) -> None:
    codec = TableCodec(domain)
    cells = torch.from_numpy(codec.encode(Structure.from_smiles("CCC"))).double()[None]
    code = torch.zeros(1, N_BINS)
    right, wrong = (told_of(domain, 1, [formula]) for formula in ("C3H8", "C2H6"))
    assert flow.log_probability(cells, code, right).isfinite().all()
    assert flow.log_probability(cells, code, wrong).item() == -torch.inf
    with pytest.raises(StructureError, match="contradict what is known"):
        flow.to_latent(flow.fill(cells), wrong)


@pytest.mark.parametrize("number", [-1, 4])
def test_cells_that_hold_no_order_are_refused(flow: Flow, number: int) -> None:
    x = torch.zeros(1, *flow.in_shape, dtype=torch.float64)
    x[0, flow.cell_shape[0] - 1] = number
    with pytest.raises(StructureError, match="rounds to 0, 1, 2 or 3"):
        flow.to_latent(x)


def test_conditions_of_another_width_or_name_are_refused(flow: Flow) -> None:
    cells = torch.zeros(2, *flow.cell_shape)
    with pytest.raises(ShapeError, match="facts of shape"):
        flow.log_probability(cells, torch.zeros(2, N_BINS), {"facts": torch.zeros(2, 9)})
    with pytest.raises(ShapeError, match="takes no multiplicity"):
        flow.log_probability(cells, torch.zeros(2, N_BINS), {"multiplicity": torch.zeros(2, 1)})


def test_half_of_the_formulas_are_told(flow: Flow, domain: Domain) -> None:
    codec = TableCodec(domain)
    cells = torch.from_numpy(codec.encode(Structure.from_smiles("CC#C"))).expand(400, -1)
    told = flow.draw_conditions(cells, Draws(generator_for(5), 400))["facts"]
    known = (told != -1).all(1)
    assert ((told == -1).all(1) | known).all()
    assert (told[known] == torch.tensor(domain.count("C3H4"))).all()
    assert 150 < known.sum() < 250


def test_prediction_is_of_the_molecule_whatever_is_asked(flow: Flow) -> None:
    z = flow.sample_z(Draws(generator_for(6), 5))
    y = torch.randn(5, N_BINS, dtype=torch.float64)
    x, _ = flow.from_latent(Latent(z, y))
    logits = flow.predict(x)
    latent, _ = flow.to_latent(x)
    torch.testing.assert_close(flow.predicted_within(x, latent), logits)
    with flow.given_query():
        muted, _ = flow.from_latent(Latent(z, y))
        assert not flow.predict(x).any()
    n = flow.cell_shape[0]
    assert torch.equal(muted[:, :n], x[:, :n])
    assert logits.any()


def test_nodes_are_found_by_name(flow: Flow) -> None:
    assert flow.names == ("spectrum", "structure")
    assert isinstance(flow.node("spectrum"), SpectrumCoupling)
    assert isinstance(flow.node("structure"), StructureCoupling)
    with pytest.raises(ConfigError, match="no node 'bonds'; there are spectrum, structure"):
        flow.node("bonds")


def test_a_vector_of_another_length_is_refused() -> None:
    grammar = grammar_of(TINY)
    with pytest.raises(ShapeError, match=r"a vector of 6 \+ 6, got \(13,\)"):
        Flow(
            nodes={"structure": partial(StructureCoupling, conditional=StructureMemoryless)},
            cell_shape=(13,),
            n_bins=N_BINS,
            known={"grammar": grammar},
        )


@pytest.mark.parametrize("floor", [0.0, 1.0, -0.1])
def test_a_floor_that_is_no_share_is_refused(floor: float) -> None:
    grammar = grammar_of(TINY)
    with pytest.raises(ConfigError, match="above 0 and below 1"):
        StructureCoupling(
            [(12,)],
            [(1,)],
            n_bins=N_BINS,
            grammar=grammar,
            conditional=StructureMemoryless,
            floor=floor,
        )
