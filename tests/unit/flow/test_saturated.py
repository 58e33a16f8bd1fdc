"""Tables whose atoms tell their hydrogens: what may come, whatever is known, and totals."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.chem.totals import UNKNOWN, Totals
from nmrflow.errors import ConfigError, StructureError
from nmrflow.flow import AtomTransformer, StructureCoupling
from nmrflow.flow.conditionals.peaks import N_PEAKS
from nmrflow.flow.saturated import SaturatedGrammar
from nmrflow.flow.search import every_table
from nmrflow.flow.state import State
from nmrflow.model.network import grammar_of

N_BINS = 6
Molecules = Callable[[Domain], st.SearchStrategy[Structure]]
Randomise = Callable[[nn.Module], nn.Module]


class Told:
    """A domain, and how its tables are told."""

    def __init__(self, types: list[list[str | int]], max_atoms: int) -> None:
        self.domain = Domain(types, max_atoms=max_atoms)
        self.codec = TableCodec(self.domain, tells_hydrogens=True)
        grammar = grammar_of(self.codec)
        assert isinstance(grammar, SaturatedGrammar)
        self.grammar = grammar
        self.totals = Totals(self.domain.elements)

    def cells(self, *structures: Structure | str) -> Tensor:
        read = [Structure.from_smiles(s) if isinstance(s, str) else s for s in structures]
        tables = np.stack([self.codec.encode(structure) for structure in read])
        return torch.from_numpy(tables.astype(np.int64))

    def coupling(self, randomised: Randomise, seed: int = 2) -> StructureCoupling:
        torch.manual_seed(seed)

        def make(n_bins: int, grammar: SaturatedGrammar) -> AtomTransformer:
            sizes = {"width": 16, "n_layers": 2, "n_heads": 2, "pointer_width": 8}
            return AtomTransformer(n_bins, grammar, n_peak_layers=1, **sizes)

        n = self.grammar.n_cells + N_BINS
        node = StructureCoupling(
            [(n,)], [(1,)], n_bins=N_BINS, grammar=self.grammar, conditional=make
        )
        return randomised(node).double().eval().requires_grad_(requires_grad=False)


CHARGED = Told(
    [["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1], ["S", 0, 2]], max_atoms=8
)
TINY = Told([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=3)


@pytest.fixture(scope="module")
def molecules(molecules_of: Molecules) -> st.SearchStrategy[Structure]:
    """Of the domain with charges, ions among them."""
    return molecules_of(CHARGED.domain).filter(lambda s: CHARGED.codec.refusal(s) is None)


def test_acetic_acid_by_hand() -> None:
    grammar, kinds = CHARGED.grammar, CHARGED.codec.kinds
    cells = CHARGED.cells("CC(=O)O")
    told = [(kinds[k - 1].type.element, kinds[k - 1].n_hydrogens) for k in cells[0, :4].tolist()]
    assert told == [("C", 3), ("C", 0), ("O", 0), ("O", 1)]
    assert [kinds[k - 1].n_bonds for k in cells[0, :4].tolist()] == [1, 4, 2, 1]
    # Carbons, nitrogens, oxygens, sulfurs; hydrogens; C, CH, CH2, CH3.
    elements = CHARGED.domain.elements
    expected = [{"C": 2, "O": 2}.get(e, 0) for e in elements] + [4, 1, 0, 0, 1]
    assert grammar.counts_of(cells).tolist() == [expected]
    assert CHARGED.totals.known("C2H4O2") == (*expected[: len(elements) + 1], -1, -1, -1, -1)
    some = CHARGED.totals.known({"H": 4}, (None, 0))
    assert some == (*[-1] * len(elements), 4, -1, 0, -1, -1)


def test_a_single_atom_has_no_table() -> None:
    with pytest.raises(StructureError, match="heavy atom"):
        CHARGED.codec.encode(Structure.from_smiles("O"))


def test_a_molecule_longer_than_tables_is_refused_with_both_numbers() -> None:
    codec = TableCodec(CHARGED.domain, tells_hydrogens=True, max_atoms=4)
    with pytest.raises(StructureError, match="5 heavy atoms: tables are of 2 to 4"):
        codec.encode(Structure.from_smiles("CCCCC"))
    assert codec.decode(codec.encode(Structure.from_smiles("CCCC"))).connectivity == "CCCC"


@given(data=st.data())
@settings(max_examples=60)
def test_every_token_of_a_molecule_may_come_whatever_is_told(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    grammar, structure = CHARGED.grammar, data.draw(molecules)
    cells = CHARGED.cells(structure)
    tokens, _, complete = grammar.to_tokens(cells)
    assert complete.all()
    counts = grammar.counts_of(cells)
    told = torch.tensor(data.draw(st.lists(st.booleans(), min_size=9, max_size=9)))
    told |= data.draw(st.booleans())
    if sum(structure.charges):  # A formula is that of a neutral molecule.
        told[: grammar.n_elements + 1] = False
    known = torch.where(told, counts, UNKNOWN)
    at_once = grammar.states_before(tokens, known)
    assert grammar.allowed(at_once).gather(-1, tokens[..., None]).all()
    state = grammar.first_state(known)
    for t, token in enumerate(tokens[0]):
        for one, all_ in zip(state, at_once, strict=True):
            assert torch.equal(one, all_[:, t])
        left = torch.where(told, counts - grammar.used(state), UNKNOWN)
        assert torch.equal(grammar.rest(state), left)
        state, ended = grammar.next_state(state, token[None])
    assert ended
    assert (grammar.rest(state) <= 0).all()


@given(data=st.data())
def test_totals_of_cells_of_tokens_and_of_the_structure_agree(
    molecules: st.SearchStrategy[Structure], data: st.DataObject
) -> None:
    grammar, structure = CHARGED.grammar, data.draw(molecules)
    cells = CHARGED.cells(structure)
    tokens = grammar.to_tokens(cells)[0]
    counts = grammar.counts_of(cells)
    assert tuple(counts[0].tolist()) == CHARGED.totals.of(structure)
    assert torch.equal(grammar.totals_of_tokens(tokens, grammar.counted), counts)
    charges = torch.tensor([[kind.type.charge] for kind in CHARGED.codec.kinds])
    assert grammar.totals_of_tokens(tokens, charges).item() == sum(structure.charges)
    assert torch.equal(grammar.to_cells(tokens), cells)
    if not sum(structure.charges):
        known = CHARGED.totals.known(structure.formula)
        n = grammar.n_elements + 1
        assert known == (*counts[0, :n].tolist(), *[UNKNOWN] * 4)


def drawn(grammar: SaturatedGrammar, counts: Tensor, n: int, seed: int) -> Tensor:
    """Tables of tokens of random logits, ``(n, n_cells)``."""
    generator = torch.Generator().manual_seed(seed)
    state = grammar.first_state(counts.expand(n, -1))
    said = torch.full((n, 200), -1)
    going = torch.arange(n)
    for t in range(200):
        may = grammar.allowed(state)
        assert may.any(1).all()
        logits = 2 * torch.randn(may.shape, generator=generator)
        p = logits.masked_fill(~may, -torch.inf).softmax(1)
        token = torch.multinomial(p, 1, generator=generator)[:, 0]
        said[going, t] = token
        state, ended = grammar.next_state(state, token)
        going, state = going[~ended], State(*(part[~ended] for part in state))
        if not len(going):
            return grammar.to_cells(said[:, : t + 1])
    raise AssertionError("no end")


@given(data=st.data(), seed=st.integers(0, 2**31))
@settings(max_examples=25)
def test_what_is_drawn_of_a_formula_is_of_that_formula_or_a_dead_end(
    molecules: st.SearchStrategy[Structure], data: st.DataObject, seed: int
) -> None:
    structure = data.draw(molecules.filter(lambda s: not sum(s.charges)))
    counts = torch.tensor([CHARGED.totals.known(structure.formula)])
    n = CHARGED.grammar.n_elements + 1
    for cells in drawn(CHARGED.grammar, counts, 12, seed):
        try:
            found = CHARGED.codec.structure(cells.numpy())
        except StructureError:
            continue
        assert CHARGED.totals.of(found)[:n] == tuple(counts[0, :n].tolist())


def test_where_nothing_is_told_only_the_longest_are_no_molecules() -> None:
    unknown = torch.full((1, CHARGED.grammar.n_counts), UNKNOWN)
    n_right = n_unknown = 0
    for cells in drawn(CHARGED.grammar, unknown, 200, seed=1):
        try:
            CHARGED.codec.structure(cells.numpy())
        except StructureError as error:
            # There is another way to draw it, or no atom may follow that its bonds want.
            is_known = "opposite charges" in str(error)
            n_unknown += not (is_known or cells[: CHARGED.codec.max_atoms].all())
        else:
            n_right += 1
    assert n_right > 10
    assert not n_unknown


def bound_tables(told: Told) -> Tensor:
    """All tables of two and three atoms, each bound to one before and with all bonds made."""
    kinds, orders = range(1, told.grammar.n_kinds + 1), range(4)
    pairs = itertools.product(kinds, kinds, [0], range(1, 4), [0], [0])
    triples = itertools.product(kinds, kinds, kinds, orders, orders, orders)
    cells = torch.tensor([*pairs, *triples])
    binds = torch.tensor([0, *(kind.n_bonds for kind in told.codec.kinds)])[cells[:, :3]]
    first, second, third = cells[:, 3:].unbind(1)  # of atoms 0-1, 0-2, 1-2
    made = torch.stack([first + second, first + third, second + third], 1)
    is_bound = (first > 0) & ((cells[:, 2] == 0) | (second + third > 0))
    return cells[(made == binds).all(1) & is_bound]


SUBSETS = {
    "nothing": [],
    "carbons": [0],
    "oxygens and hydrogens": [2, 3],
    "hydrogens": [3],
    "elements": [0, 1, 2],
    "formula": [0, 1, 2, 3],
    "kinds of carbon": [4, 5, 6, 7],
    "CH2": [6],
    "formula and kinds of carbon": [*range(8)],
}


@pytest.mark.parametrize("subset", SUBSETS)
def test_probabilities_of_all_small_molecules_are_one_in_all(
    subset: str, randomised: Randomise
) -> None:
    grammar, node = TINY.grammar, TINY.coupling(randomised)
    for smiles in ("CCO", "NC=O"):
        counts = torch.full((1, grammar.n_counts), UNKNOWN)
        counts[:, SUBSETS[subset]] = grammar.counts_of(TINY.cells(smiles))[:, SUBSETS[subset]]
        tables = bound_tables(TINY)
        own = grammar.counts_of(tables)
        tables = tables[((counts < 0) | (own == counts)).all(1)]
        facts = torch.cat([counts, torch.full((1, 2 * N_PEAKS), UNKNOWN)], 1)
        facts[0, grammar.n_counts : grammar.n_counts + 2] = torch.tensor([45_812, 2])

        def log_p(tables: Tensor, facts: Tensor = facts) -> Tensor:
            code = torch.ones(len(tables), N_BINS, dtype=torch.bool)
            return node.log_probability(tables, code, facts.expand(len(tables), -1))

        p = log_p(tables).exp()
        assert p.gt(0).all()
        tokens = every_table(grammar, counts)
        code = torch.ones(len(tokens), N_BINS, dtype=torch.bool)
        p_all = node.log_probability_of_tokens(tokens, code, facts.expand(len(tokens), -1)).exp()
        assert p_all.sum().item() == pytest.approx(1.0, abs=1e-12)
        # What is said is one of the molecules, or ends where nothing could follow.
        molecules = {tuple(table) for table in tables.tolist()}
        is_molecule = [tuple(table) in molecules for table in grammar.to_cells(tokens).tolist()]
        assert sum(is_molecule) == len(molecules)
        dead = p_all[~torch.tensor(is_molecule)].sum().item()
        assert p.sum().item() + dead == pytest.approx(1.0, abs=1e-12)
        if subset == "nothing":
            for table in tables:
                TINY.codec.structure(table.numpy())


def test_tables_of_another_formula_are_impossible(randomised: Randomise) -> None:
    node = TINY.coupling(randomised)
    facts = node.unknown_condition(2)
    facts[:, :4] = torch.tensor(TINY.totals.known("C2H6O")[:4])
    log_p = node.log_probability(TINY.cells("CCO", "CCN"), torch.ones(2, N_BINS) > 0, facts)
    assert log_p.isfinite().tolist() == [True, False]


# The network over atoms.


def some_facts(n: int, grammar: SaturatedGrammar, n_peaks: int = 5, seed: int = 0) -> Tensor:
    """Totals unknown; peaks of some rows by their exact places, some with hydrogens."""
    generator = torch.Generator().manual_seed(seed)
    facts = torch.full((n, grammar.n_counts + 2 * N_PEAKS), UNKNOWN)
    place = torch.randint(40_000, 60_000, (n, n_peaks), generator=generator)
    hydrogens = torch.randint(-1, 4, (n, n_peaks), generator=generator)
    pairs = torch.stack([place, hydrogens], 2).flatten(1)
    facts[:, grammar.n_counts : grammar.n_counts + 2 * n_peaks] = pairs
    facts[::3, grammar.n_counts :] = UNKNOWN
    return facts


NAMES = ["CCO", "C[N+](=O)[O-]", "C1CC1C(=O)O", "CCCCCCCC", "N#CC=C", "CSC(C)=O", "OC1CC=C1"]


@pytest.mark.parametrize("knows", [False, True])
def test_token_by_token_it_says_what_it_says_of_all_at_once(
    randomised: Randomise, *, knows: bool
) -> None:
    grammar, node = CHARGED.grammar, CHARGED.coupling(randomised)
    network, n = node.conditional, len(NAMES)
    cells = CHARGED.cells(*NAMES)
    tokens = grammar.to_tokens(cells)[0]
    facts = some_facts(n, grammar)
    if knows:
        facts[:, : grammar.n_counts] = grammar.counts_of(cells)
    counts, peaks = facts[:, : grammar.n_counts], node.peaks_of(facts)
    code = torch.rand(n, N_BINS, generator=torch.Generator().manual_seed(1)) < 0.5
    states = grammar.states_before(tokens, counts)
    at_once = network(code, states, peaks)
    memory, state, rows = network.begin(code, peaks), grammar.first_state(counts), torch.arange(n)
    for t in range(tokens.shape[1]):
        own = network.step(memory, state)
        # Of rows that no bond can reach yet the network may say anything.
        may = grammar.allowed(state)
        gap = torch.where(may, own - at_once[rows, t], 0.0)
        assert gap.abs().max() < 1e-9
        state, ended = grammar.next_state(state, tokens[rows, t])
        going = (~ended).nonzero()[:, 0].flip(0)  # in another order, too
        memory, rows = network.select(memory, going), rows[going]
        state = State(*(part[going] for part in state))
    assert not len(rows)


def test_the_order_of_peaks_does_not_matter(randomised: Randomise) -> None:
    grammar, node = CHARGED.grammar, CHARGED.coupling(randomised)
    cells, facts = CHARGED.cells(*NAMES), some_facts(len(NAMES), CHARGED.grammar)
    order = torch.randperm(N_PEAKS, generator=torch.Generator().manual_seed(2))
    pairs = node.peaks_of(facts).reshape(-1, N_PEAKS, 2)[:, order].flatten(1)
    other = torch.cat([facts[:, : grammar.n_counts], pairs], 1)
    code = torch.ones(len(NAMES), N_BINS, dtype=torch.bool)
    one, same = (node.log_probability(cells, code, told) for told in (facts, other))
    assert not torch.equal(facts, other)
    torch.testing.assert_close(one, same, rtol=0, atol=1e-9)


def test_the_code_is_read_where_no_peak_is_told_and_only_there(randomised: Randomise) -> None:
    node = CHARGED.coupling(randomised)
    cells, facts = CHARGED.cells(*NAMES), some_facts(len(NAMES), CHARGED.grammar)
    codes = torch.ones(len(NAMES), N_BINS, dtype=torch.bool), torch.eye(N_BINS)[:1] > 0
    one, other = (
        node.log_probability(cells, code.expand(len(NAMES), -1), facts) for code in codes
    )
    is_told = node.peaks_of(facts).max(1).values >= 0
    assert torch.equal((one - other).abs() > 1e-9, ~is_told)


def test_exact_shifts_and_hydrogens_of_peaks_are_read(randomised: Randomise) -> None:
    node, n = CHARGED.coupling(randomised), CHARGED.grammar.n_counts
    facts = some_facts(2, CHARGED.grammar)[1:]
    other_shift, other_hydrogens = facts.clone(), facts.clone()
    other_shift[:, n] += 5
    other_hydrogens[:, n + 1] = (facts[:, n + 1] + 1) % 4
    told = torch.cat([facts, other_shift, other_hydrogens])
    code = torch.ones(3, N_BINS, dtype=torch.bool)
    log_p = node.log_probability(CHARGED.cells("CCO").expand(3, -1), code, told)
    assert len(set(log_p.tolist())) == 3


def test_a_width_that_heads_do_not_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="no multiple"):
        AtomTransformer(N_BINS, TINY.grammar, width=10, n_heads=4)
