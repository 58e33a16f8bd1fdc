"""Training in stages: each is resumable, and skipped where it is done."""

from nmrflow.stages.base import Stage as Stage
from nmrflow.stages.base import StageContext as StageContext
from nmrflow.stages.base import run_stages as run_stages
from nmrflow.stages.base import stage_digests as stage_digests
from nmrflow.stages.bonds import BondStage as BondStage
from nmrflow.stages.corpus import CorpusStage as CorpusStage
from nmrflow.stages.shifts import ShiftStage as ShiftStage
