"""Calls a predictor by tritonclient's gRPC, and writes what it got as JSON.

A process of its own: tritonclient's protocol buffers and kserve's have the same names, and only one may be imported.
"""

import json
import sys

import numpy as np
import tritonclient.grpc as triton


def tensor(name, array):
    entry = triton.InferInput(name, list(array.shape), "FP32")
    entry.set_data_from_numpy(array)
    return entry


def main(address, arrays):
    client = triton.InferenceServerClient(address)
    given = np.load(arrays)
    image, cotangent = tensor("image", given["image"]), tensor("cotangent", given["cotangent"])
    plain = client.infer("mnist", [image], request_id="9")
    extended = client.infer("mnist", [image, cotangent], parameters={"explanation": True})
    below = client.infer("mnist", [image], parameters={"sink": "relu3"}).as_numpy("relu3")
    only_gradient = [triton.InferRequestedOutput("gradient")]
    above = client.infer("mnist", [tensor("relu3", below), cotangent], outputs=only_gradient)
    answer = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready() and client.is_model_ready("mnist"),
        "server": client.get_server_metadata(as_json=True),
        "metadata": client.get_model_metadata("mnist", as_json=True),
        "id": plain.get_response().id,
        "digest": plain.get_response().parameters["model_digest"].string_param,
        "logits": plain.as_numpy("logits").tolist(),
        "gradient": extended.as_numpy("gradient").tolist(),
        "upper gradient": above.as_numpy("gradient").tolist(),
        "upper outputs": [output.name for output in above.get_response().outputs],
    }
    json.dump(answer, sys.stdout)
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
