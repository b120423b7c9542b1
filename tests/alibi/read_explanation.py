"""Reads an Explanation by Alibi's own class, and writes what it found, and Alibi's own quadrature, as JSON.

A process of its own. Alibi needs an older Pillow and NumPy than kserve does, and `import alibi` needs spaCy,
transformers and pandas for explainers that nothing here uses. So its modules are imported below packages that import
nothing themselves: what runs is Alibi's, from the release.
"""

import json
import sys
from importlib.metadata import distributions
from pathlib import Path
from types import ModuleType

import numpy as np

folder = Path(sys.argv[1])
for name in ("alibi", "alibi.utils"):
    package = ModuleType(name)
    package.__path__ = [str(folder / name.replace(".", "/"))]
    sys.modules[name] = package
sys.path.insert(0, str(folder))

from alibi.api.defaults import DEFAULT_DATA_INTGRAD, DEFAULT_META_INTGRAD  # noqa: E402
from alibi.api.interfaces import Explanation  # noqa: E402
from alibi.utils.approximation_methods import approximation_parameters  # noqa: E402

explanation = Explanation.from_json(sys.stdin.read())
step_sizes, alphas = approximation_parameters(explanation.meta["params"]["method"])
steps = explanation.meta["params"]["n_steps"]
json.dump(
    {
        "release": next(found.version for found in distributions(path=[str(folder)]) if found.name == "alibi"),
        "meta": {key: getattr(explanation, key) for key in DEFAULT_META_INTGRAD},
        "data": {key: np.shape(getattr(explanation, key)) for key in explanation.data},
        "missing": sorted(set(DEFAULT_DATA_INTGRAD) - set(explanation.data)),
        "written again": json.loads(explanation.to_json()),
        "step sizes": np.array(step_sizes(steps)).tolist(),
        "alphas": np.array(alphas(steps)).tolist(),
    },
    sys.stdout,
)
