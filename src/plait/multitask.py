"""Many tasks in one model: weightings, for `compile(loss_weights=...)`, tasks from different data sets, for `fit`, how
tasks get along, and layers that share experts and features among them."""

from plait.layers.experts import CGC as CGC
from plait.layers.experts import PLE as PLE
from plait.layers.experts import CrossStitch as CrossStitch
from plait.layers.experts import MMoE as MMoE
from plait.layers.experts import TaskAttention as TaskAttention
from plait.layers.experts import heads as heads
from plait.training.callbacks.task_report import Report as Report
from plait.training.data.mixture import Mixture as Mixture
from plait.training.task_relations import Relations as Relations
from plait.training.task_relations import affinity as affinity
from plait.training.task_relations import groups as groups
from plait.training.task_relations import relations as relations
from plait.weightings.base import GradientWeighting as GradientWeighting
from plait.weightings.base import Weighting as Weighting
from plait.weightings.by_gradient import DBMTL as DBMTL
from plait.weightings.by_gradient import IMTLG as IMTLG
from plait.weightings.by_gradient import MGDA as MGDA
from plait.weightings.by_gradient import AlignedMTL as AlignedMTL
from plait.weightings.by_gradient import CAGrad as CAGrad
from plait.weightings.by_gradient import ExcessMTL as ExcessMTL
from plait.weightings.by_gradient import FairGrad as FairGrad
from plait.weightings.by_gradient import GradDrop as GradDrop
from plait.weightings.by_gradient import GradNorm as GradNorm
from plait.weightings.by_gradient import GradVac as GradVac
from plait.weightings.by_gradient import MoCo as MoCo
from plait.weightings.by_gradient import NashMTL as NashMTL
from plait.weightings.by_gradient import PCGrad as PCGrad
from plait.weightings.by_gradient import UPGrad as UPGrad
from plait.weightings.by_loss import DWA as DWA
from plait.weightings.by_loss import FAMO as FAMO
from plait.weightings.by_loss import GLS as GLS
from plait.weightings.by_loss import IMTLL as IMTLL
from plait.weightings.by_loss import RLW as RLW
from plait.weightings.by_loss import STCH as STCH
from plait.weightings.by_loss import Equal as Equal
from plait.weightings.by_loss import Uncertainty as Uncertainty
from plait.weightings.by_loss import UncertaintySoftmax as UncertaintySoftmax

__all__ = [
    "AlignedMTL",
    "CAGrad",
    "CGC",
    "CrossStitch",
    "DBMTL",
    "DWA",
    "Equal",
    "ExcessMTL",
    "FAMO",
    "FairGrad",
    "GLS",
    "GradDrop",
    "GradNorm",
    "GradVac",
    "GradientWeighting",
    "IMTLG",
    "IMTLL",
    "MGDA",
    "MMoE",
    "Mixture",
    "MoCo",
    "NashMTL",
    "PCGrad",
    "PLE",
    "RLW",
    "Relations",
    "Report",
    "STCH",
    "TaskAttention",
    "UPGrad",
    "Uncertainty",
    "UncertaintySoftmax",
    "Weighting",
    "affinity",
    "groups",
    "heads",
    "relations",
]
