"""For all tests: matrix products in this process give the bits that the servers' do."""

import os

import torch
from captum_serving.matrix_products import VARIABLE, reproduce_matrix_products

reproduce_matrix_products()
torch.ones(2, 2) @ torch.ones(2, 2)  # MKL reads the environment now, once
# The servers that the tests start have to see to it themselves.
os.environ.pop(VARIABLE)
