from collections import OrderedDict
from time import sleep

import torch
from torch import nn


class Wait(nn.Module):
    """Takes as many seconds as the largest value of the chunk."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        sleep(float(inputs.detach().max()))
        return inputs


class WaitingNetwork(nn.Sequential):
    """`[n, 1, 2, 2]` in 0..10 to logits `[n, 3]`."""

    def __init__(self) -> None:
        super().__init__(OrderedDict(wait=Wait(), flatten=nn.Flatten(), logits=nn.Linear(4, 3)))
