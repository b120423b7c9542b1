"""The model card: which command, seed and versions made the weights, and how good they are."""

import torch

from captum_predictor.training.command import list_versions
from captum_predictor.training.images import Recipe, Settings
from captum_predictor.training.loop import Epoch, Evaluation, find_best_epoch

_CARD = """# {title}

{architecture} trained on {data_set}: images `[1, 28, 28]` in 0..1 to the logits of ten classes
({labels}).

| | |
| --- | --- |
| Accuracy on the test set | {accuracy:.4f} of {rows} images |
| Digest | `{digest}` |
| Epoch kept | {kept} of {epochs}, by the loss on {validation_rows} held-out training images |
| Training | Adam at {learning_rate:g}, cross entropy, batches of {batch_size} |
| Seed | {seed} |
| Threads | {threads} |
| Versions | {versions} |
| Data | {credit} |

Made by

```bash
{command}
```

The same command gives the same bytes on the same kind of processor with the same versions.

- `model.json`, `model.safetensors`: the model;
- `training-report.txt`: every epoch, and the classification report of the test set;
- `confusion-matrix.png`: which classes are taken for which;
- `examples/`: the first ten images of the test set, and their classes in `labels.json`.

The model is for demonstrations and tests of explanations. It knows {count} classes and nothing else: whatever picture
it is given, it names one of them.
"""


def write_card(
    recipe: Recipe, settings: Settings, epochs: list[Epoch], test: Evaluation, digest: str, command: str
) -> str:
    """Give the card as Markdown; `command` is the one that trains the model again."""
    return _CARD.format(
        title=recipe.data_set.name,
        architecture=f"`{recipe.architecture}`",
        data_set=recipe.data_set.name,
        labels=", ".join(recipe.data_set.labels),
        accuracy=test.accuracy,
        rows=len(test.classes),
        digest=digest,
        kept=find_best_epoch(epochs).number,
        threads=torch.get_num_threads(),
        versions=list_versions("torch", "safetensors"),
        credit=recipe.data_set.credit,
        command=command,
        count=len(recipe.data_set.labels),
        **vars(settings),
    )
