"""Computing in fewer bits than weights have: the program's policy, and the optimizer that scales losses for float16."""

from plait.common.policies import DTypePolicy as DTypePolicy
from plait.config import dtype_policy as dtype_policy
from plait.config import set_dtype_policy as set_dtype_policy
from plait.optimizers import LossScaleOptimizer as LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
