"""Bond tables as sequences: told and read back, what may come next, and slot probabilities."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nmrflow.chem.codecs.table import bond_orders, canonical_form
from nmrflow.chem.structure import Structure
from nmrflow.flow.tokens import (
    END,
    N_ROWS,
    N_SLOTS,
    N_TOKENS,
    UNKNOWN,
    State,
    allowed,
    first_state,
    formula_of,
    next_state,
    slot_probabilities,
    states_before,
    table_probabilities,
    to_tokens,
    token_log_probabilities,
)

STRUCTURES = st.from_type(Structure)


def table(structure: Structure) -> Tensor:
    orders = bond_orders(canonical_form(structure)).astype(np.int64)
    return torch.from_numpy(orders)[None]


def unknown(n: int) -> Tensor:
    return torch.full((n, 2), UNKNOWN)


def walk(tokens: Tensor, formula: Tensor) -> tuple[list[State], bool]:
    """The states before each token of one sequence, and whether it ends with the last."""
    state, ended, states = first_state(formula), torch.tensor([False]), []
    for token in tokens[0]:
        assert not ended
        states.append(state)
        state, ended = next_state(state, token[None])
    return states, bool(ended)


def test_propane_by_hand() -> None:
    tokens, decides, complete = to_tokens(table(Structure.from_smiles("CCC")))
    # Atom 1 bound to 0; end; atom 2 bound to 1; end; atom 3 bound to none: the end.
    assert tokens.tolist() == [[0, END, 3, END, END]]
    assert complete.all()
    assert decides[0, :6].tolist() == [0, 2, 2, 4, 4, 4]
    assert set(decides[0, 6:].tolist()) == {5}


@given(structure=STRUCTURES)
@settings(max_examples=50)
def test_molecules_are_told_to_their_end(structure: Structure) -> None:
    orders = table(structure)
    tokens, _, complete = to_tokens(orders)
    assert complete.all()
    for formula in (unknown(1), formula_of(orders)):
        states, ended = walk(tokens, formula)
        assert ended
        at_once = states_before(tokens, formula)
        for t, state in enumerate(states):
            for one, all_ in zip(state, at_once, strict=True):
                assert torch.equal(one, all_[:, t])
            assert allowed(state)[0, tokens[0, t]]


@given(structure=STRUCTURES)
@settings(max_examples=25)
def test_formula_is_that_of_the_molecule(structure: Structure) -> None:
    n_carbons, total = formula_of(table(structure))[0].tolist()
    assert n_carbons == structure.n_atoms
    assert 4 * n_carbons - 2 * total == sum(structure.n_hydrogens)


@given(structure=STRUCTURES, seed=st.integers(0, 2**31))
@settings(max_examples=40)
def test_slots_multiply_to_what_tokens_do(structure: Structure, seed: int) -> None:
    orders = table(structure)
    tokens, decides, _ = to_tokens(orders)
    states = states_before(tokens, unknown(1))
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn((*tokens.shape, N_TOKENS), generator=generator, dtype=torch.float64)
    log_p = token_log_probabilities(logits, states, floor=1e-3)
    by_token = log_p.gather(-1, tokens[..., None]).sum()
    slots = table_probabilities(log_p, decides)
    torch.testing.assert_close(slots.sum(-1), torch.ones(1, N_SLOTS, dtype=torch.float64))
    by_slot = slots.gather(-1, orders[..., None]).log().sum()
    torch.testing.assert_close(by_slot, by_token)


@given(seed=st.integers(0, 2**31), known=st.booleans())
@settings(max_examples=60)
def test_whatever_may_come_leads_to_a_molecule(seed: int, known: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    n_carbons = int(torch.randint(2, 18, (1,), generator=generator))
    total = n_carbons - 1 + int(torch.randint(0, 3, (1,), generator=generator))
    state = first_state(torch.tensor([[n_carbons, total]]) if known else unknown(1))
    orders = torch.zeros(17, 17, dtype=torch.long)
    for _ in range(200):
        may = allowed(state)[0].double()
        assert may.any()
        token = torch.multinomial(may, 1, generator=generator)
        column = int(state.column)
        if token != END:
            orders[int(token) // 3, column] = int(token) % 3 + 1
        state, ended = next_state(state, token)
        if ended:
            break
    assert ended
    valence = orders.sum(0) + orders.sum(1)
    assert valence.max() <= 4
    n_atoms = int((valence > 0).sum())
    assert (valence[:n_atoms] > 0).all()  # Nothing is left out in between.
    assert (orders[:, 1:n_atoms].sum(0) > 0).all()  # Each is bound to one before it.
    if known:
        # Nearly always the formula too: few states lead nowhere, and only with many rings.
        assert n_atoms <= n_carbons
        assert orders.sum() <= total


def test_probability_of_small_tables_is_one_in_all() -> None:
    # Every table of at most three atoms, and the mass of going on to a fourth.
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn((4, 40, N_TOKENS), generator=generator, dtype=torch.float64)

    def log_p_of(state: State) -> Tensor:
        return token_log_probabilities(
            weights[int(state.column) - 1, int(state.bonds.sum())][None], state, floor=1e-3
        )[0]

    finished, going_on = [], []

    def descend(state: State, log_p: float) -> None:
        step = log_p_of(state)
        for token in allowed(state)[0].nonzero()[:, 0]:
            following, ended = next_state(state, token[None])
            total = log_p + float(step[token])
            if ended:
                finished.append(total)
            elif int(following.column) > 3:
                going_on.append(total)
            else:
                descend(following, total)

    descend(first_state(unknown(1)), 0.0)
    assert np.exp([*finished, *going_on]).sum() == pytest.approx(1.0, abs=1e-12)
    assert len(finished) > 10


def test_slots_by_brute_force() -> None:
    # Rows 0 to 2 may hold a bond of order 1 to 3; all else is impossible but the end.
    log_p = torch.full((1, N_TOKENS), -1e9, dtype=torch.float64)
    open_ = torch.randn(10, dtype=torch.float64).log_softmax(0)
    log_p[0, :9], log_p[0, END] = open_[:9], open_[9]
    p = slot_probabilities(log_p)[0]
    assert p.shape == (N_ROWS, 4)
    for row, order in itertools.product(range(3), range(1, 4)):
        empty_above = p[:row, 0].prod()
        own = open_[3 * row + order - 1].exp()
        torch.testing.assert_close(empty_above * p[row, order], own)
    torch.testing.assert_close(p[:3, 0].prod(), open_[9].exp())


def test_tables_behind_the_end_are_told_apart() -> None:
    orders = table(Structure.from_smiles("CC"))
    orders[0, 5] = 1  # Atoms 2 and 3, of which neither is bound to the others.
    assert not to_tokens(orders)[2].any()
