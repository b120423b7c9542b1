"""A network as large as what people have: colour, 224x224, batch normalization; small otherwise."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


class LargeNetwork(nn.Sequential):
    """[rows, 3, 224, 224] to [rows, 5]."""

    def __init__(self) -> None:
        stages = OrderedDict(
            conv1=nn.Conv2d(3, 8, kernel_size=7, stride=4, padding=3, bias=False),
            norm1=nn.BatchNorm2d(8),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(8, 16, kernel_size=3, padding=1),
            norm2=nn.BatchNorm2d(16),
            relu2=nn.ReLU(),
            pool2=nn.AdaptiveAvgPool2d(2),
            flatten=nn.Flatten(),
            logits=nn.Linear(64, 5),
        )
        super().__init__(stages)
