"""Scripts written for Keras run on plait unchanged: `python -m plait script.py`, or `plait.compat.install()`."""

from plait.compat.hook import install as install
from plait.compat.hook import load_ipython_extension as load_ipython_extension
from plait.compat.hook import real as real
from plait.compat.hook import uninstall as uninstall
from plait.compat.hook import unload_ipython_extension as unload_ipython_extension

__all__ = ["install", "load_ipython_extension", "real", "uninstall", "unload_ipython_extension"]
