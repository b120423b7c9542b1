"""Loads a model directory and serves it."""

import sys
from collections.abc import Sequence

from captum_serving.extension_key import read_key
from captum_serving.kserve_server.launch import Server
from captum_serving.limits import choose_limits
from captum_serving.process.allocator import keep_freed_memory
from captum_serving.process.reproducible_sums import reproduce_matrix_products

from captum_predictor.engine import chunk_metrics
from captum_predictor.engine.cpus import count_usable_cpus
from captum_predictor.engine.engine import Engine
from captum_predictor.engine.lanes import Lanes
from captum_predictor.kinds.load import load_kind
from captum_predictor.model.architectures import quiet_even_kernels
from captum_predictor.model.description import ModelDirectoryError
from captum_predictor.protocol.inference import Limits
from captum_predictor.server.kserve_model import KserveModel
from captum_predictor.server.options import parse_options
from captum_predictor.server.service import Service


def serve(arguments: Sequence[str]) -> None:
    """Serve until a signal comes; a directory that cannot be served ends the process with one line and status 1."""
    options = parse_options(arguments)
    quiet_even_kernels()
    keep_freed_memory()
    reproduce_matrix_products()
    accelerate, allowed = not options.no_acceleration, options.architectures
    try:
        kind = load_kind(options.model_dir, options.device, accelerate=accelerate, architectures=allowed)
    except ModelDirectoryError as error:
        sys.exit(str(error))
    lanes = Lanes(options.lanes, options.queue_rows, count_usable_cpus())
    client = choose_limits(options)
    limits = Limits(options.max_rows, client.max_body_bytes, options.max_characters)
    key = options.extension_key_file and read_key(options.extension_key_file)
    engine = Engine(lanes, options.device, accelerate=accelerate)
    service = Service(options.model_name, kind, engine, limits, client, key)
    chunk_metrics.watch(lanes)
    # One process, whatever --workers says: the lanes are its parallelism, and a second one would load the model again.
    server = Server(
        name="predictor",
        host=options.host,
        limits=client,
        http_port=options.http_port,
        enable_grpc=options.enable_grpc,
        workers=1,
    )
    server.start([KserveModel(service)])
    lanes.stop()
