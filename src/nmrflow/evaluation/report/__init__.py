"""The report on one or several runs: ``python -m nmrflow.evaluation.report DIR``."""
