"""A server with a model that does nothing, on 127.0.0.1; at /garbage it says how many objects may become it."""

import asyncio
import gc
import os

from captum_serving.boundary.route import Request, Route
from captum_serving.kserve_server.launch import Server
from kserve import Model
from starlette.responses import JSONResponse


async def garbage(request: Request) -> JSONResponse:
    """The objects that the collector of garbage looks at, and those that it does not."""
    counts = {"looked at": len(gc.get_objects()), "frozen": gc.get_freeze_count()}
    return JSONResponse({**counts, "collects": gc.isenabled()})


class Nothing(Model):
    """Offers routes, whose handlers cannot be pickled, and is pickled into workers by its name alone."""

    def __init__(self, name):
        super().__init__(name)
        self.ready = True

    def __reduce__(self):
        return Nothing, (self.name,)

    def routes(self):
        async def process(request):
            loop = type(asyncio.get_running_loop()).__module__
            return JSONResponse({"process": os.getpid(), "loop": loop})

        return [Route("GET", "/garbage", garbage), Route("GET", "/process", process)]


if __name__ == "__main__":
    gc.disable()  # as both servers do for their imports
    Server("server", "127.0.0.1", enable_grpc=True).start([Nothing("nothing")])
