"""`make demo`: why the network sees an ankle boot, and a digit, by three methods each."""

import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from local.servers import ROOT, NotReady, Pair, running_pair

METHODS = ("integrated_gradients", "deep_lift", "kernel_shap")
# The first image of each test set: an ankle boot, and a seven.
MODELS = ("fashion-mnist", "mnist")


def main() -> int:
    """Explain one image of each model and write the pictures.

    Returns:
        0, or 1 where a server did not start or an explanation failed.
    """
    folder = Path("demo")
    folder.mkdir(exist_ok=True)
    for name in MODELS:
        print(f"{name}: starting the predictor and the explainer ...", flush=True)
        try:
            with running_pair(name) as pair:
                status = ask(pair, "0", "--output", str((folder / f"{name}.png").absolute()), *of_methods(METHODS))
        except NotReady as error:
            print(error, file=sys.stderr)
            return 1
        if status:
            return status
        print()
    print(f"Look at the pictures: {', '.join(str(folder / name) + '.png' for name in MODELS)}")
    return 0


def of_methods(methods: Iterable[str]) -> list[str]:
    """The client's arguments that ask for several methods."""
    return [word for method in methods for word in ("--method", method)]


def ask(pair: Pair, *arguments: str) -> int:
    """Ask as a user would: by the client's command line, of which the demo shows the words.

    Returns:
        The client's exit code.
    """
    command = ["client/query_explain.py", pair.explain_url, f"{pair.name}-default.example.com", *arguments]
    print(f"$ python {shlex.join(command)}", flush=True)
    return subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
