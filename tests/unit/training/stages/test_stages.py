"""Stages: done once, resumed, done again where something changed; and what they may see."""

import copy
import json
import math
import multiprocessing
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nmrflow.training.stages.base
import nmrflow.training.stages.bonds
import nmrflow.training.stages.corpus
import nmrflow.training.stages.shifts
import nmrflow.workers
from nmrflow.chem.codecs.table import TableCodec
from nmrflow.chem.structure import Structure
from nmrflow.data.corpus import Corpus, EpochDraw, Mixed
from nmrflow.data.dataset import Batch, SpectrumDataset
from nmrflow.data.records import Record
from nmrflow.data.sources.assigned import AssignedShifts
from nmrflow.data.sources.embedded import Embedded
from nmrflow.errors import CheckpointError, ConfigError, TrainingError
from nmrflow.losses import LikelihoodLoss, Objective, Term
from nmrflow.model.network import Network, build_network
from nmrflow.spectra.axis import ShiftAxis
from nmrflow.spectra.peaks import Peak, PeakList
from nmrflow.training.shifts.ensemble import MeasuredSpectra
from nmrflow.training.stages import (
    BondStage,
    CorpusStage,
    ShiftStage,
    Stage,
    StageContext,
    run_stages,
)
from nmrflow.training.stages.base import ensemble_of
from nmrflow.training.stages.corpus import Errors, draw_codes

N_BINS = 128

# Where a stage is resumed its folder has files from before, and Lightning says so.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*exists and is not empty")]

NONE = AssignedShifts(None)
Weights = dict[str, Tensor]
Model = dict[str, Any]
Randomise = Callable[[nn.Module], nn.Module]


@pytest.fixture(scope="module")
def model(small_model: Callable[..., Model]) -> Model:
    return small_model(n_networks=2, width=8, n_steps=1)


@pytest.fixture(scope="module")
def records() -> tuple[Record, ...]:
    """60 of the generated molecules, the smallest among them."""
    every = Embedded().read().records
    return (*every[:12], *every[12::29][:48])


@pytest.fixture(scope="module")
def train(records: tuple[Record, ...]) -> tuple[Record, ...]:
    return tuple(record for k, record in enumerate(records) if k % 5)


@pytest.fixture(scope="module")
def excluded(records: tuple[Record, ...], train: tuple[Record, ...]) -> frozenset[str]:
    every = {record.structure.connectivity for record in records}
    return frozenset(every - {record.structure.connectivity for record in train})


@pytest.fixture
def context(
    model: Model, train: tuple[Record, ...], excluded: frozenset[str], tmp_path: Path
) -> StageContext:
    return StageContext(
        network=build_network(model, seed=3),
        train=train,
        excluded=excluded,
        folder=tmp_path / "stages",
        folders={},
        trainer={"accelerator": "cpu", "devices": 1, "max_epochs": 99},
        seed=3,
    )


def weights_of(network: Network) -> Weights:
    """Of the flow and of the forward side."""
    return copy.deepcopy(parts_of(network).state_dict())


def parts_of(network: Network) -> nn.ModuleDict:
    assert network.forward is not None
    return nn.ModuleDict({"flow": network.flow, "forward_": network.forward})


def equal(one: Weights, other: Weights) -> set[str]:
    """Names of the weights that are the same."""
    assert one.keys() == other.keys()
    return {name for name in one if torch.equal(one[name], other[name])}


# The order of things, with stages that do next to nothing.


class Noted(Stage):
    """Writes down what happens to it."""

    def __init__(self, notes: list[str], facts: dict[str, Any]) -> None:
        self.notes = notes
        self.facts = facts
        self.fails = False
        self.contexts: list[StageContext] = []
        self.left_before: list[list[str]] = []

    def run(self, context: StageContext) -> dict[str, Any]:
        self.notes.append(f"run {context.folder.name}")
        self.contexts.append(context)
        self.left_before.append(sorted(f.name for f in context.folder.glob("*.ckpt")))
        (context.folder / f"part{len(self.contexts)}.ckpt").write_text("so far")
        if self.fails:
            raise TrainingError("no more")
        return self.facts

    def load(self, context: StageContext) -> None:
        self.notes.append(f"load {context.folder.name}")
        self.contexts.append(context)


class Case:
    """Three such stages and their configuration."""

    def __init__(self, context: StageContext) -> None:
        self.context = context
        self.notes: list[str] = []
        self.stages = {
            name: Noted(self.notes, {f"fact_{name}": [1.5, name], "last": name}) for name in "abc"
        }
        self.described: dict[str, Any] = {
            "model": {"width": 1},
            "stages": {name: {"n": 1} for name in "abc"},
            "scoring": {"n_samples": 3},
        }

    def run(self, **changes: Any) -> dict[str, Any]:
        """Facts; what happened is in ``notes``."""
        self.notes.clear()
        return run_stages(self.stages, self.described, replace(self.context, **changes))


@pytest.fixture
def case(context: StageContext) -> Case:
    return Case(context)


def test_stages_run_in_order_and_see_the_folders_before(case: Case) -> None:
    facts = case.run()
    assert case.notes == ["run a", "run b", "run c"]
    seconds = facts.pop("stage_seconds")
    assert facts == {f"fact_{n}": [1.5, n] for n in "abc"} | {"last": "c"}
    assert list(seconds) == ["a", "b", "c"]
    assert all(isinstance(s, float) and s >= 0 for s in seconds.values())
    folder = case.context.folder
    for k, name in enumerate("abc"):
        (seen,) = case.stages[name].contexts
        assert seen.folder == folder / name
        assert seen.folder.is_dir()
        assert seen.folders == {earlier: folder / earlier for earlier in "abc"[:k]}
        assert seen.network is case.context.network
        assert (seen.train, seen.excluded, seen.seed) == (
            case.context.train,
            case.context.excluded,
            case.context.seed,
        )


def test_a_stage_that_is_done_is_loaded(case: Case) -> None:
    first = case.run()
    assert case.run() == first  # its facts and seconds are those of the first time
    assert case.notes == ["load a", "load b", "load c"]
    assert case.stages["c"].contexts[-1].folders == case.stages["c"].contexts[0].folders


def test_other_processes_wait_for_what_the_first_one_does(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_main_thread() -> bool:
        return threading.current_thread() is threading.main_thread()

    monkeypatch.setattr(nmrflow.training.stages.base, "is_first", in_main_thread)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(case.run)
        facts = Case(case.context).run()
        assert other.result(60) == facts
    assert case.notes == ["load a", "load b", "load c"]


def test_other_processes_take_part_in_stages_for_all_and_write_no_note(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = case.run()
    case.stages["c"].is_together = True
    note = case.context.folder / "c" / "done.json"
    note.unlink()  # The first process has only begun it.
    monkeypatch.setattr(nmrflow.training.stages.base, "is_first", lambda: False)
    found = case.run()
    assert case.notes == ["load a", "load b", "run c"]
    assert {**found, "stage_seconds": None} == {**facts, "stage_seconds": None}
    assert not note.exists()


def test_no_stages_give_no_facts(context: StageContext) -> None:
    assert run_stages({}, {"model": {}, "stages": None}, context) == {}
    assert not context.folder.exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", ["run a", "run b", "run c"]),
        ("b", ["load a", "run b", "run c"]),
        ("c", ["load a", "load b", "run c"]),
    ],
)
def test_another_configuration_reruns_a_stage_and_all_behind_it(
    case: Case, name: str, expected: list[str]
) -> None:
    case.run()
    case.described["stages"][name]["n"] = 2
    case.run()
    assert case.notes == expected
    case.run()
    assert case.notes == ["load a", "load b", "load c"]


@pytest.mark.parametrize("what", ["model", "train", "codes", "excluded", "seed", "elsewhere"])
def test_what_else_makes_all_stages_run_again(case: Case, what: str) -> None:
    case.run()
    train = case.context.train
    changes: dict[str, Any] = {
        "train": {"train": train[1:]},
        "codes": {"train": (replace(train[0], peaks=PeakList((Peak(0.7),))), *train[1:])},
        "excluded": {"excluded": case.context.excluded | {"CCO"}},
        "seed": {"seed": 4},
    }.get(what, {})
    if what == "model":
        case.described["model"]["width"] = 2
    case.described["scoring"]["n_samples"] = 4  # of no account
    case.run(**changes)
    verb = "load" if what == "elsewhere" else "run"
    assert case.notes == [f"{verb} {name}" for name in "abc"]


def test_the_order_of_records_makes_none_run_again(case: Case) -> None:
    case.run()
    case.run(train=case.context.train[::-1])
    assert case.notes == ["load a", "load b", "load c"]


def test_the_network_of_the_bonds_is_of_no_account_to_the_forward_side() -> None:
    model = {"domain": 0, "codec": 1, "axis": 2, "forward": 3, "flow": {"conditional": 4}}
    other = {**model, "flow": {"conditional": 5}}
    third = {**model, "forward": 4}
    made = stages()
    for name, depends in (("shifts", False), ("corpus", False), ("bonds", True)):

        def of(which: dict[str, Any], stage: Stage = made[name]) -> Any:
            return stage.conditions({"n": 1}, which)

        assert of(model) == of(model) != of(third)
        assert (of(model) != of(other)) == depends


def test_an_interrupted_stage_is_run_again_where_it_stopped(case: Case) -> None:
    case.stages["b"].fails = True
    for _ in range(2):
        with pytest.raises(TrainingError, match="no more"):
            case.run()
    assert case.notes == ["load a", "run b"]
    case.stages["b"].fails = False
    facts = case.run()
    assert case.notes == ["load a", "run b", "run c"]
    # What it had left was there each time.
    left = [[], ["part1.ckpt"], ["part1.ckpt", "part2.ckpt"]]
    assert case.stages["b"].left_before == left
    assert set(facts["stage_seconds"]) == set("abc")


@pytest.mark.parametrize("finished", [True, False])
def test_what_was_left_under_other_conditions_is_not_gone_on_from(
    case: Case, finished: bool
) -> None:
    """A checkpoint of another training side may have seen what must not be seen."""
    if finished:
        case.run()
    else:
        case.stages["b"].fails = True
        with pytest.raises(TrainingError):
            case.run()
        case.stages["b"].fails = False
    case.run(train=case.context.train[1:])
    assert case.notes == ["run a", "run b", "run c"]
    assert case.stages["b"].left_before == [[], []]
    # Back again: neither what the first left counts, nor what the second did.
    case.run()
    assert case.notes == ["run a", "run b", "run c"]
    assert case.stages["b"].left_before == [[], [], []]


def flipped(file: Path, k: int) -> None:
    content = bytearray(file.read_bytes())
    content[k] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", "null", '{"digest": "other", "facts": {}}', "\x00", "[" * 9999]
)
def test_a_damaged_note_is_refused(case: Case, text: str) -> None:
    case.run()
    (case.context.folder / "b" / "done.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"b/done\.json: is not as .* remove the folder"):
        case.run()


def test_no_bit_of_a_note_may_be_another(case: Case) -> None:
    facts = case.run()
    note = case.context.folder / "b" / "done.json"
    whole = note.read_bytes()
    for k in range(0, len(whole), 7):
        flipped(note, k)
        with pytest.raises(CheckpointError, match=r"done\.json: is not as"):
            case.run()
        note.write_bytes(whole)
    assert case.run() == facts


@pytest.mark.parametrize("change", ["flipped", "removed", "another"])
def test_what_a_stage_keeps_is_as_it_was_left(case: Case, change: str) -> None:
    case.stages["b"].keeps = ("part1.ckpt",)
    case.run()
    file = case.context.folder / "b" / "part1.ckpt"
    if change == "flipped":
        flipped(file, 2)
    elif change == "removed":
        file.unlink()
    else:
        file.write_text("of another training")
    with pytest.raises(CheckpointError, match=r"b/part1\.ckpt: is not as .* remove the folder"):
        case.run()


@pytest.mark.parametrize("name", ["../else", "/tmp/else", "..", "a/b", "", ".a", "a b"])
def test_a_stage_has_the_name_of_a_folder_of_its_own(case: Case, name: str) -> None:
    case.stages = {name: case.stages["a"]}
    case.described["stages"] = {name: {"n": 1}}
    with pytest.raises(ConfigError, match="a name of letters"):
        case.run()
    assert not case.context.folder.exists()


def test_what_is_of_no_stage_is_neither_gone_on_from_nor_removed(case: Case) -> None:
    foreign = case.context.folder / "b"
    foreign.mkdir(parents=True)
    (foreign / "part9.ckpt").write_text("of whatever")
    with pytest.raises(ConfigError, match=r"stages/b: .* of no stage; move it away"):
        case.run()
    assert (foreign / "part9.ckpt").read_text() == "of whatever"


def test_what_another_run_has_begun_is_not_gone_on_from(case: Case) -> None:
    """As a folder copied from another run, unfinished or of another configuration."""
    foreign = case.context.folder / "b"
    (foreign / "deep").mkdir(parents=True)
    for name in ("part9.ckpt", "begun", "deep/more"):
        (foreign / name).write_text("of whatever")
    case.run()
    assert case.stages["b"].left_before == [[]]
    assert not (foreign / "deep").exists()


@pytest.mark.parametrize("error", [KeyError("state_dict"), RuntimeError("size mismatch\nmore")])
def test_what_cannot_be_loaded_says_what_to_do(
    case: Case, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: StageContext) -> None:
        raise error

    case.run()
    monkeypatch.setattr(case.stages["b"], "load", fail)
    with pytest.raises(CheckpointError, match=r"b: what this stage has left .*remove the folder"):
        case.run()


def test_stages_need_a_forward_side(context: StageContext, model: Model) -> None:
    plain = copy.deepcopy(model)
    del plain["forward"]
    with pytest.raises(ConfigError, match=r"model\.forward"):
        ensemble_of(build_network(plain, 0))
    assert ensemble_of(context.network) is context.network.forward


# The stages themselves.


def likelihood() -> Objective:
    return Objective(likelihood=Term(LikelihoodLoss(), 1.0, "x"))


def stages(assigned: str | None = None, **bonds: Any) -> dict[str, Stage]:
    return {
        "shifts": ShiftStage(
            source=AssignedShifts(assigned), pretraining_epochs=1, fine_tuning_epochs=1
        ),
        "corpus": CorpusStage(n=60, n_draws=3, shard_size=50),
        "bonds": BondStage(
            **{
                "corpus": "corpus",
                "objective": likelihood(),
                "n_molecules": 64,
                "n_epochs": 2,
                "batch_size": 16,
            }
            | {"share_measured": 0.25}
            | bonds
        ),
    }


@pytest.fixture(scope="module")
def described(model: Model) -> dict[str, Any]:
    return {"model": model, "stages": {"shifts": {}, "corpus": {}, "bonds": {}}}


class Run:
    """What the stages did once, for several tests to look at."""

    def __init__(self, context: StageContext, described: dict[str, Any]) -> None:
        self.context = context
        network = context.network
        self.after: dict[str, Weights] = {"": weights_of(network)}
        self.batches: list[Batch] = []
        noting = pytest.MonkeyPatch()
        read = Mixed.__getitems__

        def note(mixed: Mixed, indices: list[int]) -> Batch:
            self.batches.append(read(mixed, indices))
            return self.batches[-1]

        noting.setattr(Mixed, "__getitems__", note)
        with noting.context():
            for n in (1, 2, 3):
                part = dict(islice(stages().items(), n))
                self.facts = run_stages(part, described, context)
                self.after[list(part)[-1]] = weights_of(network)
        noting.undo()


@pytest.fixture(scope="module")
def done(
    model: Model,
    described: dict[str, Any],
    train: tuple[Record, ...],
    excluded: frozenset[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    folder = tmp_path_factory.mktemp("run") / "stages"
    trainer = {"accelerator": "cpu", "devices": 1}
    torch.set_num_threads(1)
    network = build_network(model, 3)
    context = StageContext(network, train, excluded, folder, {}, trainer, seed=3)
    return Run(context, described)


def is_spectrum(name: str) -> bool:
    return name.startswith("forward_.")


def test_every_stage_leaves_its_files(done: Run) -> None:
    def names(stage: str) -> set[str]:
        return {file.name for file in (done.context.folder / stage).iterdir()}

    assert {"shifts.ckpt", "done.json"} <= names("shifts")
    assert {"corpus.json", "shard_0000_cells.npy", "done.json"} <= names("corpus")
    assert {"last.ckpt", "done.json"} <= names("bonds")


def test_facts_are_plain_values(done: Run) -> None:
    facts = json.loads(json.dumps(done.facts))
    assert facts == done.facts
    assert facts["n_assigned"] == 0
    assert len(facts["logit_thresholds"]) == N_BINS
    assert 0 < facts["unseen"]["n"] < len(done.context.train)
    assert facts["unseen"]["log_loss"] > 0
    assert facts["n_corpus"] == 60 + len({r.structure.connectivity for r in done.context.train})
    assert len(facts["bonds_nats"]) == 2
    assert all(nats > 0 for nats in facts["bonds_nats"])
    assert set(facts["stage_seconds"]) == {"shifts", "corpus", "bonds"}


def test_each_stage_trains_its_own_part(done: Run) -> None:
    every = set(done.after[""])
    spectrum = {name for name in every if is_spectrum(name)}
    assert spectrum
    assert every - spectrum
    assert equal(done.after[""], done.after["shifts"]) == every - spectrum
    assert equal(done.after["shifts"], done.after["corpus"]) == every
    assert equal(done.after["corpus"], done.after["bonds"]) == spectrum


def test_the_forward_side_stays_frozen(done: Run) -> None:
    parts = parts_of(done.context.network)
    trained = {n for n, p in parts.named_parameters() if p.requires_grad}
    assert trained
    assert {n for n, _ in parts.named_parameters() if is_spectrum(n)} == {
        n for n, p in parts.named_parameters() if not p.requires_grad
    }
    assert not any(module.training for part in parts.values() for module in part.modules())


def test_done_stages_are_loaded_into_a_fresh_network(
    done: Run, described: dict[str, Any], randomised: Randomise
) -> None:
    network = build_network(described["model"], 3)
    randomised(parts_of(network))
    fresh = replace(done.context, network=network)
    ours = stages()
    for name in ("shifts", "corpus", "bonds"):
        folders = {n: done.context.folder / n for n in ours}
        ours[name].load(replace(fresh, folder=folders[name], folders=folders))
        same = equal(weights_of(network), done.after[name])
        wanted = set(done.after[""]) if name == "bonds" else set(filter(is_spectrum, same))
        assert same == wanted
    parts = parts_of(network)
    assert {n for n, p in parts.named_parameters() if not p.requires_grad} == {
        n for n, _ in parts.named_parameters() if is_spectrum(n)
    }
    again = build_network(described["model"], 3)
    assert run_stages(ours, described, replace(done.context, network=again)) == done.facts
    assert equal(weights_of(again), done.after["bonds"]) == set(done.after[""])


def test_the_corpus_holds_canonical_molecules_with_codes(done: Run) -> None:
    corpus = Corpus(done.context.folder / "corpus")
    assert (corpus.n_molecules, corpus.n_draws) == (done.facts["n_corpus"], 3)
    assert corpus.n_bins == N_BINS
    assert len(list((done.context.folder / "corpus").glob("*_cells.npy"))) == -(
        -corpus.n_molecules // 50
    )
    codec = done.context.network.codec
    batch = corpus.__getitems__(list(range(len(corpus))))
    structures = [codec.decode(x) for x in batch.x.numpy()[::3]]
    names = [structure.connectivity for structure in structures]
    assert len(set(names)) == len(names)
    assert {r.structure.connectivity for r in done.context.train} <= set(names)
    lengths = corpus.lengths(np.arange(len(names)))
    assert lengths.tolist() == [s.n_atoms + len(s.bonds) for s in structures]
    n_peaks = batch.code.sum(1).reshape(-1, 3)
    assert (n_peaks.amax(1) <= torch.tensor([s.n_atoms + 3 for s in structures])).all()
    assert n_peaks.sum() > 0
    codes = batch.code.reshape(-1, 3, N_BINS)
    assert not torch.equal(codes[:, 0], codes[:, 1])  # each draw another


def test_bonds_are_trained_on_other_molecules_each_epoch(done: Run) -> None:
    """Lightning must tell the draw its epoch, or a training sees one epoch again and again."""
    assert len(done.batches) == 4  # two epochs of two batches
    first, second = done.batches[:2], done.batches[2:]
    for mine in first:
        assert mine.x.shape == (16, 136)
        assert not any(torch.equal(mine.x, other.x) for other in second)


def test_measured_records_are_those_of_the_training_side(done: Run) -> None:
    network = done.context.network
    measured = SpectrumDataset(done.context.train, network.codec, network.axis)
    known = {(x.tobytes(), c.tobytes()) for x, c in pairs(measured.x, measured.code)}
    for batch in done.batches:
        found = [(x.tobytes(), c.tobytes()) in known for x, c in pairs(*batch)]
        assert all(found[-4:])  # a quarter of 16
        assert not all(found[:-4])


def pairs(x: Tensor, code: Tensor) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    return zip(x.byte().numpy(), code.byte().numpy(), strict=True)


def test_a_training_that_was_interrupted_ends_as_one_that_was_not(
    done: Run, model: Model, context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = context.folder / "bonds"
    folder.mkdir(parents=True)
    folders = {"corpus": done.context.folder / "corpus"}
    read = Mixed.__getitems__
    n_read = 0

    def fail_in_the_second_epoch(mixed: Mixed, indices: list[int]) -> Batch:
        nonlocal n_read
        n_read += 1
        if n_read == 4:
            raise TrainingError("pulled the plug")
        return read(mixed, indices)

    def begin() -> tuple[Network, StageContext]:
        network = build_network(model, 3)
        parts_of(network).load_state_dict(done.after["corpus"])
        ensemble_of(network).requires_grad_(requires_grad=False)
        return network, replace(context, network=network, folder=folder, folders=folders)

    with monkeypatch.context() as broken:
        broken.setattr(Mixed, "__getitems__", fail_in_the_second_epoch)
        network, own = begin()
        with pytest.raises(TrainingError, match="plug"):
            stages()["bonds"].run(own)
    assert (folder / "last.ckpt").exists()
    assert equal(weights_of(network), done.after["bonds"]) != set(done.after[""])
    network, own = begin()
    monkeypatch.setattr(Mixed, "__getitems__", fail_in_the_second_epoch)  # counts on
    facts = stages()["bonds"].run(own)
    assert n_read == 4 + 2  # the second epoch alone
    assert facts["bonds_nats"] == done.facts["bonds_nats"]
    assert equal(weights_of(network), done.after["bonds"]) == set(done.after[""])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_same_seed_gives_the_same_labels_from_any_number_of_processes(
    context: StageContext, done: Run, n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those of the next test begin from nothing; these need not import what is there.
    monkeypatch.setattr(nmrflow.workers, "_SPAWN", multiprocessing.get_context("fork"))
    parts_of(context.network).load_state_dict(done.after["shifts"])
    own = replace(context, folder=context.folder / "corpus", n_threads=n_threads)
    stages()["corpus"].run(own)
    names = {file.name for file in (done.context.folder / "corpus").glob("*.npy")}
    assert {file.name for file in own.folder.glob("*.npy")} == names
    for name in names:
        before = (done.context.folder / "corpus" / name).read_bytes()
        assert (own.folder / name).read_bytes() == before


def test_networks_trained_side_by_side_are_those_trained_in_turn(
    context: StageContext, done: Run
) -> None:
    own = replace(context, folder=context.folder / "shifts", n_threads=2)
    own.folder.mkdir(parents=True)
    stages()["shifts"].run(own)
    every = set(done.after["shifts"])
    assert equal(weights_of(context.network), done.after["shifts"]) == every


BONDS: dict[str, Any] = {"corpus": "corpus", "objective": likelihood(), "n_molecules": 1}


@pytest.mark.parametrize(
    ("stage", "wrong"),
    [
        (ShiftStage, {"source": NONE, "fine_tuning_epochs": 0}),
        (CorpusStage, {"n": 1, "n_draws": 0}),
        (BondStage, {**BONDS, "batch_size": 0}),
    ],
)
def test_impossible_counts_are_refused(stage: Callable[..., Stage], wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        stage(**wrong)


@pytest.mark.parametrize(
    ("stage", "wrong", "reason"),
    [
        (BondStage, {**BONDS, "share_alike": 1.2}, "share_alike"),
        (BondStage, {**BONDS, "share_measured": -1}, "share_measured"),
        (CorpusStage, {"n": 1, "drop": 7}, "drop=7"),
        (CorpusStage, {"n": 1, "stray": None}, "stray=None"),
        (AssignedShifts, {"path": None, "table_path": "t.csv"}, "of no use without"),
        (ShiftStage, {"source": NONE, "rehearsal_weight": -1.0}, "rehearsal_weight=-1"),
        (ShiftStage, {"source": NONE, "rehearsal_weight": math.inf}, "rehearsal_weight"),
    ],
)
def test_impossible_settings_are_refused(
    stage: Callable[..., object], wrong: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        stage(**wrong)


def test_a_corpus_that_no_stage_makes_is_refused(context: StageContext) -> None:
    with pytest.raises(ConfigError, match=r"corpus=other: .*there are none"):
        stages(corpus="other")["bonds"].run(context)


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_draws_follow_resemblance_as_far_as_asked(
    share: float, done: Run, context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, np.ndarray] = {}

    def resembling(measured: np.ndarray, corpus: Corpus, _: int) -> np.ndarray:
        seen["measured"] = measured
        return np.arange(corpus.n_molecules) / np.arange(corpus.n_molecules).mean()

    class Watched(EpochDraw):
        def __init__(self, *args: Any, **settings: Any) -> None:
            seen["weights"] = settings["weights"]
            super().__init__(*args, **settings)

    monkeypatch.setattr(nmrflow.training.stages.bonds, "resemblance", resembling)
    monkeypatch.setattr(nmrflow.training.stages.bonds, "EpochDraw", Watched)
    own = replace(context, folders={"corpus": done.context.folder / "corpus"})
    own.folder.mkdir(parents=True)
    stages(share_alike=share, n_molecules=16, n_epochs=1)["bonds"].run(own)
    n = len(seen["weights"])
    alike = np.arange(n) / np.arange(n).mean()
    np.testing.assert_allclose(seen["weights"], 1 - share + share * alike)
    assert ("measured" in seen) == (share > 0)
    if share:  # Of the training side, each molecule once.
        names = sorted({r.structure.connectivity for r in context.train})
        features = ensemble_of(context.network).features
        graphs = [context.network.graph(Structure.from_smiles(name)) for name in names]
        kinds = [features.count_kinds(graph) for graph in graphs]
        np.testing.assert_array_equal(seen["measured"], np.stack(kinds))


def test_codes_are_drawn_with_their_errors(model: Model, randomised: Randomise) -> None:
    whole = build_network(model, 0)
    network = randomised(ensemble_of(whole).ensemble.networks[0])
    axis, codec, features = ShiftAxis(), whole.codec, ensemble_of(whole).features
    assert isinstance(codec, TableCodec)
    molecules = [codec.canonical(c, features) for c in ("CC", "c1ccccc1", "CC#CC=CC")]

    def draw(drop: float, stray: float, seed: int = 0) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        errors = Errors(drop, stray)
        return draw_codes(network, molecules, axis, errors, n_draws=200, generator=generator)

    clean = draw(0.0, 0.0)
    assert clean.shape == (3, 200, N_BINS)
    assert set(np.unique(clean)) == {0, 1}
    assert (clean[:2].sum(2) == 1).all()  # their carbons are equivalent: one shift
    assert (clean[2].sum(1) <= 6).all()
    assert (clean.sum(2) >= 1).all()
    np.testing.assert_array_equal(draw(0.0, 0.0), clean)
    assert (draw(0.0, 0.0, seed=1) != clean).any()
    assert draw(1.0, 0.0).sum() == 0
    assert draw(1.0, 0.25).mean() == pytest.approx(0.25, abs=0.01)
    kept = draw(0.4, 0.0)[:2].sum() / 400
    assert kept == pytest.approx(0.6, abs=0.1)


# Nothing of the validation side may teach anything.


def chain(elements: str) -> str:
    """A V2000 block of a chain; elements are given by one letter each."""
    n = len(elements)
    lines = ["invented", "", "", f"{n:3}{n - 1:3}  0  0  0  0            999 V2000"]
    lines += [f"{i:10.4f}{0:10.4f}{0:10.4f} {e}   0  0" for i, e in enumerate(elements)]
    lines += [f"{k:3}{k + 1:3}  1  0" for k in range(1, n)]
    return "\n".join([*lines, "M  END", ""])


def assigned_record(elements: str, number: int) -> str:
    carbon = elements.index("C")
    return (
        chain(elements)
        + f">  <nmrshiftdb2 ID>  (1) \n{number}\n\n"
        + f">  <Spectrum 13C 0>  (1) \n20.{number};0.0Q;{carbon}|\n\n$$$$\n"
    )


class Seen:
    """Connectivities that reached each place where something is learned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pretraining: list[set[str]] = []
        self.fine_tuning: set[str] = set()
        self.seeds: set[str] = set()
        self.measured: set[str] = set()
        shifts, corpus, bonds = (
            nmrflow.training.stages.shifts,
            nmrflow.training.stages.corpus,
            nmrflow.training.stages.bonds,
        )
        pretrain, ensemble = shifts.pretrain, shifts.train_ensemble
        generate, dataset = corpus.generate_molecules, bonds.SpectrumDataset

        def seen_pretrain(molecules: Iterable[Any], **settings: Any) -> nn.Module:
            given = list(molecules)
            self.pretraining.append({m.structure.connectivity for m in given})
            return pretrain(given, **settings)

        def seen_ensemble(pretrained: Any, spectra: MeasuredSpectra, **settings: Any) -> Any:
            self.fine_tuning |= {s.connectivity for s in spectra.structures}
            self.spectra = spectra
            self.rehearsal = settings["how"].rehearsal
            return ensemble(pretrained, spectra, **settings)

        def seen_seeds(seeds: list[Structure], *args: Any, **settings: Any) -> Any:
            self.seeds |= {s.connectivity for s in seeds}
            return generate(seeds, *args, **settings)

        def seen_dataset(records: Iterable[Record], *args: Any) -> Any:
            self.measured |= {r.structure.connectivity for r in records}
            return dataset(tuple(records), *args)

        monkeypatch.setattr(shifts, "pretrain", seen_pretrain)
        monkeypatch.setattr(shifts, "train_ensemble", seen_ensemble)
        monkeypatch.setattr(corpus, "generate_molecules", seen_seeds)
        monkeypatch.setattr(bonds, "SpectrumDataset", seen_dataset)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


def test_nothing_of_the_validation_side_enters_a_stage(
    seen: Seen, context: StageContext, described: dict[str, Any], tmp_path: Path
) -> None:
    known = {r.structure.connectivity for r in context.train}
    chains = {"C" * n for n in range(2, 10)}
    trained_on, held = min(chains & known), min(chains & context.excluded)
    sdf = tmp_path / "export.sdf"
    # Of the validation side, of the training side, of neither; of other elements two, one of
    # them excluded and drawn backwards.
    molecules = [held, trained_on, "C" * 16, "CCO", "NCCC", "OCCC"]
    sdf.write_text("".join(assigned_record(m, k) for k, m in enumerate(molecules)))
    own = replace(context, excluded=context.excluded | {"CCCO"})
    facts = run_stages(stages(str(sdf)), described, own)
    assert seen.pretraining == [{"CCO", "CCCN"}]
    assert facts["n_assigned"] == 2
    rehearsed = [graph.edges.tolist() for graph in seen.rehearsal.assigned.graphs]
    kept = [Structure.from_smiles(m) for m in ("CCO", "NCCC")]
    assert rehearsed == [own.network.graph(m).edges.tolist() for m in kept]
    for entered in (seen.fine_tuning, seen.seeds, seen.measured):
        assert entered == known
        assert not entered & own.excluded
    fine_bins = [tuple(np.flatnonzero(row)) for row in seen.spectra.fine_codes]
    axis = own.network.axis
    assert fine_bins == [axis.occupied(record.peaks.shifts_ppm) for record in own.train]


def test_members_begin_from_networks_of_their_own(
    seen: Seen, context: StageContext, tmp_path: Path
) -> None:
    sdf = tmp_path / "export.sdf"
    sdf.write_text("".join(assigned_record(m, k) for k, m in enumerate(["CCO", "CCCN"])))
    stage = ShiftStage(
        source=AssignedShifts(str(sdf)),
        n_pretrained=2,
        pretraining_epochs=1,
        fine_tuning_epochs=1,
    )
    own = replace(context, folder=context.folder / "shifts")
    own.folder.mkdir(parents=True)
    stage.run(own)
    assert seen.pretraining == [{"CCO", "CCCN"}] * 2
    one, other = (n.state_dict() for n in ensemble_of(context.network).ensemble.networks)
    assert not equal(dict(one), dict(other))


def test_another_run_ends_the_same_from_the_training_side_alone(
    done: Run, described: dict[str, Any], context: StageContext
) -> None:
    run_stages(stages(), described, context)
    assert equal(weights_of(context.network), done.after["bonds"]) == set(done.after[""])
    corpus = Corpus(context.folder / "corpus")
    first = corpus.__getitems__([3 * k for k in range(len(context.train))])
    seeds = {context.network.codec.decode(x).connectivity for x in first.x.numpy()}
    assert seeds == {r.structure.connectivity for r in context.train}
