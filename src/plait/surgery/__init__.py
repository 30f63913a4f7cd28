"""Surgery: each verb rewrites a whole model from outside, one file a verb or two of a kind."""

from plait.surgery.cut import behead as behead
from plait.surgery.cut import cut as cut
from plait.surgery.feed import feed as feed
from plait.surgery.feed import split as split
from plait.surgery.freeze import freeze as freeze
from plait.surgery.freeze import unfreeze as unfreeze
from plait.surgery.graft import graft as graft
from plait.surgery.graft import insert as insert
from plait.surgery.lora import LowRank as LowRank
from plait.surgery.lora import load_lora as load_lora
from plait.surgery.lora import lora as lora
from plait.surgery.lora import merge_lora as merge_lora
from plait.surgery.lora import save_lora as save_lora
from plait.surgery.merge import merge as merge
from plait.surgery.replace import remove as remove
from plait.surgery.replace import rename as rename
from plait.surgery.replace import replace as replace
from plait.surgery.targets import copy as copy
from plait.surgery.unfreezing import GradualUnfreezing as GradualUnfreezing

__all__ = [
    "GradualUnfreezing",
    "LowRank",
    "behead",
    "copy",
    "cut",
    "feed",
    "freeze",
    "graft",
    "insert",
    "load_lora",
    "lora",
    "merge",
    "merge_lora",
    "remove",
    "rename",
    "replace",
    "save_lora",
    "split",
    "unfreeze",
]
