"""Scores of a checkpoint: on its own validation side, or on other data."""

from functools import partial
from pathlib import Path
from typing import Any

import torch

from nmrflow.chem.codecs.none import NoCells
from nmrflow.config.building import build, check_counts
from nmrflow.console import outliving_readers, say, show_scores
from nmrflow.data.dataset import SpectrumDataset, say_off_scale
from nmrflow.data.records import Record, Source, SourceData
from nmrflow.data.splits import Sides, records_hash
from nmrflow.errors import ConfigError, DataError
from nmrflow.evaluation.samples import show_examples
from nmrflow.evaluation.scores_file import check_scores_writable, write_scores
from nmrflow.evaluation.scoring import SCORING, Scores, score
from nmrflow.model.pretrained import load
from nmrflow.model.trained import TrainedFlow

SETTINGS = (
    *("checkpoint", "data", "training_path", "split", "output", "examples", "n_threads"),
    *SCORING,
)
"""What conf/evaluation/evaluate.yaml holds."""


def score_checkpoint(plain: dict[str, Any]) -> Scores:
    """Score a checkpoint as ``conf/evaluation/evaluate.yaml`` describes.

    Returns:
        The conditions (checkpoint, data, split, seed, counts), every score, examples and the
        table of epochs; what is written to ``output``.

    Raises:
        ConfigError: If ``split`` is another word, or ``all`` without ``data.path``, or
            ``output`` cannot be written.
        DataError: If the data cannot be read, has changed, or has no record to score on.
    """
    check_counts(plain, n_threads=1)
    if plain["split"] not in ("validation", "all"):
        raise ConfigError(f"split={plain['split']}: validation or all")
    if plain["output"] is not None:
        check_scores_writable(Path(plain["output"]))
    if plain["split"] == "all" and plain["data"].get("path") is None:
        raise ConfigError("split=all scores every record of a file: give it as data.path=FILE")
    torch.set_num_threads(plain["n_threads"])
    with outliving_readers(writes_files=plain["output"] is not None):
        return _score(plain)


def _score(plain: dict[str, Any]) -> Scores:
    """The same of settings that are checked."""
    trained = load(str(plain["checkpoint"]))
    about = trained.description
    scoring = {**SCORING, **about["config"].get("scoring", {})}
    scoring |= {key: plain[key] for key in SCORING if plain[key] is not None}
    check_counts(scoring, n_samples=1, seed=0, n_records=1)
    source, data, sides = _read(trained, plain)
    if not sides.validation:
        raise DataError(f"{source.path}: no record is on the validation side; use split=all")
    say([*data.describe(), *say_off_scale(data.records, trained.axis)])
    if not sides.train:
        say("the data trained on are not at hand: no probes of z, and no learned prior")
    # Not every record of such a network has a table.
    codec = NoCells(trained.domain) if trained.codec.tells_hydrogens else trained.codec
    encode = partial(SpectrumDataset, codec=codec, axis=trained.axis)
    validation, train = encode(sides.validation), encode(sides.train) if sides.train else None
    ids = plain["examples"]
    if ids is not None:  # One may stand without brackets.
        ids = [str(one) for one in (ids if isinstance(ids, list) else [ids])]
    examples = show_examples(trained, sides.validation, sides.train, ids)
    scores = score(trained, validation, train, **{key: scoring[key] for key in SCORING})
    result = {
        "checkpoint": str(plain["checkpoint"]),
        "experiment": about["config"]["name"],
        "seed": about["config"]["seed"],
        "data": source.name,
        "data_path": source.path,
        "split": plain["split"],
        "split_seed": about["split_seed"],
        "scoring_seed": scoring["seed"],
        "n_excluded": data.n_excluded_total,
        "excluded": dict(data.n_excluded),
        **scores,
        "epochs": about.get("epochs", []),
        "examples": examples,
    }
    show_scores(f"{plain['split']}, n = {scores['n']}", scores)
    if plain["output"] is not None:
        write_scores(result, Path(plain["output"]))
        say(f"written {plain['output']}")
    return result


def _read(trained: TrainedFlow, plain: dict[str, Any]) -> tuple[Source, SourceData, Sides]:
    """The records to score on, and the training side's, as far as they are at hand.

    The training side is what the network was trained on; if those data cannot be read, that
    of the data given. A molecule that is scored is never in it.
    """
    own = plain["data"].get("path") is None
    at = plain["training_path"]
    source: Source = trained.source_at(at) if own else build(plain["data"], object)
    data = source.read()
    sides = trained.split.divide(data.records)
    if own and records_hash(sides.validation, trained.axis) != trained.description["split_sha256"]:
        raise DataError(
            f"{source.path or source.name}: is no longer the data that this checkpoint was "
            "trained on; to score on what it is now, give it as data.path"
        )
    train = sides.train if own else _own_training_side(trained, at) or sides.train
    scored = data.records if plain["split"] == "all" else sides.validation
    molecules = {record.structure.connectivity for record in scored}
    kept = (record for record in train if record.structure.connectivity not in molecules)
    return source, data, Sides(train=tuple(kept), validation=scored)


def _own_training_side(trained: TrainedFlow, path: str | None) -> tuple[Record, ...]:
    """Nothing if the data trained on are not given."""
    about = trained.description
    if path is None and "path" in about["config"]["data"]:
        return ()
    sides = trained.split.divide(trained.source_at(path).read().records)
    if records_hash(sides.validation, trained.axis) != about["split_sha256"]:
        if path is None:
            return ()  # Those of the package are others now.
        raise DataError(f"training_path={path}: is not the data that this checkpoint learned from")
    return sides.train
