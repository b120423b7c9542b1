"""Starts the explainer: `python -m captum_explainer --model_name mnist --predictor_host localhost:8081`."""

import gc
import os
import sys


def main() -> None:
    """Parse the flags and serve until a signal comes."""
    # torch, OpenBLAS (in NumPy and SciPy) and scikit-learn read this when they are imported. Without it they start a
    # thread for each CPU of the node, whatever the container's limit is.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Imports leave next to no garbage, and searching for it takes a fifth of their time. The server collects again.
    gc.disable()
    from captum_serving.process.metrics import count_workers, share_between_workers

    # Importing kserve makes metrics, which then choose between one process and several.
    if count_workers(sys.argv[1:]) > 1:
        share_between_workers()
    from captum_serving.errors import BadInput
    from captum_serving.kserve_server.launch import Server
    from captum_serving.process.reproducible_sums import reproduce_matrix_products

    from captum_explainer.server.check_defaults import check_defaults
    from captum_explainer.server.kserve_model import KserveModel
    from captum_explainer.server.options import parse

    reproduce_matrix_products()
    settings = parse(sys.argv[1:])
    try:
        check_defaults(settings)
    except BadInput as error:
        sys.exit(str(error))
    server = Server(name="explainer", host=settings.host, limits=settings.client, enable_grpc=False)
    server.start([KserveModel(settings)])


if __name__ == "__main__":
    main()
