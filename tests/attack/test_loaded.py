"""What is loaded, damaged at random: refused in words, or without effect; nothing in it is run.

Ten of each kind for each of ``attack_scale``.
"""

import copy
import io
import json
import math
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
import yaml
from hydra import compose, initialize_config_module
from hydra._internal.utils import create_config_search_path
from hydra.core.utils import setup_globals
from hydra.errors import HydraException
from hydra.types import RunMode
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf

from nmrflow.config.building import build, build_named, to_plain
from nmrflow.config.composition import ClosedLoader
from nmrflow.data.corpus import Corpus, CorpusWriter, Shard
from nmrflow.errors import CheckpointError, DataError, NmrflowError
from nmrflow.losses import Objective
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import build_network
from nmrflow.model.trained import TrainedFlow, load_checkpoint
from nmrflow.training.stages import Stage

SECONDS = 10
VALUES: list[Any] = [
    *(None, True, -1, 0, 2, 10**12, 0.5, math.nan, -math.inf, "", "x", "../x", "/etc/passwd"),
    *([], {}, [[]], [1, "a"], {"_target_": "os.getcwd"}, {"_target_": "nmrflow.flow.Flow"}),
    *("${oc.env:HOME}", "${nowhere}", "http://localhost:1/x"),
]
TENSORS = [torch.zeros(1), torch.zeros(0), torch.full((3,), math.nan), torch.ones(2, dtype=bool)]


@contextmanager
def in_time() -> Iterator[None]:
    """Ends what computes for longer, however busy the machine is, or waits for ten times that."""

    def late(*_: object) -> None:
        raise TimeoutError(f"over {SECONDS} s")

    timers = {signal.ITIMER_VIRTUAL: SECONDS, signal.ITIMER_REAL: 10 * SECONDS}
    before = {s: signal.signal(s, late) for s in (signal.SIGVTALRM, signal.SIGALRM)}
    for timer, seconds in timers.items():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)
        for sign, handler in before.items():
            signal.signal(sign, handler)


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Some bits flipped, or a part cut off, left out, doubled or filled with zeros."""
    bad = bytearray(content)
    start = draw.randrange(len(bad))
    end = min(len(bad), start + draw.choice([1, 7, 512, 100_000]))
    kind = draw.choice(["flip", "flip", "cut", "without", "twice", "zeros"])
    if kind == "flip":
        for _ in range(draw.choice([1, 1, 3, 50])):
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
    elif kind == "cut":
        del bad[start:]
    elif kind == "without":
        del bad[start:end]
    elif kind == "twice":
        bad[end:end] = bad[start:end]
    else:
        bad[start:end] = bytes(end - start)
    return bytes(bad)


def places(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything in nested mappings and lists."""
    inside = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in inside:
        yield (*place, key)
        if isinstance(value, dict | list):
            yield from places(value, (*place, key))


def changed(node: dict[str, Any], values: list[Any], draw: random.Random) -> dict[str, Any]:
    """A copy in which one to three things are others, missing, or one too many."""
    node = copy.deepcopy(node)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        *path, last = draw.choice(list(places(node)))
        inner: Any = node
        for key in path:
            inner = inner[key]
        kind = draw.choice(["other", "other", "without", "more"])
        if kind == "without":
            del inner[last]
        elif kind == "more" and isinstance(inner, dict):
            inner["more"] = copy.deepcopy(draw.choice(values))
        else:
            inner[last] = copy.deepcopy(draw.choice(values))
    return node


@pytest.fixture(scope="module")
def whole(small_model: Callable[..., Any], make_flow: Callable[..., TrainedFlow]) -> Any:
    """The content of a checkpoint of a small network."""
    model = small_model()
    trained = make_flow(model, dtype=torch.float32)
    assert trained.network.forward is not None
    weights = {f"flow.{n}": w for n, w in trained.flow.state_dict().items()}
    weights |= {f"forward_side.{n}": w for n, w in trained.network.forward.state_dict().items()}
    data = {"_target_": "nmrflow.data.sources.embedded.Embedded"}
    split = {"_target_": "nmrflow.data.splits.StructureSplit", "seed": 0}
    side = {"mean_logit_true": 1.0, "mean_logit_false": -1.0, "structure_hashes": ["0"]}
    config = {"name": "small", "seed": 0, "model": model, "data": data, "split": split}
    numbers = {"split_seed": 0, "n_train": 3, "n_validation": 2, "n_excluded": 0}
    texts = {"data": "embedded", "split": "structure", "split_sha256": "0", "data_sha256": "0"}
    about = {"config": config, "training_side": side, "data_path": None, **numbers, **texts}
    return {
        checkpoints.KEY: {**checkpoints.describe_software(), **about},
        "state_dict": weights,
    }


def packed(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def answer(file: Path) -> np.ndarray:
    """What a checkpoint says of a molecule, both ways."""
    trained = load_checkpoint(file)
    (shifts,) = trained.predict_shifts(["CC=C"])
    (drawn,) = trained.propose_structures([[20.0, 130.0]], 2, seed=0)
    return np.concatenate([shifts.median_ppm, *(proposal.z for proposal in drawn)])


def test_damaged_checkpoints_are_refused_or_whole(
    whole: Any, attack_scale: int, tmp_path: Path
) -> None:
    file, content, draw = tmp_path / "a.ckpt", packed(whole), random.Random(0)
    file.write_bytes(content)
    expected = answer(file)
    for _ in range(10 * attack_scale):
        file.write_bytes(damaged(content, draw))
        with in_time():
            try:
                found = answer(file)
            except CheckpointError:
                continue
        np.testing.assert_array_equal(found, expected)


def test_changed_checkpoints_are_refused_or_give_finite_answers(
    whole: Any, attack_scale: int, tmp_path: Path
) -> None:
    file, draw = tmp_path / "a.ckpt", random.Random(1)
    for _ in range(10 * attack_scale):
        content = changed(whole, [*VALUES, *TENSORS], draw)
        file.write_bytes(packed(content))
        with in_time():
            try:
                found = answer(file)
            except NmrflowError:
                continue
        assert np.isfinite(found).all()


def test_damaged_corpora_are_refused_or_whole(attack_scale: int, tmp_path: Path) -> None:
    draw, random_ = random.Random(2), np.random.default_rng(2)
    writer = CorpusWriter(tmp_path)
    for n in (30, 7):
        arrays = (random_.integers(0, 9, shape, np.uint8) for shape in ((n, 5), (n, 2, 3), n))
        writer.add(Shard(*arrays, random_.integers(0, 9, (n, 4), np.uint8)))
    writer.close(24)

    def rows() -> list[Any]:
        corpus = Corpus(tmp_path)
        index = np.arange(corpus.n_molecules)
        batch = corpus.__getitems__(list(range(len(corpus))))
        return [batch.x.numpy(), batch.code.numpy(), corpus.lengths(index), corpus.kinds(index)]

    expected, files = rows(), sorted(tmp_path.iterdir())
    for _ in range(10 * attack_scale):
        file = draw.choice(files)
        content = file.read_bytes()
        file.write_bytes(damaged(content, draw))
        with in_time(), suppress(DataError):
            assert all(map(np.array_equal, rows(), expected))
        file.write_bytes(content)


@pytest.fixture(scope="module")
def configuration() -> dict[str, Any]:
    """Of a small training in stages, as it is saved."""
    overrides = ["+experiment=elucidation", "model=irevnet_small", "logger=csv", "resume=x.ckpt"]
    with initialize_config_module("nmrflow.conf", version_base="1.3"):
        config = compose("train", overrides)
    return dict(OmegaConf.to_container(config))  # type: ignore[arg-type]


HOSTILE = [
    {"hydra": {"callbacks": {"x": {"_target_": "os.mkdir", "path": "{}"}}}},
    {"hydra": {"launcher": {"_target_": "os.mkdir", "path": "{}"}}},
    {"hydra": {"job_logging": {"handlers": {"x": {"()": "os.mkdir", "path": "{}"}}}}},
    {"hydra": {"job_logging": {"handlers": {"x": {"class": "logging.FileHandler", "f": "{}"}}}}},
    {"hydra": {"searchpath": ["pkg://antigravity"]}},
    {"hydra": {"job": {"env_set": {"PATH": "{}"}}}},
    {"model": {"_target_": "os.mkdir", "path": "{}"}},
    {"optimizer": {"_target_": "os.mkdir", "_args_": ["{}"]}},
    {"callbacks": {"x": {"_target_": "nmrflow.model.checkpoint.Path.mkdir", "self": "{}"}}},
    {"name": "${oc.env:SECRET}"},
    {"data": {"_target_": "nmrflow.data.corpus.CorpusWriter", "folder": "{}"}},
]


def aimed(node: Any, path: Path) -> Any:
    if isinstance(node, dict):
        return {key: aimed(value, path) for key, value in node.items()}
    if isinstance(node, list):
        return [aimed(value, path) for value in node]
    return str(path) if node == "{}" else node


def composed_and_built(folder: Path, run_dir: Path) -> None:
    """All that a training makes of a saved configuration before it reads data."""
    setup_globals()
    loader = ClosedLoader(create_config_search_path(str(folder)))
    config = loader.load_configuration("config", [], run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    config.pop("hydra")
    plain = to_plain(config, run_dir=str(run_dir))
    assert "told" not in json.dumps(plain, default=str)
    build_network(plain.get("model") or {}, 0)
    build(plain.get("data") or {}, object)
    build(plain.get("split") or {}, object)
    build(plain.get("loss") or {}, Objective)
    build(plain.get("optimizer") or {}, partial)
    callbacks = build_named(plain.get("callbacks"), Callback)
    build_named(plain.get("stages"), Stage)
    build(plain.get("trainer") or {}, pl.Trainer, callbacks=callbacks, logger=False)


@pytest.mark.filterwarnings("ignore")
def test_mutated_configurations_run_nothing(
    configuration: dict[str, Any],
    attack_scale: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "told")
    made, conf, draw = tmp_path / "made", tmp_path / "conf", random.Random(3)
    monkeypatch.chdir(tmp_path)
    conf.mkdir()
    for k in range(10 * attack_scale):
        content = changed(configuration, VALUES, draw) if k % 3 else configuration
        if k % 2:
            content = {**content, **aimed(draw.choice(HOSTILE), made)}
        text = yaml.safe_dump(content).encode()
        (conf / "config.yaml").write_bytes(damaged(text, draw) if k % 4 == 0 else text)
        with in_time(), suppress(NmrflowError, HydraException):
            composed_and_built(conf, tmp_path / "run")
        assert not made.exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"conf", "run"}
