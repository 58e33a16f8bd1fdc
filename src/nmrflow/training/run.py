"""One run: what a configuration describes is built, trained in stages, and scored."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from nmrflow.chem.codecs.none import NoCells
from nmrflow.config.building import (
    build,
    build_by_name,
    build_named,
    check_counts,
    check_settings,
    to_plain,
)
from nmrflow.console import outliving_readers, say, show_scores, silence
from nmrflow.errors import ConfigError
from nmrflow.evaluation.samples import show_examples
from nmrflow.evaluation.scores_file import EVALUATION, find_finished, write_scores
from nmrflow.evaluation.scoring import Scores, score
from nmrflow.files.writing import owned, written_whole
from nmrflow.losses import Objective
from nmrflow.model import checkpoint as checkpoints
from nmrflow.model.network import Network, build_network
from nmrflow.model.trained import TrainedFlow
from nmrflow.training.callbacks import AtomicCheckpointIO
from nmrflow.training.datamodule import SpectrumDataModule
from nmrflow.training.module import FlowModule
from nmrflow.training.processes import check_processes, is_first
from nmrflow.training.resume import configuration_digest, find_resumable
from nmrflow.training.stages import Stage, StageContext, run_stages, stage_digests
from nmrflow.training.tracking import EpochWandbLogger, one_run

_PARTS = {
    "scoring": ("complete", "n_samples", "seed", "n_records"),
    "ranking": ("log_p_weight", "density_weight"),
}
_SETTINGS = (
    *("data", "split", "model", "loss", "optimizer", "trainer", "callbacks", "logger", "stages"),
    *("name", "seed", "batch_size", "n_threads", "keep_finished", "resume", "run_dir"),
    "proposal_ranking",
    *_PARTS,
)
"""What a training reads: conf/train.yaml has them all."""


def train(config: DictConfig, run_dir: Path) -> Scores:
    """Train what a composed configuration describes, in ``run_dir``.

    Returns:
        The last epoch's scores on the validation side with their conditions, as in
        ``run_dir/evaluation.json``. Of processes that train together only the first one
        scores and writes; the others return nothing.

    Raises:
        DataError: If another run is writing into the folder.
        NmrflowError: As what is built, read and resumed from raises.
    """
    plain = _checked(config, run_dir)
    torch.set_num_threads(plain["n_threads"])
    if not is_first():
        silence()
        return _train(config, plain, run_dir)
    with outliving_readers(), owned(run_dir):
        return _train(config, plain, run_dir)


def _checked(config: DictConfig, run_dir: Path) -> dict[str, Any]:
    """The configuration as plain values, with what is asked of each whole number."""
    check_settings(config, _SETTINGS)
    for part in (*_PARTS, "split", "trainer"):
        if not isinstance(config[part], DictConfig):
            raise ConfigError(f"{part}={config[part]}: a group of settings is needed")
    for part, names in _PARTS.items():
        check_settings(config[part], names)
    plain = to_plain(config, run_dir=str(run_dir))
    check_counts(plain, seed=0, n_threads=1, batch_size=1)
    check_counts(plain["split"], seed=0)
    check_counts(plain["trainer"], max_epochs=1)
    check_counts(plain["scoring"], n_samples=1, seed=0, n_records=1)
    return plain


def _train(config: DictConfig, plain: dict[str, Any], run_dir: Path) -> Scores:
    """The same in a folder that nobody else writes into."""
    say(f"run {run_dir}\nseed {plain['seed']}, {plain['n_threads']} thread(s)")

    network = build_network(plain["model"], plain["seed"])
    data = SpectrumDataModule(
        source=build(plain["data"], object),
        split=build(plain["split"], object),
        # Stages encode what they train on, and leave out what has no table.
        codec=network.codec if plain["loss"] else NoCells(network.domain),
        axis=network.axis,
        batch_size=plain["batch_size"],
        seed=plain["seed"],
    )
    say(data.describe())
    stages = _stages(plain, network)
    context = StageContext(
        network=network,
        train=data.train_set.records,
        excluded=data.excluded_connectivities(),
        folder=run_dir / "stages",
        folders={},
        trainer=plain["trainer"],
        seed=plain["seed"],
        n_threads=plain["n_threads"],
    )
    description: dict[str, Any] = {
        "config": to_plain(config, run_dir="RUN"),  # a checkpoint may move
        **data.provenance(),
        "stages_sha256": stage_digests(stages, plain, context),
        "training_side": data.summarise(),
    }
    module = _module(network, plain, description)
    digest = configuration_digest(description)
    if plain["keep_finished"] and (finished := find_finished(run_dir, digest)):
        say(f"finished before, kept: {run_dir}")
        return finished
    # What may be refused comes before the stages, which take long.
    resume = plain["resume"] and find_resumable(plain["resume"], description)
    trainer = _trainer(plain, run_dir)
    description["training_side"] |= _run_stages(stages, plain, context, resume)
    last = run_dir / "checkpoints" / "last.ckpt"
    if is_first():
        # From here on they would be those of another training.
        (run_dir / EVALUATION).unlink(missing_ok=True)
    with one_run():
        for logger in trainer.loggers:
            logger.log_hyperparams(plain)
        if module is not None:
            trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
        if not trainer.is_global_zero:
            return {}
        if module is None:
            _keep(network, description, last)
        elif resume and not last.exists():  # It had all its epochs, in another folder.
            with written_whole(last) as unfinished:
                shutil.copyfile(resume, unfinished)
        trained = TrainedFlow(network, description)
        scores = {**_score(trained, data, plain), "configuration_sha256": digest}
        for logger in trainer.loggers:
            if isinstance(logger, EpochWandbLogger):
                logger.log_evaluation(scores)
    write_scores(scores, run_dir / EVALUATION)
    show_scores(f"validation side, n = {scores['n']}", scores)
    say(f"checkpoint {last}")
    return scores


def _stages(plain: Mapping[str, Any], network: Network) -> dict[str, Stage]:
    stages = build_by_name(plain["stages"], Stage)
    if not stages and not (network.has_flow and plain["loss"]):
        raise ConfigError(
            "there are no stages, and model.flow or loss is null: nothing would be trained"
        )
    return stages


def _run_stages(
    stages: Mapping[str, Stage],
    plain: Mapping[str, Any],
    context: StageContext,
    resume: Path | None,
) -> dict[str, Any]:
    """Their facts; a run that goes on has them in its earlier folder, which then is its own."""
    with ExitStack() as held:
        if resume and (earlier := resume.parent.parent / "stages").is_dir():
            if is_first() and earlier.resolve() != context.folder.resolve():
                held.enter_context(owned(earlier.parent))
            context = replace(context, folder=earlier)
        return run_stages(stages, plain, context)


def _module(
    network: Network, plain: Mapping[str, Any], description: dict[str, Any]
) -> FlowModule | None:
    """What the run's own epochs train; None where the stages train all there is."""
    if not (network.has_flow and plain["loss"]):
        return None
    return FlowModule(
        network=network,
        objective=build(plain["loss"], Objective),
        optimizer=build(plain["optimizer"], partial),
        seed=plain["seed"],
        description=description,
    )


def _keep(network: Network, description: Mapping[str, Any], file: Path) -> None:
    """The checkpoint of a network that its stages have trained."""
    parts = {"forward_side": network.forward, "flow": network.flow if network.has_flow else None}
    weights = {
        f"{part}.{name}": weight
        for part, module in parts.items()
        if module is not None
        for name, weight in module.state_dict().items()
    }
    kept = {
        checkpoints.KEY: {**checkpoints.describe_software(), **description},
        "state_dict": weights,
    }
    checkpoints.save_atomically(kept, file)


def _trainer(plain: Mapping[str, Any], run_dir: Path) -> pl.Trainer:
    trainer: pl.Trainer = build(
        plain["trainer"],
        pl.Trainer,
        callbacks=build_named(plain["callbacks"], Callback),
        logger=build_named(plain["logger"], Logger),
        plugins=[AtomicCheckpointIO()],
        default_root_dir=str(run_dir),
    )
    check_processes(trainer, plain["n_threads"])
    return trainer


def _score(trained: TrainedFlow, data: SpectrumDataModule, plain: Mapping[str, Any]) -> Scores:
    """Scores on the validation side, with their conditions and examples."""
    return {
        **data.provenance(),
        "seed": plain["seed"],
        "experiment": plain["name"],
        "scoring_seed": plain["scoring"]["seed"],
        **score(trained, data.validation_set, data.train_set, **plain["scoring"]),
        "epochs": trained.description.get("epochs", []),
        "examples": show_examples(trained, data.validation_set.records),
    }
