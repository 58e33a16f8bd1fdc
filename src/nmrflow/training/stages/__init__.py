"""Training in stages: each is resumable, and skipped where it is done."""

from nmrflow.training.stages.assigned import AssignedStage as AssignedStage
from nmrflow.training.stages.backward import BackwardStage as BackwardStage
from nmrflow.training.stages.base import Stage as Stage
from nmrflow.training.stages.base import StageContext as StageContext
from nmrflow.training.stages.base import run_stages as run_stages
from nmrflow.training.stages.base import stage_digests as stage_digests
from nmrflow.training.stages.bonds import BondStage as BondStage
from nmrflow.training.stages.corpus import CorpusStage as CorpusStage
from nmrflow.training.stages.fine_tuning import FineTuningStage as FineTuningStage
from nmrflow.training.stages.molecules import MoleculeStage as MoleculeStage
from nmrflow.training.stages.shifts import ShiftStage as ShiftStage
