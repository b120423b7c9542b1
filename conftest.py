"""For all tests: matrix products in this process give the bits that the predictor's do."""

from captum_predictor.matrix_products import reproduce_matrix_products

reproduce_matrix_products()
