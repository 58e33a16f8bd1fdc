"""Plain predictors that stand beside the network's scores, computed once for each split."""

from nmrflow.yardsticks.cache import cached, yardsticks_for
from nmrflow.yardsticks.cases import Case, find_cases
from nmrflow.yardsticks.compute import Settings

__all__ = ["Case", "Settings", "cached", "find_cases", "yardsticks_for"]
