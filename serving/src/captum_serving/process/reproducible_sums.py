"""MKL's matrix products, told to give the same bits on any number of threads and for any number of rows."""

import os

VARIABLE = "MKL_CBWR"


def reproduce_matrix_products() -> None:
    """Ask MKL for its strict conditional numerical reproducibility: to be called before the first matrix product.

    As it comes, MKL splits a product's sums by the threads and the rows that there are. On processors with AVX-512 the
    shipped models' logits then differ in their last bits between one thread and two at 1 and from 16 rows on, and
    between fewer rows than 16 and more; with this only a single row differs, which is another kind of product and
    always runs on one thread. It costs no time that could be measured. A user's own MKL_CBWR is left as it is.
    """
    os.environ.setdefault(VARIABLE, "AUTO,STRICT")
