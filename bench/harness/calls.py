"""What the measurements ask a pair of servers: explanations and predictions, as JSON over a kept-alive connection.

The client is urllib3 with orjson: `requests` would add 1 to 2 ms, which are not the servers'.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import urllib3
from torch import Tensor

from local.servers import Pair
from local.shipped_models import example_images

STEPS = 50
INTEGRATED_GRADIENTS: Mapping[str, object] = {"method": "integrated_gradients", "n_steps": STEPS}
# As `harness.bare_images` has them.
GRID: Mapping[str, object] = {"segmentation": "grid", "n_segments": 49}
TIMEOUT_SECONDS = 600


def explain_call(
    client: urllib3.PoolManager, url: str, inputs: Tensor, parameters: Mapping[str, object]
) -> Callable[[], Any]:
    """A call that explains the inputs `[images, *input shape]` and returns the explainer's answer."""
    return _json_call(client, url, {"instances": inputs.numpy(), "parameters": parameters})


def predict_call(client: urllib3.PoolManager, pair: Pair) -> Callable[[], Any]:
    """A call that predicts one picture and returns the predictor's answer."""
    url = f"{pair.predictor.url}/v1/models/{pair.name}:predict"
    return _json_call(client, url, {"instances": example_images(pair.name, 1).numpy()})


def _json_call(client: urllib3.PoolManager, url: str, document: Mapping[str, object]) -> Callable[[], Any]:
    def ask() -> object:
        body = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
        response = client.request("POST", url, body=body, timeout=TIMEOUT_SECONDS)
        assert response.status == 200, response.data
        return orjson.loads(response.data)

    return ask
