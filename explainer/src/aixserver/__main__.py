"""Starts the explainer as AIX's: `python -m aixserver --model_name mnist --predictor_host localhost:8081`."""

import sys

from captum_explainer.__main__ import main

if __name__ == "__main__":
    # In front, so that the command's own flag wins.
    sys.argv[1:1] = ["--explainer_type", "LimeImages"]
    main()
