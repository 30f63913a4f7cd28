"""What all tests share: Keras on JAX as the oracle, the compile cache, eight CPU devices, fresh names for each test."""

import os
import signal
import sys

import compiling

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KERAS_HOME", os.path.join(os.path.dirname(__file__), "..", ".cache", "keras"))
os.environ.setdefault("PLAIT_KEEP_MEMORY", "0")  # several workers share the memory; it has a test of its own
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count=8 {compiling.FLAGS}")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would the processes that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

import jax
import pytest

import oracle
import plait
import skips

compiling.share_contexts()
most_memory = 2 << 30  # bytes a process may hold before it forgets its compiled programs; they are on disk
MORE_MEMORY = 1 << 29  # and what it may add before it does so again: not all that was freed goes back to the system


def pytest_collection_modifyitems(config, items):
    """The long forms wait for `make test-long`."""
    if not compiling.LONG:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(autouse=True)
def fresh_session(request):
    """Automatic names start again, and draws repeat; so do the answers of the oracle."""
    oracle.begin(request.node.nodeid)
    plait.utils.clear_session()
    plait.utils.set_random_seed(0)
    yield
    plait.utils.clear_session()


def pytest_sessionfinish():
    """`make oracle` asked Keras: what it answered is kept."""
    if oracle.KEEPS:
        oracle.write()


def pytest_terminal_summary(terminalreporter):
    """What was skipped, summed up by reason."""
    lines = skips.by_reason(terminalreporter.stats.get("skipped", ()))
    if lines:
        terminalreporter.section("skipped, by reason")
        for line in lines:
            terminalreporter.write_line(line)


def pytest_runtest_teardown(item, nextitem):
    """Between two files: programs that were compiled for thousands of tests would fill the memory."""
    global most_memory
    if nextitem is None or item.path != nextitem.path:
        if resident_bytes() > most_memory:
            jax.clear_caches()
            most_memory = max(most_memory, resident_bytes() + MORE_MEMORY)


def resident_bytes():
    """What this process holds in memory now; 0 where the system doesn't say."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
