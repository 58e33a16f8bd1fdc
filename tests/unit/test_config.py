"""From names to objects: what may be built is built, and nothing else is ever run."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from nmrflow.config.building import (
    ALLOWED_IN_CHECKPOINT,
    ALLOWED_TO_TRAIN,
    EXTENSIONS,
    build,
    build_named,
    to_plain,
)
from nmrflow.data.splits import StructureSplit
from nmrflow.errors import ConfigError, ShapeError
from nmrflow.flow import Flow
from nmrflow.losses import Loss, Objective, RangeLoss, Term

RANGE = {"_target_": "nmrflow.losses.RangeLoss"}


def term(**changes: Any) -> dict[str, Any]:
    return {"_target_": "nmrflow.losses.Term", "loss": RANGE, "weight": 1, "slot": "x"} | changes


def test_nested_objects_are_built() -> None:
    config = {"_target_": "nmrflow.losses.Objective", "range": term(weight=2), "off": None}
    objective = build(config, Objective)
    assert list(objective.terms) == ["range"]
    assert isinstance(objective.terms["range"].loss, RangeLoss)
    assert objective.terms["range"].weight == 2


def test_lists_and_dicts_arrive_as_plain_ones() -> None:
    config = {
        "_target_": "nmrflow.flow.Flow",
        "nodes": {
            "_target_": "nmrflow.flow.IRevNet",
            "n_blocks": [1, 0],
            "coupling": {
                "_target_": "nmrflow.flow.AdditiveCoupling",
                "_partial_": True,
                "subnet": {"_target_": "nmrflow.flow.ConvSubnet", "_partial_": True},
            },
        },
    }
    flow = build(config, Flow, cell_shape=(4, 16, 16), n_bins=128)
    assert flow.latent_shape == (16, 8, 8)
    settings = build({"_target_": "nmrflow.losses.Term", "_partial_": True, "loss": [1]}, partial)
    assert type(settings.keywords["loss"]) is list


def test_objects_are_handed_over_uncopied() -> None:
    loss = RangeLoss()
    config = {"_target_": "nmrflow.losses.Term", "weight": 1, "slot": "x"}
    assert build(config, Term, loss=loss).loss is loss


def test_configuration_stays_as_it_was() -> None:
    config = term()
    build(config, Term)
    assert config == term()


# Each of these makes a file when it is run; {} stands for the file's path.
DANGEROUS = {
    "outside": {"_target_": "pathlib.Path.touch", "_args_": ["{}"]},
    "a function": {"_target_": "os.mkdir", "_args_": ["{}"]},
    "a class": {"_target_": "logging.FileHandler", "_args_": ["{}"]},
    "through a module": {"_target_": "nmrflow.model.checkpoint.os.mkdir", "_args_": ["{}"]},
    "shell through a module": {
        "_target_": "nmrflow.model.checkpoint.os.system",
        "_args_": ["touch '{}'"],
    },
    "class through a module": {
        "_target_": "nmrflow.model.checkpoint.zipfile.ZipFile",
        "_args_": ["{}", "w"],
    },
    "own function": {
        "_target_": "nmrflow.model.checkpoint.save_atomically",
        "checkpoint": {},
        "path": "{}",
    },
    "own function, partial": {
        "_target_": "nmrflow.model.checkpoint.save_atomically",
        "_partial_": True,
    },
    "prefix only": {"_target_": "nmrflowers.Rose"},
    "not text": {"_target_": ["os.mkdir"], "_args_": ["{}"]},
    "reference": {"_target_": "${a}", "_args_": ["{}"]},
    "made on resolving": "${{oc.create:{{_target_: os.mkdir, _args_: ['{}']}}}}",
    "made of text on resolving": "${{oc.create:\"{{_target_: os.mkdir, _args_: ['{}']}}\"}}",
}


def aimed(node: Any, path: Path) -> Any:
    """The node with {} replaced by a path."""
    if isinstance(node, dict):
        return {key: aimed(value, path) for key, value in node.items()}
    if isinstance(node, list):
        return [aimed(value, path) for value in node]
    return node.format(path) if isinstance(node, str) and "{}" in node else node


@pytest.mark.parametrize("where", ["top", "argument", "list", "deep", "with extra"])
@pytest.mark.parametrize("name", DANGEROUS)
def test_what_may_not_be_built_is_not_run(name: str, where: str, tmp_path: Path) -> None:
    made = tmp_path / "made"
    bad = aimed(DANGEROUS[name], made)
    config = {
        "top": bad if isinstance(bad, dict) else term(slot=bad),
        "argument": term(loss=bad),
        "list": term(loss=[RANGE, bad]),
        "deep": {"_target_": "nmrflow.losses.Objective", "a": term(loss={"b": [{"c": bad}]})},
        "with extra": {"_target_": "nmrflow.losses.Term", "loss": bad, "slot": "x"},
    }[where]
    extra = {"weight": 1.0} if where == "with extra" else {}
    with pytest.raises(ConfigError):
        build(config, object, ALLOWED_TO_TRAIN, **extra)
    assert not made.exists()


def test_a_checkpoint_may_name_less_than_a_user() -> None:
    adam = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1}
    assert build(adam, object, ALLOWED_TO_TRAIN).func is torch.optim.Adam
    for target in ("torch.optim.Adam", "nmrflow.data.corpus.CorpusWriter", "nmrflow.losses.Term"):
        with pytest.raises(ConfigError, match=rf"{target}.*may not be built"):
            build({"_target_": target, "_partial_": True}, object, ALLOWED_IN_CHECKPOINT)


def test_what_builds_whatever_it_is_given_may_not_be_built() -> None:
    with pytest.raises(ConfigError, match=r"LightningCLI.*may not be built"):
        build({"_target_": "lightning.pytorch.cli.LightningCLI"}, object)
    trainer = {"_target_": "lightning.pytorch.Trainer", "_partial_": True}
    assert build(trainer, object).func.__name__ == "Trainer"


def test_secrets_of_the_environment_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint's text is text: a resolver in it would let strangers read variables."""
    monkeypatch.setenv("SECRET", "told")
    config = {"_target_": "nmrflow.data.sources.revmolspec.RevMolSpec", "path": "${oc.env:SECRET}"}
    try:
        source = build(config, object, ALLOWED_IN_CHECKPOINT)
    except ConfigError:
        return
    assert source.path == "${oc.env:SECRET}"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (term(wieght=1), "wieght"),
        ({"_target_": "nmrflow.losses.Term", "loss": RANGE}, "weight"),
        (term(weight="heavy"), "heavy"),
        (term(weight="???"), r"Term cannot be built: .*'\?\?\?'"),
        (term(slot=3), r"slot is 3, and a text is needed"),
        (
            {"_target_": "nmrflow.data.splits.StructureSplit", "seed": 0.5},
            "seed is 0.5, and a whole number is needed",
        ),
        (
            {"_target_": "nmrflow.data.splits.StructureSplit", "_partial_": True, "seed": True},
            "seed is True, and a whole number is needed",
        ),
        ({"_target_": "nmrflow.losses.RangLoss"}, "RangLoss.*does not exist"),
        ({"_target_": "nmrflow.lossses.RangeLoss"}, "does not exist"),
        ({"_target_": "nmrflow."}, "does not exist|may not"),
        ({"_target_": "nmrflow.losses"}, "may not be built"),
        ({"_target_": None}, "None"),
        ({"weight": 1}, "_target_"),
        ({}, "_target_"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_reason(
    config: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        build(config, object)


@pytest.mark.parametrize("extra", [{}, {"ramp_epochs": 0}])
def test_unknown_arguments_are_refused_beside_objects_too(extra: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="wieght"):
        build(term(wieght=1), object, **extra)


def test_values_that_a_constructor_refuses_are_configuration_errors() -> None:
    weights = [torch.nn.Parameter(torch.zeros(1))]
    with pytest.raises(ConfigError, match="learning rate"):
        build({"_target_": "torch.optim.Adam", "lr": -1.0}, object, params=weights)


def test_an_object_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="RangeLoss, not a Objective"):
        build(RANGE, Objective)
    assert isinstance(build(RANGE, Loss), RangeLoss)


@pytest.mark.parametrize("extra", [{}, {"seed": 0}])
def test_our_own_errors_pass_through(extra: dict[str, Any]) -> None:
    node = {"_target_": "nmrflow.flow.PixelDownsampling", "_partial_": True}
    sizes = {"cell_shape": [4, 16, 16], "n_bins": 1024}
    wrong = {"_target_": "nmrflow.flow.Flow", "nodes": {"down": node}, **sizes}
    with pytest.raises(ShapeError, match="room for"):
        build(wrong, object, **extra)
    nested = {"_target_": "nmrflow.losses.Objective", "a": term(slot="")}
    with pytest.raises(ConfigError, match=r"^a loss term belongs to a slot, such as x or y"):
        build(nested, object)
    split = {"_target_": "nmrflow.data.splits.StructureSplit", "validation_fraction": 2}
    with pytest.raises(ConfigError, match=r"^split\.validation_fraction=2"):
        build(split | {"seed": 0}, StructureSplit)


def test_groups_are_built_without_what_is_switched_off() -> None:
    built = build_named({"a": RANGE, "b": None, "c": RANGE}, Loss)
    assert [type(loss) for loss in built] == [RangeLoss, RangeLoss]
    assert build_named({}, Loss) == []


def test_references_are_resolved_and_values_set_first() -> None:
    config = OmegaConf.create({"run_dir": None, "seed": 3, "logger": {"dir": "${run_dir}/x"}})
    assert to_plain(config, run_dir="runs") == {
        "run_dir": "runs",
        "seed": 3,
        "logger": {"dir": "runs/x"},
    }
    assert config.run_dir is None


@pytest.mark.parametrize("value", ["${nowhere}", "???", "${oc.env:NMRFLOW_NO_SUCH_VARIABLE}"])
def test_references_to_nothing_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="configuration"):
        to_plain(OmegaConf.create({"a": value}))


# Packages of the user's own.

ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 0.1}
OWN_CLASS = """
from nmrflow.losses import Loss


class Mine(Loss):
    def __init__(self, weight=1.0):
        self.weight = weight


def make():
    return Mine()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that is not ours, with a class in it."""
    name = "a_chemists_own"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / name / "losses.py").write_text(OWN_CLASS)
    monkeypatch.syspath_prepend(tmp_path)
    for module in (name, f"{name}.losses"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return name


@pytest.mark.parametrize("allowed", [ALLOWED_TO_TRAIN, ALLOWED_IN_CHECKPOINT])
def test_packages_of_the_users_own_must_be_named(
    allowed: tuple[str, ...], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"_target_": f"{package}.losses.Mine", "weight": 2.0}
    monkeypatch.delenv(EXTENSIONS, raising=False)
    with pytest.raises(ConfigError, match=rf"{package}\.losses\.Mine.*may not be built"):
        build(config, Loss, allowed)
    assert f"{package}.losses" not in sys.modules  # and nothing of it was run
    monkeypatch.setenv(EXTENSIONS, package)
    assert EXTENSIONS == "NMRFLOW_EXTENSIONS"
    assert build(config, Loss, allowed).weight == 2.0
    nested = build(term(loss=config), Term)
    assert type(nested.loss).__name__ == "Mine"


@pytest.mark.parametrize(
    "told",
    ["a_chemists_own", "another, a_chemists_own", " a_chemists_own ,", "a_chemists_own.losses"],
)
def test_several_packages_are_named_with_commas(
    told: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXTENSIONS, told)
    assert build({"_target_": f"{package}.losses.Mine"}, Loss).weight == 1.0


@pytest.mark.parametrize("told", ["", " , ", "a_chemists", "a_chemists_own_too", "losses"])
def test_other_packages_stay_refused(
    told: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXTENSIONS, told)
    with pytest.raises(ConfigError, match="may not be built"):
        build({"_target_": f"{package}.losses.Mine"}, Loss)


def test_of_a_package_too_only_its_own_classes_are_built(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXTENSIONS, package)
    for target in (f"{package}.losses.make", f"{package}.losses.Nobody", "os.mkdir"):
        with pytest.raises(ConfigError, match=r"may not be built|does not exist"):
            build({"_target_": target}, object)
    with pytest.raises(ConfigError, match=r"torch\.optim\.Adam"):
        build(ADAM, object, ALLOWED_IN_CHECKPOINT)


def test_refusals_name_what_may_be_built(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXTENSIONS, package)
    with pytest.raises(ConfigError, match=rf"classes of nmrflow\.chem, .*, {package} may"):
        build(ADAM, object, ALLOWED_IN_CHECKPOINT)
