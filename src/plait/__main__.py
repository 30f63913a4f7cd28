"""`python -m plait script.py` runs a script written for Keras on plait; `inspect`, `convert` and the others are commands."""

import runpy
import sys

from plait.cli import main as command_line
from plait.compat import install
from plait.compat.report import report_at_exit


def main() -> None:
    """Runs a script (`script.py`), a module (`-m name`) or code (`-c text`) on plait, or a command of the tool.

    `--report` before them prints at exit where the time went, and which names weren't there.
    """
    arguments = sys.argv[1:]
    reports = arguments[:1] == ["--report"]
    arguments = arguments[reports:]
    if not arguments or not (arguments[0] in ("-m", "-c") or arguments[0].endswith(".py")):
        command_line()
        return
    if reports:
        report_at_exit()
    install()
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  (what the user typed)
    elif arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, str(__import__("pathlib").Path(arguments[0]).resolve().parent))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
