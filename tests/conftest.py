"""What every test gets: one thread, its own random state, no network; and shared material."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from nmrflow.chem.structure import Structure, sort_bonds

if TYPE_CHECKING:
    from nmrflow.model.trained import TrainedFlow

NO_REAL_DATA = "needs real spectra: set NMRFLOW_DATA"

settings.register_profile("nmrflow", deadline=None)
settings.load_profile("nmrflow")


@pytest.fixture(autouse=True)
def _one_thread_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.fixture(autouse=True)
def _own_random_state() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of ``reversibledata.csv`` and ``nmrshiftdb2_sample.sdf.gz``."""
    folder = os.environ.get("NMRFLOW_DATA")
    if not folder:
        pytest.skip(NO_REAL_DATA)
    return Path(folder)


AsProcess = Callable[[int, int], AbstractContextManager[Any]]


@pytest.fixture(scope="session")
def as_process() -> AsProcess:
    """Within it this process takes itself for one of several: ``as_process(rank, world_size)``."""

    def pretend(rank: int, world_size: int) -> AbstractContextManager[Any]:
        return patch.multiple(
            "torch.distributed",
            is_initialized=lambda: True,
            get_rank=lambda: rank,
            get_world_size=lambda: world_size,
        )

    return pretend


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    n = sum(NO_REAL_DATA in str(report.longrepr) for report in skipped)
    if n:
        terminalreporter.write_line(f"{n} tests on real spectra did not run: NMRFLOW_DATA not set")


@pytest.fixture(scope="session")
def randomised() -> Callable[[nn.Module], nn.Module]:
    """Gives a module weights that no initialisation made, each layer's output about as large.

    At initialisation a coupling is close to the identity, where nearly any mistake in an
    inverse stays small.
    """

    def randomise(module: nn.Module) -> nn.Module:
        with torch.no_grad():
            for parameter in module.parameters():
                fan_in = math.prod(parameter.shape[1:])
                parameter.normal_(0, 1 / math.sqrt(fan_in))
        return module

    return randomise


@pytest.fixture(scope="session")
def small_model() -> Callable[..., dict[str, Any]]:
    """Describes a network that elucidates, so small that it is built in a moment.

    What is given replaces settings of its shift networks.
    """

    def describe(**shifts: int) -> dict[str, Any]:
        return {
            "codec": {"_target_": "nmrflow.chem.codecs.table.BondOrderCodec"},
            "axis": {"_target_": "nmrflow.spectra.axis.ShiftAxis"},
            "flow": {
                "_target_": "nmrflow.flow.StructureFlow",
                "conditional": {
                    "_target_": "nmrflow.flow.BondTransformer",
                    "_partial_": True,
                    "width": 16,
                    "n_layers": 1,
                    "n_heads": 2,
                },
                "spectrum": {
                    "_target_": "nmrflow.shifts.forward.SpectrumSubnet",
                    "_partial_": True,
                    **({"n_networks": 1, "width": 16, "n_steps": 2} | shifts),
                },
            },
        }

    return describe


@pytest.fixture(scope="session")
def make_flow(
    small_model: Callable[..., dict[str, Any]], randomised: Callable[[nn.Module], nn.Module]
) -> Callable[..., "TrainedFlow"]:
    """Makes a network at work, whose weights no initialisation made; the small one if not told.

    Other names are settings of its configuration; ``ranking`` weighs log p by one half.
    """
    from nmrflow.model.network import build_network
    from nmrflow.model.trained import TrainedFlow

    def build(
        model: dict[str, Any] | None = None,
        *,
        dtype: torch.dtype = torch.float64,
        trust: Any = None,
        **config: Any,
    ) -> TrainedFlow:
        network = build_network(model or small_model(), 0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            randomised(network.flow)
        network.flow.to(dtype)
        side = {"mean_logit_true": 1.0, "mean_logit_false": -1.0, "structure_hashes": []}
        told = {"ranking": {"log_p_weight": 0.5}} | config
        return TrainedFlow(network, {"config": told, "training_side": side}, trust)

    return build


@pytest.fixture(scope="session")
def published_flow(make_flow: Callable[..., "TrainedFlow"]) -> "TrainedFlow":
    """A network as the paper's, with random weights: no carbon has a shift, nothing a likelihood.

    Tests must not change it.
    """
    return make_flow(
        {
            "codec": {"_target_": "nmrflow.chem.codecs.published.BondTensorCodec"},
            "axis": {"_target_": "nmrflow.spectra.axis.ShiftAxis"},
            "flow": {"_target_": "nmrflow.flow.SpectrumFlow", "n_blocks": [1, 1, 1, 1, 1]},
        }
    )


@st.composite
def hydrocarbons(draw: st.DrawFn) -> Structure:
    """Any connected hydrocarbon of 2 to 17 carbons, numbered and flagged at random."""
    n = draw(st.integers(2, 17))
    free = [4] * n
    orders: dict[tuple[int, int], int] = {}

    def bind(a: int, b: int) -> None:
        orders[a, b] = orders.get((a, b), 0) + 1
        free[a] -= 1
        free[b] -= 1

    for atom in range(1, n):
        bind(draw(st.sampled_from([a for a in range(atom) if free[a]])), atom)
    for pair in draw(st.lists(st.tuples(*[st.integers(0, n - 1)] * 2), max_size=12)):
        a, b = sorted(pair)
        if a != b and free[a] and free[b] and orders.get((a, b), 0) < 3:
            bind(a, b)
    number = draw(st.permutations(range(n)))
    flags = draw(st.lists(st.booleans(), min_size=len(orders), max_size=len(orders)))
    return Structure(
        ("C",) * n,
        sort_bonds(
            (number[a], number[b], order, flag)
            for ((a, b), order), flag in zip(orders.items(), flags, strict=True)
        ),
    )


# Tests ask for st.from_type(Structure); helper modules cannot be imported between tests.
st.register_type_strategy(Structure, hydrocarbons())
