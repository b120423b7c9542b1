"""One file from the network, with a progress bar, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import requests
from tqdm import tqdm

from captum_predictor.model.atomic_files import replace_file

_TIMEOUT = (10, 60)  # seconds to connect, and between two reads
_CHUNK = 1 << 16
_MOST_BYTES = 1 << 26  # the largest file of the data sets has 26 MB


def download(address: str, path: Path, check: Callable[[Path], None]) -> None:
    """Download `address` to `path`; the file appears only after `check`, called on its temporary path, has returned.

    Raises `OSError` (of which requests' exceptions are), or what `check` raises.
    """
    # identity: else a server that packs on the way would have the archive unpacked here
    headers = {"Accept-Encoding": "identity"}
    with (
        requests.get(address, headers=headers, stream=True, timeout=_TIMEOUT) as response,
        replace_file(path) as temporary,
    ):
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with temporary.open("wb") as file, tqdm(total=total, desc=path.name, unit="B", unit_scale=True) as bar:
            for chunk in response.iter_content(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
                if bar.n > _MOST_BYTES:
                    raise OSError(f"got more than {_MOST_BYTES} bytes, expected a data set's file")
        check(temporary)
