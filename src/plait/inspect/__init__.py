"""Views of a model: what people look at before they read."""

from plait.inspect.compile_report import compile_report as compile_report
from plait.inspect.page import view as view
from plait.inspect.plot import picture_for_notebook as picture_for_notebook
from plait.inspect.plot import plot_model as plot_model
from plait.inspect.profile import profile as profile
from plait.inspect.saliency import activations as activations
from plait.inspect.saliency import dead_units as dead_units
from plait.inspect.saliency import grad_cam as grad_cam
from plait.inspect.saliency import gradients as gradients
from plait.inspect.saliency import overlay as overlay
from plait.inspect.saliency import saliency as saliency
from plait.inspect.saliency import tiles as tiles
from plait.inspect.summary import summary as summary

__all__ = [
    "activations",
    "compile_report",
    "dead_units",
    "grad_cam",
    "gradients",
    "overlay",
    "picture_for_notebook",
    "plot_model",
    "profile",
    "saliency",
    "summary",
    "tiles",
    "view",
]
