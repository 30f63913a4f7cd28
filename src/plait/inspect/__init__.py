"""Views of a model: what people look at before they read."""

from plait.inspect.compile_report import compile_report as compile_report
from plait.inspect.profile import profile as profile
from plait.inspect.summary import summary as summary

__all__ = [
    "compile_report",
    "profile",
    "summary",
]
