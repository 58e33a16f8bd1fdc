"""Tables as sequences: told and read back, what may come next, and probabilities of cells."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nmrflow.chem.codecs.published import HYDROCARBONS
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure
from nmrflow.errors import StructureError
from nmrflow.flow.cells import kind_probabilities, slot_probabilities, table_probabilities
from nmrflow.flow.state import UNKNOWN, State
from nmrflow.flow.tokens import Grammar

Molecules = Callable[[Domain], st.SearchStrategy[Structure]]


class Told:
    """A domain, and how its tables are told."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.codec = TableCodec(domain)
        self.grammar = Grammar(domain.valences, domain.max_atoms, self.codec.pairs)

    def table(self, structure: Structure | str) -> Tensor:
        if isinstance(structure, str):
            structure = Structure.from_smiles(structure)
        return torch.from_numpy(self.codec.encode(structure).astype(np.int64))[None]

    def unknown(self, n: int) -> Tensor:
        return torch.full((n, self.grammar.n_kinds + 1), UNKNOWN)

    def walk(self, tokens: Tensor, formula: Tensor) -> tuple[list[State], bool]:
        """The states before each token of one sequence, and whether it ends with the last."""
        state, ended, states = self.grammar.first_state(formula), torch.tensor([False]), []
        for token in tokens[0]:
            assert not ended
            states.append(state)
            state, ended = self.grammar.next_state(state, token[None])
        return states, bool(ended)

    def read(self, tokens: list[int]) -> Tensor:
        """The table that tokens tell, by the words of the module, ``(1, n_cells)``."""
        cells = torch.zeros(1, self.grammar.n_cells, dtype=torch.long)
        slot = {pair: self.codec.n_kind_cells + k for k, pair in enumerate(self.codec.pairs)}
        column = -1 if self.grammar.tells_kinds else 1
        for token in tokens:
            if token < self.grammar.end:
                cells[0, slot[token // 3, column]] = token % 3 + 1
                continue
            column += 1
            if token > self.grammar.end:
                cells[0, column] = token - self.grammar.end
        return cells

    def draw(self, generator: torch.Generator, formula: Tensor) -> Tensor:
        """The table of whatever may come, each token as likely as another."""
        state, tokens = self.grammar.first_state(formula), []
        for _ in range(200):
            may = self.grammar.allowed(state)[0].double()
            assert may.any()
            token = torch.multinomial(may, 1, generator=generator)
            tokens.append(int(token))
            state, ended = self.grammar.next_state(state, token)
            if ended:
                return self.read(tokens)
        raise AssertionError("no end")


CARBONS = Told(HYDROCARBONS)
SEVERAL = Told(Domain([["C", 0, 4], ["N", 0, 3], ["O", 0, 2]], max_atoms=9))
each_domain = pytest.mark.parametrize("told", [CARBONS, SEVERAL], ids=["hydrocarbons", "CHNO"])


def test_propane_by_hand() -> None:
    end = CARBONS.grammar.end
    tokens, decides, complete = CARBONS.grammar.to_tokens(CARBONS.table("CCC"))
    # Atom 1 bound to 0; end; atom 2 bound to 1; end; atom 3 bound to none: the end.
    assert tokens.tolist() == [[0, end, 3, end, end]]
    assert complete.all()
    assert decides[0, :6].tolist() == [0, 2, 2, 4, 4, 4]
    assert set(decides[0, 6:].tolist()) == {5}


def test_ethanol_by_hand() -> None:
    end = SEVERAL.grammar.end
    tokens, decides, complete = SEVERAL.grammar.to_tokens(SEVERAL.table("CCO"))
    # A carbon; another; bound to 0; an oxygen; bound to 1; no further atom.
    assert tokens.tolist() == [[end + 1, end + 1, 0, end + 3, 3, end]]
    assert complete.all()
    assert decides[0, :4].tolist() == [0, 1, 3, 5]
    assert set(decides[0, 4:9].tolist()) == {6}
    assert decides[0, 9:12].tolist() == [2, 4, 4]
    assert set(decides[0, 12:].tolist()) == {6}


def test_a_single_atom_is_told_by_its_kind() -> None:
    end = SEVERAL.grammar.end
    assert SEVERAL.grammar.to_tokens(SEVERAL.table("N"))[0].tolist() == [[end + 2, end]]


def test_the_longest_molecule_needs_no_cell_behind_its_last_atom() -> None:
    table = SEVERAL.table("CCCCCCCCO")
    tokens, _, complete = SEVERAL.grammar.to_tokens(table)
    assert complete.all()
    assert tokens[0, -1] == SEVERAL.grammar.end
    assert torch.equal(SEVERAL.read(tokens[0].tolist()), table)


@each_domain
@given(data=st.data())
@settings(max_examples=50)
def test_molecules_are_told_to_their_end(
    molecules_of: Molecules, told: Told, data: st.DataObject
) -> None:
    grammar, cells = told.grammar, told.table(data.draw(molecules_of(told.domain)))
    tokens, _, complete = grammar.to_tokens(cells)
    assert complete.all()
    assert torch.equal(told.read(tokens[0].tolist()), cells)
    for formula in (told.unknown(1), grammar.counts_of(cells)):
        states, ended = told.walk(tokens, formula)
        assert ended
        at_once = grammar.states_before(tokens, formula)
        for t, state in enumerate(states):
            for one, all_ in zip(state, at_once, strict=True):
                assert torch.equal(one, all_[:, t])
            assert grammar.allowed(state)[0, tokens[0, t]]


@each_domain
@given(data=st.data())
@settings(max_examples=20)
def test_a_batch_is_told_as_its_molecules_are(
    molecules_of: Molecules, told: Told, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(molecules_of(told.domain), min_size=2, max_size=4))
    tables = [told.table(structure) for structure in drawn]
    tokens, decides, complete = told.grammar.to_tokens(torch.cat(tables))
    assert complete.all()
    for table, row, decided in zip(tables, tokens, decides, strict=True):
        own, own_decided, _ = told.grammar.to_tokens(table)
        n = own.shape[1]
        assert torch.equal(row[:n], own[0])
        assert (row[n:] == -1).all()
        behind = own_decided[0] == n
        assert torch.equal(decided[~behind], own_decided[0, ~behind])
        assert (decided[behind] == tokens.shape[1]).all()


@each_domain
@given(data=st.data())
@settings(max_examples=25)
def test_formula_is_that_of_the_molecule(
    molecules_of: Molecules, told: Told, data: st.DataObject
) -> None:
    structure = data.draw(molecules_of(told.domain))
    *n_of, total = counted = told.grammar.counts_of(told.table(structure))[0].tolist()
    assert sum(n_of) == structure.n_atoms
    free = sum(n * valence for n, valence in zip(n_of, told.domain.valences, strict=True))
    assert free - 2 * total == sum(structure.n_hydrogens)
    assert tuple(counted) == told.domain.count(structure.formula)


@each_domain
@given(data=st.data(), seed=st.integers(0, 2**31), known=st.booleans())
@settings(max_examples=40)
def test_cells_multiply_to_what_tokens_do(
    molecules_of: Molecules, told: Told, data: st.DataObject, seed: int, known: bool
) -> None:
    grammar, cells = told.grammar, told.table(data.draw(molecules_of(told.domain)))
    tokens, decides, _ = grammar.to_tokens(cells)
    formula = grammar.counts_of(cells) if known else told.unknown(1)
    states = grammar.states_before(tokens, formula)
    generator = torch.Generator().manual_seed(seed)
    shape = (*tokens.shape, grammar.n_tokens)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64)
    log_p = grammar.token_log_probabilities(logits, states, floor=1e-3)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(tokens.shape, dtype=torch.float64))
    by_token = log_p.gather(-1, tokens[..., None]).sum()
    p = table_probabilities(grammar, log_p, decides)
    assert p.shape == (1, grammar.n_cells, grammar.n_values)
    torch.testing.assert_close(p.sum(-1), torch.ones(1, grammar.n_cells, dtype=torch.float64))
    by_cell = p.gather(-1, cells[..., None]).log().sum()
    torch.testing.assert_close(by_cell, by_token)


@given(seed=st.integers(0, 2**31), known=st.booleans())
@settings(max_examples=60)
def test_whatever_may_come_leads_to_a_hydrocarbon(seed: int, known: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    n_carbons = int(torch.randint(2, 18, (1,), generator=generator))
    total = n_carbons - 1 + int(torch.randint(0, 3, (1,), generator=generator))
    formula = torch.tensor([[n_carbons, total]]) if known else CARBONS.unknown(1)
    cells = CARBONS.draw(generator, formula)
    orders = torch.zeros(17, 17, dtype=torch.long)
    for (i, j), order in zip(CARBONS.codec.pairs, cells[0], strict=True):
        orders[i, j] = order
    valence = orders.sum(0) + orders.sum(1)
    assert valence.max() <= 4
    n_atoms = int((valence > 0).sum())
    assert (valence[:n_atoms] > 0).all()  # Nothing is left out in between.
    assert (orders[:, 1:n_atoms].sum(0) > 0).all()  # Each is bound to one before it.
    if known:
        # Nearly always the formula too: few states lead nowhere, and only with many rings.
        assert n_atoms <= n_carbons
        assert orders.sum() <= total


@each_domain
@given(seed=st.integers(0, 2**31))
@settings(max_examples=60)
def test_whatever_may_come_leads_to_a_molecule_of_the_domain(told: Told, seed: int) -> None:
    cells = told.draw(torch.Generator().manual_seed(seed), told.unknown(1))
    structure = told.codec.structure(cells[0].numpy())
    told.domain.check(structure)
    assert torch.equal(torch.from_numpy(told.codec.write(structure)).long(), cells[0])
    formula = told.grammar.counts_of(cells)
    assert tuple(formula[0].tolist()) == told.domain.count(structure.formula)


@each_domain
@given(data=st.data(), seed=st.integers(0, 2**31))
@settings(max_examples=60)
def test_a_known_formula_is_never_exceeded(
    molecules_of: Molecules, told: Told, data: st.DataObject, seed: int
) -> None:
    structure = data.draw(molecules_of(told.domain))
    formula = torch.tensor([told.domain.count(structure.formula)])
    cells = told.draw(torch.Generator().manual_seed(seed), formula)
    assert (told.grammar.counts_of(cells) <= formula).all()


@each_domain
def test_a_known_formula_comes_out_nearly_always(told: Told) -> None:
    smiles = ["CC", "CCC=CC", "C#CC1CC1", "c1ccccc1C"]
    if told is SEVERAL:
        smiles += ["O", "CCO", "NC(=O)C#C", "OC1CC1N", "c1ccncc1O", "NCC(=O)O", "O=NO"]
    generator = torch.Generator().manual_seed(3)
    n_right = 0
    for name in smiles:
        formula = torch.tensor([told.domain.count(Structure.from_smiles(name).formula)])
        for _ in range(20):
            cells = told.draw(generator, formula)
            if torch.equal(told.grammar.counts_of(cells), formula):
                told.codec.structure(cells[0].numpy())
                n_right += 1
    assert n_right > 0.8 * 20 * len(smiles)


@each_domain
def test_probability_of_small_tables_is_one_in_all(told: Told) -> None:
    # Every table of at most three atoms, and the mass of going on to a fourth.
    grammar = told.grammar
    generator = torch.Generator().manual_seed(1)
    shape = (6, 40, grammar.n_tokens)
    weights = torch.randn(shape, generator=generator, dtype=torch.float64)

    def log_p_of(state: State) -> Tensor:
        logits = weights[int(state.column) + 1, int(state.bonds.sum())][None]
        return grammar.token_log_probabilities(logits, state, floor=1e-3)[0]

    finished, going_on = [], []

    def descend(state: State, log_p: float) -> None:
        step = log_p_of(state)
        for token in grammar.allowed(state)[0].nonzero()[:, 0]:
            following, ended = grammar.next_state(state, token[None])
            total = log_p + float(step[token])
            if ended:
                finished.append(total)
            elif int(following.column) > 2 + (not grammar.tells_kinds):
                going_on.append(total)
            else:
                descend(following, total)

    descend(grammar.first_state(told.unknown(1)), 0.0)
    assert np.exp([*finished, *going_on]).sum() == pytest.approx(1.0, abs=1e-12)
    assert len(finished) > 10


def test_tables_that_may_come_are_all_molecules_of_a_tiny_domain_and_no_others() -> None:
    """By brute force: carbon and oxygen, three atoms, 1,728 tables."""
    tiny = Told(Domain([["C", 0, 4], ["O", 0, 2]], max_atoms=3))
    assert tiny.grammar.n_cells == 6
    may_come, molecules = set(), set()
    for numbers in itertools.product(*[range(3)] * 3, *[range(4)] * 3):
        cells = torch.tensor([numbers])
        try:
            tiny.codec.structure(cells[0].numpy())
        except StructureError:
            pass
        else:
            # Each atom bound to one before it.
            if numbers[0] and (not numbers[1] or numbers[3]):
                molecules.add(numbers)
        tokens, _, complete = tiny.grammar.to_tokens(cells)
        if not complete.all():
            continue
        states = tiny.grammar.states_before(tokens, tiny.unknown(1))
        if tiny.grammar.allowed(states).gather(-1, tokens[..., None]).all():
            assert torch.equal(tiny.read(tokens[0].tolist()), cells)
            may_come.add(numbers)
    assert may_come == molecules
    assert len(molecules) > 50


@each_domain
def test_slots_by_brute_force(told: Told) -> None:
    # Rows 0 to 2 may hold a bond of order 1 to 3; all else is impossible but the ends.
    grammar = told.grammar
    n_ends = grammar.n_tokens - grammar.end
    log_p = torch.full((1, grammar.n_tokens), -1e9, dtype=torch.float64)
    open_ = torch.randn(9 + n_ends, dtype=torch.float64).log_softmax(0)
    log_p[0, :9], log_p[0, grammar.end :] = open_[:9], open_[9:]
    p = slot_probabilities(grammar, log_p)[0]
    assert p.shape == (grammar.n_rows, 4)
    for row, order in itertools.product(range(3), range(1, 4)):
        empty_above = p[:row, 0].prod()
        own = open_[3 * row + order - 1].exp()
        torch.testing.assert_close(empty_above * p[row, order], own)
    all_empty = p[:3, 0].prod()
    torch.testing.assert_close(all_empty, open_[9:].exp().sum())
    if grammar.tells_kinds:
        kinds = kind_probabilities(grammar, log_p)[0]
        torch.testing.assert_close(all_empty * kinds, open_[9:].exp())


def test_where_a_column_cannot_end_there_is_surely_no_atom() -> None:
    grammar = SEVERAL.grammar
    log_p = torch.full((1, grammar.n_tokens), -1e9, dtype=torch.float64)
    log_p[0, 0] = 0.0
    assert kind_probabilities(grammar, log_p).tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_a_kind_binds_no_more_than_its_valence() -> None:
    grammar = SEVERAL.grammar
    end, oxygen = grammar.end, grammar.end + 3
    state = grammar.first_state(SEVERAL.unknown(1))
    for token in (oxygen, oxygen):
        state, _ = grammar.next_state(state, torch.tensor([token]))
    may = grammar.allowed(state)[0]
    assert may.nonzero()[:, 0].tolist() == [0, 1]  # A single bond, or a double one; no end.
    state, _ = grammar.next_state(state, torch.tensor([1]))
    # O=O: nothing can be bound any more, so no kind may follow.
    assert grammar.allowed(state)[0].nonzero()[:, 0].tolist() == [end]
    assert grammar.valence_left(state)[0, :3].tolist() == [0, 0, 4]


def test_only_the_kinds_of_the_formula_may_come() -> None:
    grammar = SEVERAL.grammar
    end = grammar.end
    state = grammar.first_state(torch.tensor([[1, 0, 1, 2]]))  # CH2O
    assert grammar.allowed(state)[0].nonzero()[:, 0].tolist() == [end + 1, end + 3]
    state, _ = grammar.next_state(state, torch.tensor([end + 1]))
    assert grammar.allowed(state)[0].nonzero()[:, 0].tolist() == [end + 3]
    state, _ = grammar.next_state(state, torch.tensor([end + 3]))
    may = grammar.allowed(state)[0].nonzero()[:, 0].tolist()
    assert set(may) == {0, 1}  # A single bond would leave one to spend, and is not seen through.
    state, _ = grammar.next_state(state, torch.tensor([1]))
    assert grammar.allowed(state)[0].nonzero()[:, 0].tolist() == [end]


def test_tables_behind_the_end_are_told_apart() -> None:
    cells = CARBONS.table("CC")
    cells[0, 5] = 1  # Atoms 2 and 3, of which neither is bound to the others.
    assert not CARBONS.grammar.to_tokens(cells)[2].any()


@pytest.mark.parametrize(
    ("cell", "number"),
    [(3, 1), (9 + 3, 1), (9 + 35, 2)],
    ids=["an atom behind a gap", "a bond of an atom that is not there", "a bond at the end"],
)
def test_what_stands_behind_the_last_atom_is_told_apart(cell: int, number: int) -> None:
    cells = SEVERAL.table("CO")
    assert SEVERAL.grammar.to_tokens(cells)[2].all()
    cells[0, cell] = number
    assert not SEVERAL.grammar.to_tokens(cells)[2].any()
