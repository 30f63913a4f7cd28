"""Runs scripts one after the other in this process, and prints what each printed, and how long it took, as JSON.

`python run_scripts.py ENGINE SCRIPT...`: the engine is "keras", the real one on JAX, or "plait", through the hook.
"""

import contextlib
import io
import json
import runpy
import sys
import time
import traceback
import warnings


def main() -> None:
    engine, *scripts = sys.argv[1:]
    if engine == "plait":
        from plait import compat

        compat.install()
    import keras

    results = {}
    for script in scripts:
        keras.utils.clear_session()
        results[script] = run(script)
    print(json.dumps({"engine": keras.Model.__module__.split(".")[0], "results": results}))


def run(script: str) -> dict[str, object]:
    """What a script printed, its seconds, and how it failed, if it did."""
    printed, error = io.StringIO(), ""
    start = time.perf_counter(), time.process_time()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runpy.run_path(script, run_name="__main__")
    except Exception:
        error = traceback.format_exc(limit=-6)
    return {
        "printed": printed.getvalue(),
        "error": error,
        "seconds": time.perf_counter() - start[0],
        "cpu_seconds": time.process_time() - start[1],
    }


if __name__ == "__main__":
    main()
