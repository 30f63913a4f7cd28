"""The well-known data sets, fetched once into a folder and checked, as NumPy arrays.

A file is looked for in `datasets` below the folder that the environment variable PLAIT_HOME names, or KERAS_HOME, or else
`~/.keras`: what Keras has fetched is not fetched again. Nothing in a file can run code.
"""

from plait.datasets import boston_housing as boston_housing
from plait.datasets import california_housing as california_housing
from plait.datasets import cifar10 as cifar10
from plait.datasets import cifar100 as cifar100
from plait.datasets import fashion_mnist as fashion_mnist
from plait.datasets import imdb as imdb
from plait.datasets import mnist as mnist
from plait.datasets import reuters as reuters

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]
