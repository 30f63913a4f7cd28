"""What all tests share: Keras on JAX as the oracle, the compile cache, eight CPU devices, fresh names for each test."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KERAS_HOME", os.path.join(os.path.dirname(__file__), "..", ".cache", "keras"))
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import pytest

import plait


@pytest.fixture(autouse=True)
def fresh_session():
    """Automatic names start again, and draws repeat."""
    plait.utils.clear_session()
    plait.utils.set_random_seed(0)
    yield
    plait.utils.clear_session()
