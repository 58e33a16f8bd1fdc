"""Score a checkpoint: ``python -m nmrflow.evaluate checkpoint=RUN output=scores.json``."""

import gc

from omegaconf import DictConfig

from nmrflow.config.building import check_settings, to_plain
from nmrflow.config.composition import composed
from nmrflow.console import quiet_libraries
from nmrflow.errors import errors_for_people, run_with_hydra
from nmrflow.evaluation.rescoring import SETTINGS, score_checkpoint
from nmrflow.evaluation.scoring import Scores


def evaluate(config: DictConfig) -> Scores:
    """Score a checkpoint as ``conf/evaluation/evaluate.yaml`` describes.

    Returns, and raises, as :func:`nmrflow.evaluation.rescoring.score_checkpoint`.
    """
    check_settings(config, SETTINGS)
    return score_checkpoint(to_plain(config))


@composed("pkg://nmrflow.conf.evaluation", "evaluate")
def main(config: DictConfig) -> None:
    """Hydra's entry."""
    quiet_libraries()
    with errors_for_people():
        evaluate(config)


if __name__ == "__main__":
    # What has been imported stays: without this Python walks all of it once more at exit, which
    # takes a second. Here and not in main(), which a multirun enters once a job.
    gc.freeze()
    run_with_hydra(main)
