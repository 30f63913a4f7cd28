"""Bounding boxes: formats, clipping, moving, overlap, and differences from anchors."""

from plait.layers.preprocessing.bounding_boxes import affine_transform as affine_transform
from plait.layers.preprocessing.bounding_boxes import clip_to_image_size as clip_to_image_size
from plait.layers.preprocessing.bounding_boxes import compute_ciou as compute_ciou
from plait.layers.preprocessing.bounding_boxes import compute_iou as compute_iou
from plait.layers.preprocessing.bounding_boxes import convert_format as convert_format
from plait.layers.preprocessing.bounding_boxes import crop as crop
from plait.layers.preprocessing.bounding_boxes import decode_deltas_to_boxes as decode_deltas_to_boxes
from plait.layers.preprocessing.bounding_boxes import encode_box_to_deltas as encode_box_to_deltas
from plait.layers.preprocessing.bounding_boxes import pad as pad

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]
