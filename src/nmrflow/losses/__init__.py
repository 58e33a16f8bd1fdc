"""Losses, one idea each, and the objective that weighs them."""

from nmrflow.losses.base import FlowOutputs as FlowOutputs
from nmrflow.losses.base import Loss as Loss
from nmrflow.losses.molecule import DensityLoss as DensityLoss
from nmrflow.losses.molecule import LikelihoodLoss as LikelihoodLoss
from nmrflow.losses.molecule import RangeLoss as RangeLoss
from nmrflow.losses.molecule import SparsityLoss as SparsityLoss
from nmrflow.losses.objective import Objective as Objective
from nmrflow.losses.objective import Term as Term
from nmrflow.losses.spectrum import DescribedSpectrumLoss as DescribedSpectrumLoss
from nmrflow.losses.spectrum import LogitSizeLoss as LogitSizeLoss
from nmrflow.losses.spectrum import PublishedSpectrumLoss as PublishedSpectrumLoss
