"""What `plait launch` starts as each process: joins the job, and runs a script (`script.py`) or module (`-m name`)."""

import ctypes
import os
import runpy
import signal
import sys
import traceback
from types import TracebackType

from plait.distribution.processes import COUNT, ENDS, INDEX, end_at_once, initialize


def main() -> None:
    """Joins the job, and runs the program. An exception ends the process at once, for the others wait for it."""
    _end_with_launcher()
    several = os.environ.get(COUNT) != "1"
    ends, index = int(os.environ.pop(ENDS)), os.environ[INDEX]
    os.set_inheritable(ends, False)
    code = 0
    try:
        initialize()
        _run(sys.argv[1:])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        if not code:
            return  # JAX waits for the others
        os.write(ends, f"{index} ".encode())
    except BaseException as error:
        os.write(ends, f"{index} ".encode())
        traceback.print_exception(error.with_traceback(_of_program(error.__traceback__)))
        code = 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    if code and several:
        end_at_once(code)
    sys.exit(code)


def _run(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = arguments
    sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
    runpy.run_path(arguments[0], run_name="__main__")


def _of_program(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from where the program begins."""
    while trace is not None and (
        trace.tb_frame.f_code.co_filename == __file__ or "runpy" in trace.tb_frame.f_code.co_filename
    ):
        trace = trace.tb_next
    return trace


def _end_with_launcher() -> None:
    """Has Linux end this process when its launcher dies, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    main()
