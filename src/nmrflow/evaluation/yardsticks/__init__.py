"""Plain predictors that stand beside the network's scores, computed once for each split."""

from nmrflow.evaluation.yardsticks.cache import cached, yardsticks_for
from nmrflow.evaluation.yardsticks.cases import Case, find_cases
from nmrflow.evaluation.yardsticks.compute import Settings

__all__ = ["Case", "Settings", "cached", "find_cases", "yardsticks_for"]
