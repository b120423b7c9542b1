"""A server with a model that does nothing, on 127.0.0.1; at /garbage it says how many objects may become it."""

import gc

from captum_serving.kserve_server.launch import Server
from kserve import Model
from kserve.model_server import app
from starlette.requests import Request
from starlette.responses import JSONResponse


async def garbage(request: Request) -> JSONResponse:
    """The objects that the collector of garbage looks at, and those that it does not."""
    return JSONResponse({"looked at": len(gc.get_objects()), "frozen": gc.get_freeze_count()})


app.add_route("/garbage", garbage)
model = Model("nothing")
model.load()
Server("127.0.0.1", enable_grpc=True).start([model])
