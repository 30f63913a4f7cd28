"""Views of a model: what people look at before they read."""

from plait.inspect.compile_report import compile_report as compile_report
from plait.inspect.page import view as view
from plait.inspect.plot import picture_for_notebook as picture_for_notebook
from plait.inspect.plot import plot_model as plot_model
from plait.inspect.profile import profile as profile
from plait.inspect.summary import summary as summary

__all__ = [
    "compile_report",
    "picture_for_notebook",
    "plot_model",
    "profile",
    "summary",
    "view",
]
