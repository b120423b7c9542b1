"""A server with a model that does nothing, on 127.0.0.1."""

from captum_serving.launch import Server
from kserve import Model

model = Model("nothing")
model.load()
Server("127.0.0.1", enable_grpc=True).start([model])
