"""Memory that stays with the process: what one step has freed, the next one uses, without asking the system again.

Each run of a compiled program on a CPU allocates its temporary arrays, some hundred megabytes for a step of training,
and frees them at its end. The C library of Linux gives blocks of that size back to the system at once, which then
clears every page anew: 50,000 page faults a step for a small transformer, a third of its time, and as much for a
convolutional net. `keep()` is called once, when plait is imported, and has the library keep up to a gigabyte of what
is freed, in one heap for all threads (the heap of a thread other than the first cannot hold a large block).

The price: the process keeps what it needed at its peak, up to that gigabyte, instead of giving it back between steps;
and threads that allocate a lot at the same time wait for one another, beyond the small blocks that each keeps ready.

Nothing is done where somebody else has said how memory is to be handled (the library's own variables, MALLOC_ARENA_MAX
and others), where there is no glibc, or where the environment has `PLAIT_KEEP_MEMORY=0`.

Differs from Keras: there, steps pay for the pages.
"""

import ctypes
import os
import sys

MOST_BYTES = 1 << 30  # what is freed beyond it goes back to the system, and larger blocks are the system's own

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # the numbers of glibc's malloc.h
_SAID_BY_OTHERS = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")


def keep() -> bool:
    """Has the C library keep freed memory; returns whether it does."""
    off = os.environ.get("PLAIT_KEEP_MEMORY", "").lower() in ("0", "off", "false", "no")
    if off or not sys.platform.startswith("linux") or any(name in os.environ for name in _SAID_BY_OTHERS):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):  # musl has no such numbers
        return False
    wanted = ((_MMAP_THRESHOLD, MOST_BYTES), (_TRIM_THRESHOLD, MOST_BYTES), (_ARENA_MAX, 1))
    return all(library.mallopt(number, value) == 1 for number, value in wanted)
