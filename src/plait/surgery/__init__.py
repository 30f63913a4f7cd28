"""Surgery: each verb rewrites a whole model from outside, one file a verb."""

from plait.surgery.cut import cut as cut
from plait.surgery.freeze import freeze as freeze
from plait.surgery.freeze import unfreeze as unfreeze

__all__ = ["cut", "freeze", "unfreeze"]
