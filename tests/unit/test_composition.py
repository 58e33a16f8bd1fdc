"""What Hydra itself would act on is closed: nothing of a stranger's configuration is run."""

import sys
from pathlib import Path

import pytest
import yaml
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from nmrflow.config.composition import ClosedLoader
from nmrflow.errors import ConfigError
from nmrflow.limits import MAX_NESTING, MAX_YAML_BYTES

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a stranger's configuration."""
    folder = tmp_path / "conf"
    folder.mkdir()
    return folder


def compose(folder: Path, *overrides: str, mode: RunMode = RunMode.RUN) -> DictConfig:
    """What Hydra composes of ``config.yaml``, as a command with these words would."""
    setup_globals()
    loader = ClosedLoader(create_config_search_path(str(folder)))
    return loader.load_configuration("config", list(overrides), run_mode=mode)


def refusal(folder: Path, *overrides: str) -> str:
    """What is said of a configuration: our one line, or Hydra's own words."""
    with pytest.raises((ConfigError, HydraException)) as refused:
        compose(folder, *overrides)
    said = str(refused.value)
    assert said.count("\n") == 0 or isinstance(refused.value, HydraException)
    return said


def write(folder: Path, content: object, name: str = "config") -> None:
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def test_what_a_user_may_set_of_hydra_composes(folder: Path) -> None:
    own = {
        "run": {"dir": "runs/${name}/${now:%Y}"},
        "sweep": {"dir": "runs", "subdir": "${hydra.job.num}_${name}"},
        "sweeper": {"params": {"seed": "1,2"}},
        "output_subdir": None,
        "job": {"chdir": False},
    }
    write(folder, {"name": "a", "seed": 1, "again": "${name}", "hydra": own})
    config = compose(folder, "seed=3", "hydra.verbose=true")
    assert (config.again, config.seed) == ("a", 3)
    assert config.hydra.run.dir.startswith("runs/a/2")


# Each of these would make a file or a folder, or tell a secret; {} stands for the path.
NODES = {
    "a callback": {"callbacks": {"x": {"_target_": "os.mkdir", "path": "{}"}}},
    "a callback of pickles": {
        "callbacks": {"x": {"_target_": "pandas.read_pickle", "filepath_or_buffer": "{}"}}
    },
    "a callback of ours": {"callbacks": {"x": {"_target_": "nmrflow.losses.RangeLoss"}}},
    "a callback elsewhere": {"callbacks": "${name}"},
    "a launcher": {"launcher": {"_target_": "os.mkdir", "path": "{}"}},
    "a launcher within one": {"launcher": {"x": {"_target_": "os.mkdir", "path": "{}"}}},
    "a launcher elsewhere": {"launcher": {"x": "${evil}"}},
    "an installed launcher that nobody asked for": {"launcher": {"_target_": JOBLIB}},
    "a sweeper": {"sweeper": {"_target_": "os.system", "command": "touch {}"}},
    "a sweeper's parameters": {"sweeper": {"params": {"a": {"_target_": "os.mkdir"}}}},
    "a launcher as sweeper": {"sweeper": {"_target_": BASIC}},
    "a log file": {
        "job_logging": {"handlers": {"file": {"class": "logging.FileHandler", "filename": "{}"}}}
    },
    "a log made by a function": {
        "hydra_logging": {"handlers": {"x": {"()": "os.mkdir", "path": "{}"}}}
    },
    "variables": {"job": {"env_set": {"PYTHONSTARTUP": "{}"}}},
    "copied variables": {"job": {"env_copy": ["PATH"]}},
    "another folder": {"output_subdir": "../.."},
    "words of the command line": {"overrides": {"hydra": ["hydra.searchpath=[pkg://evil]"]}},
    "a search path": {"searchpath": ["pkg://a_strangers_own"]},
}


def aimed(node: object, path: Path) -> object:
    if isinstance(node, dict):
        return {key: aimed(value, path) for key, value in node.items()}
    if isinstance(node, list):
        return [aimed(value, path) for value in node]
    return node.replace("{}", str(path)) if isinstance(node, str) else node


@pytest.mark.parametrize("name", NODES)
def test_hydras_own_node_is_closed(
    name: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = tmp_path / "made"
    (tmp_path / "a_strangers_own").mkdir()
    (tmp_path / "a_strangers_own/__init__.py").write_text(f"import os; os.mkdir({str(made)!r})")
    monkeypatch.syspath_prepend(tmp_path)
    evil = {"_target_": "os.mkdir", "path": str(made)}
    write(folder, {"name": "a", "evil": evil, "hydra": aimed(NODES[name], made)})
    assert "hydra" in refusal(folder)
    assert not made.exists()
    assert "a_strangers_own" not in sys.modules


def test_a_node_that_is_another_is_checked_too(folder: Path) -> None:
    write(folder, {"a": {"searchpath": ["pkg://evil"]}, "hydra": "${a}"})
    refusal(folder)
    write(folder, {"a": {"b": {"_target_": "os.getcwd"}}, "hydra": {"callbacks": "${a}"}})
    refusal(folder)


def test_the_command_line_may_ask_for_what_is_installed(folder: Path) -> None:
    write(folder, {"name": "a"})
    asked = compose(folder, "hydra/launcher=joblib", mode=RunMode.MULTIRUN)
    assert asked.hydra.launcher._target_ == JOBLIB
    assert "os.mkdir" in refusal(
        folder, "hydra/launcher=joblib", "hydra.launcher._target_=os.mkdir"
    )


REFERENCES = [
    "${oc.env:SECRET}",
    "${oc.env:SECRET,none}",
    "a ${oc.decode:${oc.env:SECRET}}",
    "${oc.create:{a:1}}",
    "${ oc.env:SECRET }",
    "${now:${oc.env:SECRET}}",
    "${${a}:SECRET}",
    "${x.${a}}",
    "${somebodys:own}",
]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("place", ["name", "hydra.run.dir", "the command line"])
def test_no_reference_reads_the_environment(
    reference: str,
    place: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "told")
    content: dict[str, object] = {"name": "a", "a": "oc.env"}
    overrides = [f"name='{reference}'"] if place == "the command line" else []
    if place == "name":
        content["name"] = reference
    elif place == "hydra.run.dir":
        content["hydra"] = {"run": {"dir": f"runs/{reference}"}}
    write(folder, content)
    said = refusal(folder, *overrides)
    assert "told" not in said
    assert "reference" in said


TEXTS = {
    "a tag": (b"a: !!python/object/apply:os.getcwd []\n", "config.yaml:1: holds the tag"),
    "another tag": (b"a: 1\nb: !mine {}\n", "config.yaml:2: holds the tag !mine"),
    "an alias": (b"a: &x [1]\nb: [*x, *x]\n", "alias *x"),
    "itself": (b"a: &x [*x]\n", "alias"),
    "a pickle": (b"\x80\x04\x95\x10\x00\x00\x00", "no text in UTF-8"),
    "zeros": (b"\x00" * 100, "no YAML"),
    "deep": (b"a: " + b"[" * 100_000, f"more than {MAX_NESTING} nodes"),
    "long": (b"a: 1\n" * MAX_YAML_BYTES, "bytes; that is no configuration"),
    "no YAML": (b"a: [1\nb: }", "no YAML"),
    "a list": (b"- 1\n- 2\n", ""),
    "twice": (b"a: 1\na: 2\n", "config"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_plain_yaml_is_refused_in_words(name: str, folder: Path) -> None:
    content, said = TEXTS[name]
    (folder / "config.yaml").write_bytes(content)
    assert said in refusal(folder)


def test_files_that_a_configuration_takes_in_are_checked_too(folder: Path) -> None:
    write(folder, {"defaults": ["other"]})
    (folder / "other.yaml").write_text("a: &x [1]\nb: *x\n")
    assert "other.yaml:2: holds the alias" in refusal(folder)


def test_a_folder_from_the_command_line_is_searched(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine/group").mkdir(parents=True)
    write(tmp_path / "mine/group", {"b": 2}, "more")
    write(folder, {"a": 1})
    config = compose(folder, f"hydra.searchpath=[file://{tmp_path}/mine]", "+group=more")
    assert config.group.b == 2
