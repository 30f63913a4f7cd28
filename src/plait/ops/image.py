"""The operations on images: sizes, colours, shapes and filters.

Images are tensors (B, H, W, C), or (H, W, C) for one; with `data_format="channels_first"` (B, C, H, W) and (C, H, W).
"""

from plait.ops.image_colors import hsv_to_rgb as hsv_to_rgb
from plait.ops.image_colors import rgb_to_grayscale as rgb_to_grayscale
from plait.ops.image_colors import rgb_to_hsv as rgb_to_hsv
from plait.ops.image_filters import extract_patches as extract_patches
from plait.ops.image_filters import extract_patches_3d as extract_patches_3d
from plait.ops.image_filters import gaussian_blur as gaussian_blur
from plait.ops.image_filters import sobel_edges as sobel_edges
from plait.ops.image_filters import ssim as ssim
from plait.ops.image_sizes import crop_images as crop_images
from plait.ops.image_sizes import pad_images as pad_images
from plait.ops.image_sizes import resize as resize
from plait.ops.image_sizes import scale_and_translate as scale_and_translate
from plait.ops.image_warping import affine_transform as affine_transform
from plait.ops.image_warping import elastic_transform as elastic_transform
from plait.ops.image_warping import map_coordinates as map_coordinates
from plait.ops.image_warping import perspective_transform as perspective_transform

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
