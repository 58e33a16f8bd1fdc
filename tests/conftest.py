"""What every test gets: one thread, its own random state, no network; and shared material."""

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import torch
from hypothesis import reject, settings
from hypothesis import strategies as st
from torch import nn

from nmrflow.chem.codecs.published import BondTensorCodec
from nmrflow.chem.domain import Domain
from nmrflow.chem.structure import Structure, sort_bonds
from nmrflow.data.records import Record
from nmrflow.errors import StructureError
from nmrflow.spectra.axis import ShiftAxis

if TYPE_CHECKING:
    from nmrflow.model.trained import TrainedFlow

NO_REAL_DATA = "needs real spectra: set NMRFLOW_DATA"

# --hypothesis-profile=thorough looks for longer; examples are other ones in every run.
settings.register_profile("nmrflow", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile("nmrflow")

# What a module shares is made before the first test's own fixtures are.
torch.set_num_threads(1)


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


@pytest.fixture(scope="session")
def write_table(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Sequence[Record]], Path]:
    """Writes records as a table in the paper's format; where it lies."""
    axis, codec = ShiftAxis(), BondTensorCodec()

    def write(records: Sequence[Record]) -> Path:
        path = tmp_path_factory.mktemp("data") / "table.csv"
        with path.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow("ABCD")
            for number, record in enumerate(records):
                bits = ["0"] * axis.n_fine_bins
                for bin_ in axis.occupied(record.peaks.shifts_ppm):
                    bits[bin_] = "1"
                digits = codec.encode_digits(record.structure)
                writer.writerow([number, 1000 + number, digits, "".join(bits)])
        return path

    return write


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is slow comes first: of several workers none is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


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

    Of hydrocarbons if not told a domain's arguments; other names replace settings of its shift
    networks.
    """

    def describe(domain: dict[str, Any] | None = None, **shifts: int) -> dict[str, Any]:
        hydrocarbons = {"atom_types": [["C", 0, 4]], "min_atoms": 2, "max_atoms": 17}
        return {
            "domain": {"_target_": "nmrflow.chem.domain.Domain", **(domain or hydrocarbons)},
            "codec": {"_target_": "nmrflow.chem.codecs.table.TableCodec"},
            "axis": {"_target_": "nmrflow.spectra.axis.ShiftAxis"},
            "forward": {
                "_target_": "nmrflow.shifts.forward.EnsembleForward",
                **({"n_networks": 1, "width": 16, "n_steps": 2} | shifts),
            },
            "flow": {
                "_target_": "nmrflow.flow.Flow",
                "nodes": {
                    "spectrum": {"_target_": "nmrflow.flow.SpectrumCoupling", "_partial_": True},
                    "structure": {
                        "_target_": "nmrflow.flow.StructureCoupling",
                        "_partial_": True,
                        "conditional": {
                            "_target_": "nmrflow.flow.StructureTransformer",
                            "_partial_": True,
                            "width": 16,
                            "n_layers": 1,
                            "n_heads": 2,
                        },
                    },
                },
            },
        }

    return describe


@pytest.fixture(scope="session")
def tables_model(small_model: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Describes a small network of C, N and O with charges, whose tables tell hydrogens.

    It reads peaks by their exact shifts, beside the code of bins of unequal width.
    """
    types = [["C", 0, 4], ["N", 0, 3], ["N", 1, 4], ["O", 0, 2], ["O", -1, 1]]
    model = small_model({"atom_types": types, "min_atoms": 1, "max_atoms": 9})
    model["codec"] |= {"tells_hydrogens": True, "max_atoms": 6}
    model["axis"] = {
        "_target_": "nmrflow.spectra.adaptive_axis.AdaptiveAxis",
        "edges": [0, 300, 500, 600, 1000, 1400, 1500, 2400],
        "start_ppm": -10.0,
    }
    model["forward"]["tells_charges"] = True
    model["flow"]["nodes"]["structure"]["conditional"] = {
        "_target_": "nmrflow.flow.AtomTransformer",
        "_partial_": True,
        "width": 16,
        "n_layers": 2,
        "n_heads": 2,
        "n_peak_layers": 1,
        "pointer_width": 8,
    }
    return model


@pytest.fixture(scope="session")
def make_flow(
    small_model: Callable[..., dict[str, Any]], randomised: Callable[[nn.Module], nn.Module]
) -> Callable[..., "TrainedFlow"]:
    """Makes a network at work, whose weights no initialisation made; the small one if not told.

    Other names are settings of its configuration; ``ranking`` weighs log p by one half, and the
    density of peaks by three quarters.
    """
    from nmrflow.model.network import build_network
    from nmrflow.model.trained import TrainedFlow

    def build(
        model: dict[str, Any] | None = None,
        *,
        dtype: torch.dtype = torch.float64,
        calibration: Any = None,
        **config: Any,
    ) -> TrainedFlow:
        network = build_network(model or small_model(), 0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(5)
            for part in (network.forward, network.flow):
                if part is not None:
                    randomised(part).to(dtype)
        side = {"mean_logit_true": 1.0, "mean_logit_false": -1.0, "structure_hashes": []}
        told = {"ranking": {"log_p_weight": 0.5, "density_weight": 0.75}} | config
        return TrainedFlow(network, {"config": told, "training_side": side}, calibration)

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
            "flow": {
                "_target_": "nmrflow.flow.Flow",
                "nodes": {
                    "_target_": "nmrflow.flow.IRevNet",
                    "n_blocks": [1, 1, 1, 1, 1],
                    "coupling": {
                        "_target_": "nmrflow.flow.AdditiveCoupling",
                        "_partial_": True,
                        "subnet": {"_target_": "nmrflow.flow.ConvSubnet", "_partial_": True},
                    },
                },
            },
        }
    )


# Elements and charges, with the most that an atom of each binds; hydrogens fill what is left open.
_KINDS = {
    ("C", 0): 4,
    ("N", 0): 3,
    ("O", 0): 2,
    ("S", 0): 6,
    ("P", 0): 5,
    ("F", 0): 1,
    ("Cl", 0): 1,
    ("Br", 0): 1,
    ("I", 0): 1,
    ("N", 1): 4,
    ("N", -1): 2,
    ("O", -1): 1,
    ("S", 1): 3,
}
# Groups with charges, each by the atoms behind its first, and the orders of their bonds to it.
_GROUPS = {
    "nitro": (("N", 1), [(("O", 0), 2), (("O", -1), 1)]),
    "carboxylate": (("C", 0), [(("O", 0), 2), (("O", -1), 1)]),
    "ammonium": (("N", 1), []),
    "N-oxide": (("N", 1), [(("O", -1), 1)]),
    "sulfonate": (("S", 0), [(("O", 0), 2), (("O", 0), 2), (("O", -1), 1)]),
}


class _Draft:
    """Atoms and bonds, and what each atom can still bind."""

    def __init__(self) -> None:
        self.atoms: list[tuple[str, int]] = []
        self.free: list[int] = []
        self.orders: dict[tuple[int, int], int] = {}

    def add(self, atom: tuple[str, int], valence: int) -> int:
        self.atoms.append(atom)
        self.free.append(valence)
        return len(self.atoms) - 1

    def bind(self, a: int, b: int, order: int = 1) -> None:
        pair = min(a, b), max(a, b)
        self.orders[pair] = self.orders.get(pair, 0) + order
        self.free[a] -= order
        self.free[b] -= order

    def open(self) -> list[int]:
        return [atom for atom, free in enumerate(self.free) if free]

    def close(self, pairs: list[tuple[int, int]]) -> None:
        """Raise the order of pairs of atoms, where it is possible."""
        for pair in pairs:
            a, b = sorted(pair)
            if a != b and self.free[a] and self.free[b] and self.orders.get((a, b), 0) < 3:
                self.bind(a, b)

    def structure(self, draw: st.DrawFn) -> Structure:
        """Numbered and flagged at random."""
        number = draw(st.permutations(range(len(self.atoms))))
        n = len(self.orders)
        flags = draw(st.lists(st.booleans(), min_size=n, max_size=n))
        old = sorted(range(len(number)), key=number.__getitem__)
        bonds = sort_bonds(
            (number[a], number[b], order, flag)
            for ((a, b), order), flag in zip(self.orders.items(), flags, strict=True)
        )
        elements, charges = zip(*(self.atoms[atom] for atom in old), strict=True)
        try:
            return Structure(elements, bonds, charges)
        except StructureError as error:
            if "bear opposite charges" not in str(error):  # There is another way to draw it.
                raise
            reject()


def _pairs(n: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    return st.lists(st.tuples(*[st.integers(0, n - 1)] * 2), max_size=12)


@st.composite
def hydrocarbons(draw: st.DrawFn) -> Structure:
    """Any connected hydrocarbon of 2 to 17 carbons, numbered and flagged at random."""
    n = draw(st.integers(2, 17))
    draft = _Draft()
    draft.add(("C", 0), 4)
    for _ in range(1, n):
        bound = draw(st.sampled_from(draft.open()))
        draft.bind(bound, draft.add(("C", 0), 4))
    draft.close(draw(_pairs(n)))
    return draft.structure(draw)


@st.composite
def _molecules(
    draw: st.DrawFn, kinds: dict[tuple[str, int], int], groups: list[str], max_atoms: int
) -> Structure:
    """Grown atom by atom, perhaps from an aromatic ring; then further bonds, then groups."""
    draft = _Draft()
    # Carbon is likely, so that molecules grow: a halogen ends them.
    kind_of = st.one_of(st.just(next(iter(kinds))), st.sampled_from([*kinds]))
    rings = [n for n in (5, 6) if n <= max_atoms]
    n_ring = draw(st.sampled_from([0, 0, *rings]))
    # Two or three double bonds; of a ring of five the last atom has none, as in pyrrole.
    for k in range(n_ring):
        least = 3 if k < n_ring // 2 * 2 else 2
        kind = draw(kind_of.filter(lambda kind, least=least: kinds[kind] >= least))
        draft.add(kind, kinds[kind])
    for k in range(n_ring):
        draft.bind(k, (k + 1) % n_ring, 2 if k % 2 == 0 and k < n_ring // 2 * 2 else 1)
    if not n_ring:
        first = draw(kind_of)
        draft.add(first, kinds[first])
    for _ in range(draw(st.integers(0, max_atoms - len(draft.atoms)))):
        if not (places := draft.open()):
            break
        kind = draw(kind_of)
        draft.bind(draw(st.sampled_from(places)), draft.add(kind, kinds[kind]))
    draft.close(draw(_pairs(len(draft.atoms))))
    for name in draw(st.lists(st.sampled_from(groups), max_size=2)) if groups else []:
        if not (places := draft.open()):
            break
        head, behind = _GROUPS[name]
        atom = draft.add(head, _KINDS[head])
        draft.bind(draw(st.sampled_from(places)), atom)
        for kind, order in behind:
            draft.bind(atom, draft.add(kind, _KINDS[kind]), order)
    return draft.structure(draw)


@pytest.fixture(scope="session")
def molecules() -> st.SearchStrategy[Structure]:
    """Connected molecules of C, N, O, S, P and halogens, with common charges.

    Numbered and flagged at random. For ``data.draw``: helper modules cannot be imported.
    """
    return _molecules(_KINDS, [*_GROUPS], 12)


@pytest.fixture(scope="session")
def molecules_of() -> Callable[[Domain], st.SearchStrategy[Structure]]:
    """The same of a domain, first of whose kinds of atoms stands carbon."""

    def of_domain(domain: Domain) -> st.SearchStrategy[Structure]:
        kinds: dict[tuple[str, int], int] = {}
        for element, charge, valence in domain.atom_types:
            kinds[element, charge] = max(valence, kinds.get((element, charge), 0))
        found = _molecules(kinds, [], domain.max_atoms)
        return found.filter(lambda structure: domain.refusal(structure) is None)

    return of_domain


# Tests ask for st.from_type(Structure); helper modules cannot be imported between tests.
st.register_type_strategy(Structure, hydrocarbons())
