"""Makes glibc's allocator keep freed memory."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BYTES = 256 << 20


def keep_freed_memory() -> None:
    """Keep up to 256 MiB of freed memory instead of returning it to the system.

    A chunk of 25 rows takes and frees tens of megabytes. By default glibc returns them each time, and taking them again
    costs a page fault every 4 KiB: up to half of a chunk's time was measured. With another C library nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            mallopt(option, KEPT_BYTES)
