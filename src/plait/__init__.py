"""plait: the Functional API for neural networks, woven on JAX."""
from plait._version import __version__ as __version__
