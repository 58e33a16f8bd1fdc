"""What somebody adds outside the package: a node, a loss, a source, a domain, a nucleus.

Each is one file of ``tests/extensions/toys`` and, where it has settings, one YAML beside it; each
goes from training through a checkpoint to answers, and nothing of nmrflow is touched for it.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

import nmrflow
from nmrflow.chem.structure import Structure
from nmrflow.console import quiet_libraries
from nmrflow.errors import CheckpointError, SpectrumError, StructureError
from nmrflow.model.trained import TrainedFlow
from nmrflow.train import train

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[1] / "extensions"


@pytest.fixture(scope="module")
def trained_in(table: Path, tmp_path_factory: pytest.TempPathFactory) -> "Trained":
    """Trains what a configuration of the extensions' own describes; each is trained once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NMRFLOW_EXTENSIONS", "toys")
        yield Trained(table, tmp_path_factory)


class Trained:
    def __init__(self, table: Path, folders: pytest.TempPathFactory) -> None:
        self.table = table
        self.folders = folders
        self.runs: dict[tuple[str, ...], Path] = {}

    def __call__(self, *overrides: str) -> Path:
        if overrides not in self.runs:
            quiet_libraries()
            run_dir = self.folders.mktemp("run")
            search = f"hydra.searchpath=[file://{HERE / 'conf'}]"
            with initialize_config_module("nmrflow.conf", version_base="1.3"):
                config = compose("train", [search, "logger=csv", *overrides])
                if "data=revmolspec" in overrides:
                    config.data.path = str(self.table)
            train(config, run_dir)
            self.runs[overrides] = run_dir
        return self.runs[overrides]


def losses(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


PUBLISHED = (
    "+experiment=baseline",
    "model=irevnet_small",
    "model.flow.nodes.coupling._target_=toys.node.ScaledCoupling",
    "+loss.residual={_target_: nmrflow.losses.Term, slot: z, weight: 0.01, "
    "loss: {_target_: toys.loss.ResidualSizeLoss}}",
    "trainer.max_epochs=1",
    "data=revmolspec",
    "batch_size=32",
)
ORGANIC = (
    "+experiment=organic_small",
    "+model.flow.nodes.rotation={_target_: toys.node.Rotation, _partial_: true}",
)


def test_a_node_and_a_loss_in_the_published_network(trained_in: Trained) -> None:
    run_dir = trained_in(*PUBLISHED)
    (row,) = losses(run_dir)
    assert float(row["train/loss_z"]) == pytest.approx(0.01 * float(row["train/term/residual"]))
    model = nmrflow.load_checkpoint(run_dir)
    latent = model.to_latent(["Cc1ccccc1", "CCC=C"])
    back = model.from_latent(latent)
    assert [p.structure and p.structure.connectivity for p in back] == ["Cc1ccccc1", "C=CCC"]


@pytest.fixture(scope="module")
def organic(trained_in: Trained) -> TrainedFlow:
    return nmrflow.load_checkpoint(trained_in(*ORGANIC))


def test_a_domain_predicts(organic: TrainedFlow) -> None:
    assert organic.domain.describe() == "molecules of C, H, N and O of 1 to 9 heavy atoms"
    one, other = nmrflow.predict(organic, ["CCO", "OC(C)=O"])
    assert [group.n_hydrogens for group in sorted(one.groups, key=lambda g: g.atoms)] == [3, 2]
    assert other.shifts_ppm[0] is None
    for smiles, reason in (("CCS", "only C, H, N and O"), ("C" * 10, "10 heavy atoms")):
        with pytest.raises(StructureError, match=reason):
            nmrflow.predict(organic, [smiles])


def test_a_domain_elucidates(organic: TrainedFlow) -> None:
    for formula in (None, "C3H8O"):
        found = nmrflow.elucidate(organic, [20.0, 40.0, 80.0], formula=formula, n_samples=60)
        assert found.n_invalid < 20
        if formula:  # There are three molecules of it.
            assert found.n_distinct == 3
        for candidate in found.candidates:
            assert set(candidate.structure.elements) <= {"C", "N", "O"}
            assert np.isfinite(candidate.log_p)
            assert formula in (None, candidate.structure.formula)


def test_a_domain_ranks(organic: TrainedFlow) -> None:
    given = ["CCCO", "CC(C)O", "COCC"]
    found = nmrflow.rank(organic, [20.0, 40.0, 80.0], given)
    assert {c.structure.connectivity for c in found.candidates} == {"CCCO", "CC(C)O", "CCOC"}
    assert all(np.isfinite(c.log_p) for c in found.candidates)


def test_a_domain_and_a_further_node_are_inverted_exactly(organic: TrainedFlow) -> None:
    smiles = ["CCO", "c1ccncc1", "NC(=O)CC#N", "C", "C1CC2OC2CN1"]
    latent = organic.to_latent(smiles, [[20.0, 60.0]] * len(smiles))
    back = organic.from_latent(latent)
    names = [Structure.from_smiles(s).connectivity for s in smiles]
    assert [p.structure and p.structure.connectivity for p in back] == names
    (drawn,) = organic.propose_structures([[20.0, 60.0]], 50, seed=1)
    z = organic.to_latent(drawn).z
    np.testing.assert_allclose(z, np.stack([p.z for p in drawn]), rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def fluorine(trained_in: Trained) -> TrainedFlow:
    return nmrflow.load_checkpoint(trained_in("+experiment=fluorine_small"))


def test_a_nucleus_predicts(fluorine: TrainedFlow) -> None:
    (one,) = nmrflow.predict(fluorine, ["CC(F)F"])
    assert [shift is None for shift in one.shifts_ppm] == [True, True, False, False]
    assert one.nucleus.name == "19F"
    with pytest.raises(StructureError, match="no fluorine"):
        nmrflow.predict(fluorine, ["CCC"])


def test_a_nucleus_ranks_and_elucidates(fluorine: TrainedFlow) -> None:
    found = nmrflow.rank(fluorine, "-110.2, -63", ["CC(F)F", "FCCF", "FC1CC1F"])
    assert found.question.nucleus.name == "19F"
    assert len(found.candidates) == 3
    assert all(np.isfinite(c.log_p) for c in found.candidates)
    drawn = nmrflow.elucidate(fluorine, "19F NMR: -110.2", formula="C2H4F2", n_samples=40)
    assert drawn.n_distinct > 0
    assert {c.structure.formula for c in drawn.candidates} == {"C2H4F2"}
    with pytest.raises(SpectrumError, match=r"-301 ppm is outside -300"):
        nmrflow.rank(fluorine, [-301.0], ["CC(F)F"])


def test_what_others_add_is_loaded_by_nobody_who_has_not_named_it(
    trained_in: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = trained_in(*PUBLISHED)
    monkeypatch.delenv("NMRFLOW_EXTENSIONS")
    with pytest.raises(CheckpointError, match=r"toys.*may not be built"):
        nmrflow.load_checkpoint(run_dir)
