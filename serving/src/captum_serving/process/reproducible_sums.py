"""Makes MKL's matrix products give the same bits for any number of threads and rows."""

import os

VARIABLE = "MKL_CBWR"


def reproduce_matrix_products() -> None:
    """Ask MKL for strict conditional numerical reproducibility. Call it before the first matrix product.

    By default MKL splits a product's sums by the number of threads and rows. On processors with AVX-512 the shipped
    models' logits then differ in their last bits between one thread and two (for 1 row, and from 16 rows on), and
    between fewer than 16 rows and more. With this setting only a single row differs: it is another kind of product, and
    always runs on one thread. No cost in time could be measured. A user's own MKL_CBWR is left as it is.
    """
    os.environ.setdefault(VARIABLE, "AUTO,STRICT")
