"""Every option of every group composes, and every experiment builds."""

from functools import cache, partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import yaml
from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from nmrflow.config.building import build, build_named, check_settings, to_plain
from nmrflow.losses import Objective
from nmrflow.model.network import build_network
from nmrflow.training.stages import Stage

CONF = Path(__file__).parents[2] / "conf"
GROUPS = (
    "data",
    "split",
    "model",
    "loss",
    "optimizer",
    "trainer",
    "callbacks",
    "logger",
    "stages",
)
OPTIONS = [f"{group}={file.stem}" for group in GROUPS for file in sorted((CONF / group).iterdir())]
ABLATIONS = [f"+ablation={file.stem}" for file in sorted((CONF / "ablation").iterdir())]
CONDITIONALS = [
    f"conditional@model.flow.nodes.structure.conditional={file.stem}"
    for file in sorted((CONF / "conditional").iterdir())
]
EXPERIMENTS = [file.stem for file in sorted((CONF / "experiment").iterdir())]


def composed(*overrides: str) -> DictConfig:
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        return compose("train", list(overrides))


@cache
def _elucidation() -> DictConfig:
    return composed("+experiment=elucidation")


def unchanged(run_dir: str) -> dict[str, Any]:
    return to_plain(_elucidation(), run_dir=run_dir)


@pytest.mark.parametrize("option", OPTIONS)
def test_option_composes_and_resolves(option: str) -> None:
    assert to_plain(composed(option), run_dir="here")["run_dir"] == "here"


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_builds(experiment: str, tmp_path: Path) -> None:
    has_none = experiment in (
        "organic",
        "organic_gpu",
        "fine_tuning",
    )  # A path has no default there.
    path = ["data.path=lines.jsonl"] if has_none else []
    # Lightning refuses a trainer of a GPU where there is none.
    path += ["trainer.accelerator=cpu"] if experiment.endswith("_gpu") else []
    plain = to_plain(composed(f"+experiment={experiment}", *path), run_dir=str(tmp_path))
    build_network(plain["model"], plain["seed"])
    if plain["loss"]:  # Else the stages train all there is.
        build(plain["loss"], Objective)
    build(plain["optimizer"], partial)
    build(plain["data"], object)
    build(plain["split"], object)
    callbacks = build_named(plain["callbacks"], Callback)
    loggers = build_named(plain["logger"], Logger)
    build(plain["trainer"], pl.Trainer, callbacks=callbacks, logger=loggers)
    build_named(plain["stages"], Stage)


@pytest.mark.parametrize("change", [*ABLATIONS, *CONDITIONALS])
def test_ablation_changes_elucidation_and_builds(change: str, tmp_path: Path) -> None:
    config = composed("+experiment=elucidation", change)
    changed, whole = to_plain(config, run_dir=str(tmp_path)), unchanged(str(tmp_path))
    assert (whole == changed) == change.endswith("conditional=transformer")
    build_network(changed["model"], changed["seed"])
    build_named(changed["stages"], Stage)


def test_another_pretraining_changes_the_forward_side_alone() -> None:
    path = "stages.shifts.source.path=lines.jsonl"
    config = composed("+experiment=elucidation", "+pretraining=organic", path)
    check_settings(config, [key for key in _elucidation() if isinstance(key, str)])
    plain, whole = to_plain(config), to_plain(_elucidation())
    source, forward = plain["stages"]["shifts"]["source"], plain["model"]["forward"]
    organic = to_plain(composed("model=organic"))["model"]
    assert source["domain"] == organic["domain"]
    assert {**organic["forward"], "n_networks": 4} == forward
    assert build_network(plain["model"], 0).domain.is_hydrocarbon
    assert list(build_named(plain["stages"], Stage)[0].source.domain.elements)[1] == "N"
    assert list(plain["stages"]) == list(whole["stages"])
    assert {k: plain["stages"][k] for k in ("corpus", "bonds")} == {
        k: whole["stages"][k] for k in ("corpus", "bonds")
    }


def test_nodes_follow_each_other_from_x_to_h() -> None:
    """The predicted spectrum must stand in y when the structure is read given y."""
    for overrides in (
        ["model=elucidation"],
        ["model=elucidation", CONDITIONALS[0]],
        ["+experiment=elucidation"],
    ):
        model = to_plain(composed(*overrides), run_dir="here")["model"]
        assert list(model["flow"]["nodes"]) == ["spectrum", "structure"]
        assert build_network(model, 0).flow.names == ("spectrum", "structure")


def test_stages_run_in_the_order_of_the_file() -> None:
    plain = to_plain(composed("+experiment=elucidation"), run_dir="here")
    assert list(plain["stages"]) == ["shifts", "corpus", "bonds"]


def test_the_initialisation_follows_the_split() -> None:
    assert to_plain(composed("split.seed=7"))["seed"] == 7
    assert to_plain(composed("split.seed=7", "seed=3"))["seed"] == 3


def test_only_the_inner_split_lets_the_validation_side_choose() -> None:
    assert composed()["callbacks"]["best"]["monitor"].startswith("train/")
    assert composed("split=inner")["callbacks"]["best"]["monitor"].startswith("val/")


def test_no_experiment_in_the_primary_configuration() -> None:
    # It would make `+experiment=baseline` fail: "Multiple values for experiment".
    defaults = yaml.safe_load((CONF / "train.yaml").read_text())["defaults"]
    assert not any("experiment" in entry for entry in defaults if isinstance(entry, dict))


def test_a_misspelt_key_is_refused() -> None:
    with pytest.raises(ConfigCompositionException, match="sead"):
        composed("sead=1")


def test_the_paper_is_eleven_runs_each_in_a_folder_of_its_own() -> None:
    def runs(*overrides: str) -> DictConfig:
        with initialize_config_module("nmrflow.conf", version_base="1.3"):
            return compose("train", list(overrides), return_hydra_config=True)

    swept = runs("+experiment=paper").hydra.sweeper.params.part
    parts = list(OverridesParser.create().parse_override(f"part={swept}").sweep_string_iterator())
    assert parts == [
        f"{{seed:{k},n_epochs:{n}}}" for k, n in [(0, 10), *((k, 5) for k in range(10))]
    ]
    folders = {}
    for part in (parts[0], parts[1], parts[-1]):
        config = runs("+experiment=paper", f"part={part}")
        assert config.keep_finished
        assert config.hydra.run.dir == f"{config.hydra.sweep.dir}/{config.hydra.sweep.subdir}"
        folders[config.hydra.run.dir] = (config.split.seed, config.seed, config.trainer.max_epochs)
    assert list(folders.values()) == [(0, 0, 10), (0, 0, 5), (9, 9, 5)]
    curves = runs("+experiment=paper_curves")
    assert folders[curves.hydra.run.dir] == (0, 0, 10)
    assert curves.data._target_.endswith("RevMolSpec")
