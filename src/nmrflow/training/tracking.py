"""Weights & Biases, offline unless asked: a row per epoch, scores and pictures at the end."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from nmrflow.evaluation import figures
from nmrflow.evaluation.scores_file import flatten_scores


class EpochWandbLogger(WandbLogger):
    """W&B with one history row per epoch, which also holds the table of all epochs so far."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        # Lightning 2.6.6 passes on a setting that wandb 0.31 has given up and warns about.
        self._wandb_init.pop("anonymous", None)
        self._rows: list[dict[str, float]] = []

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a history row; the table is part of it, because on its own it would be another."""
        import wandb

        self._rows.append(dict(metrics))
        columns: list[str | int] = list(self._rows[0])
        data: list[Any] = [[row.get(str(column)) for column in columns] for row in self._rows]
        table: Any = wandb.Table(columns=columns, data=data)
        super().log_metrics({**metrics, "epochs": table}, step)

    def log_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Put a run's scores, tables and pictures into its summary.

        The summary, not the history: that has one row per epoch and stays so.
        """
        import wandb

        summary = self.experiment.summary
        summary.update(flatten_scores(evaluation))
        for name, rows in (
            ("examples", evaluation["examples"]),
            ("reliability", evaluation["calibration/reliability"]),
        ):
            data: list[Any] = [[str(value) for value in row.values()] for row in rows]
            table: Any = wandb.Table(columns=list(rows[0]), data=data)
            summary[f"tables/{name}"] = table
        for name, figure in figures.draw_runs([evaluation], [evaluation], 4).items():
            summary[f"pictures/{name}"] = wandb.Image(figure)
            plt.close(figure)


@contextmanager
def one_run() -> Iterator[None]:
    """Close W&B's run behind the block: a multirun, one process, would write all into one."""
    try:
        yield
    finally:
        if "wandb" in sys.modules:
            failed = sys.exc_info()[0] is not None
            sys.modules["wandb"].finish(exit_code=int(failed))
