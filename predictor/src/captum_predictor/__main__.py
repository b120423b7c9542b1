"""`python -m captum_predictor`: load a model directory and serve it."""

import gc
import sys


def main() -> None:
    """Serve until a signal comes; a directory that cannot be served ends the process with one line and status 1."""
    # Imports leave next to no garbage, and searching for it takes a fifth of their time. The server collects again.
    gc.disable()
    from captum_predictor.server.serve import serve

    serve(sys.argv[1:])


if __name__ == "__main__":
    main()
