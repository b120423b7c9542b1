"""For all tests: matrix products and least squares in this process give the bits that the servers' do."""

import os

import scipy.linalg  # noqa: F401 - its OpenBLAS must be there when the threads are limited
import torch
from captum_serving.matrix_products import VARIABLE, reproduce_matrix_products
from threadpoolctl import threadpool_limits

reproduce_matrix_products()
torch.ones(2, 2) @ torch.ones(2, 2)  # MKL reads the environment now, once
# The servers that the tests start have to see to it themselves.
os.environ.pop(VARIABLE)
# As the explainer's: with more threads it solves KernelSHAP's system in another order, which shows in the fourth digit.
threadpool_limits(1, "blas")
