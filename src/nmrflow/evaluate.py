"""Score a checkpoint: ``python -m nmrflow.evaluate checkpoint=RUN output=scores.json``."""

import gc
import json
from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig

from nmrflow.config import ALLOWED_IN_CHECKPOINT, build, check_counts, to_plain
from nmrflow.console import quiet_libraries, say, show_scores
from nmrflow.data.dataset import SpectrumDataset
from nmrflow.data.records import Source
from nmrflow.data.splits import records_hash
from nmrflow.errors import ConfigError, DataError, errors_for_people
from nmrflow.inference import load_checkpoint
from nmrflow.scoring import score_network


def evaluate(config: DictConfig) -> dict[str, Any]:
    """Score a checkpoint as ``conf/evaluation/evaluate.yaml`` describes.

    Returns:
        The conditions (checkpoint, data, split, seed, counts) and every score; what is
        written to ``output``.

    Raises:
        ConfigError: If ``split`` is another word, or ``all`` without ``data.path``, or
            ``output`` cannot be written.
        DataError: If the data cannot be read, has changed, or has no record to score on.
    """
    plain = to_plain(config)
    check_counts(plain, n_threads=1)
    if plain["split"] not in ("validation", "all"):
        raise ConfigError(f"split={plain['split']}: validation or all")
    path = plain["data"].get("path")
    if plain["split"] == "all" and path is None:
        raise ConfigError("split=all scores every record of a file: give it as data.path=FILE")
    torch.set_num_threads(plain["n_threads"])

    trained = load_checkpoint(plain["checkpoint"])
    about = trained.description
    if path is None:
        own = about["config"]["data"]
        located = own | {"path": about["data_path"]} if "path" in own else own
        source: Source = build(located, object, ALLOWED_IN_CHECKPOINT)
    else:
        source = build(plain["data"], object)
    data = source.read(trained.axis)
    records = data.records
    if plain["split"] == "validation":
        records = trained.split.divide(records).validation
        if path is None and records_hash(records) != about["split_sha256"]:
            raise DataError(
                f"{source.path or source.name}: is no longer the data that this checkpoint was "
                "trained on; to score on what it is now, give it as data.path"
            )
    if not records:
        raise DataError(f"{source.path}: no record is on the validation side; use split=all")
    dataset = SpectrumDataset(records, trained.codec, trained.axis)
    scores = score_network(trained.network, dataset, about["training_side"])
    result = {
        "checkpoint": str(plain["checkpoint"]),
        "experiment": about["config"]["name"],
        "seed": about["config"]["seed"],
        "data": source.name,
        "data_path": source.path,
        "split": plain["split"],
        "split_seed": about["split_seed"],
        "n_excluded": data.n_excluded_total,
        "excluded": dict(data.n_excluded),
        **scores,
    }
    say(data.describe())
    show_scores(f"{plain['split']}, n = {scores['n']}", scores)
    if plain["output"] is not None:
        output = Path(plain["output"])
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(result, indent=2) + "\n")
        except OSError as error:
            raise ConfigError(f"output={output}: cannot be written ({error})") from error
        say(f"written {output}")
    return result


@hydra.main(
    version_base="1.3", config_path="pkg://nmrflow.conf.evaluation", config_name="evaluate"
)
def main(config: DictConfig) -> None:
    """Hydra's entry."""
    quiet_libraries()
    with errors_for_people():
        evaluate(config)


if __name__ == "__main__":
    # What has been imported stays: without this Python walks all of it once more at exit, which
    # takes a second. Here and not in main(), which a multirun enters once a job.
    gc.freeze()
    main()
