"""Named random numbers, and networks built without touching anyone else's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from nmrflow.numerics import (
    Draws,
    full_precision,
    generator_for,
    has_fast_bfloat16,
    isolated_rng,
    own_rows,
    rank,
    summed,
    world_size,
)


def draw(seed: int, *key: str | int) -> list[float]:
    return torch.rand(8, generator=generator_for(seed, *key)).tolist()


def test_same_seed_and_key_draw_the_same() -> None:
    first = draw(3, "train", 1, 2)
    torch.manual_seed(99)
    assert draw(3, "train", 1, 2) == first


def test_every_part_of_the_key_matters() -> None:
    keys = [
        (3, "train", 1, 2),
        (4, "train", 1, 2),
        (3, "val", 1, 2),
        (3, "train", 2, 1),
        (3, "train", 1, 3),
        (3, "train", 2, 2),
        (3, "shuffle", 1, 2),
    ]
    assert len({tuple(draw(*key)) for key in keys}) == len(keys)


def test_draws_do_not_touch_the_global_state() -> None:
    state = torch.random.get_rng_state()
    draw(3, "train")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_no_two_keys_share_their_draws() -> None:
    keys = [(0,), (0, 0), (0, "a"), (0, "a", 0), (0, "a", 0, 0), (2**32, 5), (0, 1, 5), (0, "0")]
    draws = {float(torch.rand((), generator=generator_for(*key))) for key in keys}
    assert len(draws) == len(keys)


def legacy_numpy_draw() -> float:
    return float(np.random.random())  # noqa: NPY002 - the state that FrEIA touches


@pytest.mark.parametrize("fails", [False, True])
def test_isolated_block_leaves_both_states(fails: bool) -> None:
    torch_state = torch.random.get_rng_state()
    numpy_state = np.random.get_state(legacy=False)  # noqa: NPY002
    try:
        with isolated_rng(5):
            torch.rand(3)
            legacy_numpy_draw()
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    np.testing.assert_equal(np.random.get_state(legacy=False), numpy_state)  # noqa: NPY002


def test_isolated_block_depends_on_the_seed_alone() -> None:
    def draws(seed: int) -> tuple[float, float]:
        with isolated_rng(seed):
            return torch.rand(1).item(), legacy_numpy_draw()

    first = draws(5)
    torch.rand(7)
    legacy_numpy_draw()
    assert draws(5) == first
    assert draws(6)[0] != first[0]
    assert draws(6)[1] != first[1]


def test_full_precision_ends_autocast_and_gives_it_back() -> None:
    a = torch.rand(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with full_precision(a.device):
            assert (a @ a).dtype == torch.float32
        assert (a @ a).dtype == torch.bfloat16


def test_graphics_cards_multiply_bfloat16_fast_and_some_processors_do() -> None:
    assert has_fast_bfloat16(torch.device("cuda"))
    is_avx512 = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    assert has_fast_bfloat16(torch.device("cpu")) or not is_avx512


def test_who_is_alone_has_every_row_and_its_own_sum() -> None:
    assert (rank(), world_size()) == (0, 1)
    assert list(range(5))[own_rows()] == [0, 1, 2, 3, 4]
    assert summed([1.5, 2]) == [1.5, 2]


@pytest.mark.parametrize("n", [3, 7, 8])
def test_processes_draw_what_one_would(as_process: Callable[..., Any], n: int) -> None:
    def draw(rows: slice = slice(None)) -> list[torch.Tensor]:
        draws = Draws(generator_for(1, "draws"), n, rows)
        return [draws.uniform(2), draws.normal(3, 2, dtype=torch.float64), draws.normal()]

    alone, together = draw(), draw()
    generator = generator_for(1, "draws")
    assert torch.equal(alone[0], torch.rand(n, 2, generator=generator))
    for number in range(3):
        with as_process(number, 3):
            assert (rank(), world_size()) == (number, 3)
            for all_, own in zip(together, draw(own_rows()), strict=True):
                assert torch.equal(own, all_[number::3])
                all_[number::3] = 0
    assert not any(part.any() for part in together)
