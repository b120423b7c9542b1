"""The shipped text model's card: what it was made of, how good it is, and what it is not for."""

import torch

from captum_predictor.training.command import list_versions
from captum_predictor.training.loop import Epoch, Evaluation, find_best_epoch
from captum_predictor.training.sentiment import fit, network, snippets

_CARD = """# sentiment

A DistilBERT of {layers} layers and width {width}, trained from nothing: English text to the logits of {labels}.

| | |
| --- | --- |
| Accuracy on the held-out test snippets | {accuracy:.4f} of {rows} snippets |
| Digest | `{digest}` |
| Epoch kept | {kept} of {epochs}, by the loss on {validation} other held-out snippets |
| Trained on | {training} snippets and words, rated at least {least:g} from 0 on the scale of -4 to 4 |
| Training | AdamW at {rate:g}, cross entropy, batches of {batch}, dropout {dropout:g} |
| Tokenizer | WordPiece, lower-casing, {vocabulary} tokens, trained on the same texts; at most {most} a text |
| Seed | {seed} |
| Threads | {threads} |
| Versions | {versions} |
| Data | {credit} |

Made by

```bash
{command}
```

The same command gives the same bytes on the same kind of processor with the same versions. It needs pip to download
`{package}`, whose source archive holds the texts and the ratings.

- `config.json`, `model.safetensors`, `tokenizer.json`, `tokenizer_config.json`: the model, as transformers has it;
- `training-report.txt`: every epoch, and the classification report of the test snippets;
- `examples/texts.json`: sentences of our own, and what the model says of them.

The model is for demonstrations and tests of explanations. It is small and read little: of snippets that it did not
read it gets about one in {wrong} wrong. "Not good" it understands; "never boring" and "not bad at all" it takes for
negative, and irony at its word. A text that is neither glad nor sad it calls one of them all the same. It is not for
judging what people write.
"""


def write_card(
    data: snippets.Snippets, epochs: list[Epoch], test: Evaluation, digest: str, seed: int, command: str
) -> str:
    """Give the card as Markdown; `command` is the one that trains the model again."""
    return _CARD.format(
        layers=network.LAYERS,
        width=network.WIDTH,
        credit=snippets.CREDIT,
        labels=" and ".join(snippets.LABELS),
        accuracy=test.accuracy,
        rows=len(test.classes),
        digest=digest,
        kept=find_best_epoch(epochs).number,
        epochs=len(epochs),
        validation=len(data.validation),
        training=len(data.training),
        least=snippets.LEAST_RATING,
        rate=fit.LEARNING_RATE,
        batch=fit.BATCH,
        dropout=network.DROPOUT,
        vocabulary=network.VOCABULARY,
        most=network.MOST_TOKENS,
        seed=seed,
        threads=torch.get_num_threads(),
        versions=list_versions("torch", "transformers", "tokenizers"),
        command=command,
        package=snippets.PACKAGE,
        wrong=round(1 / (1 - test.accuracy)),
    )
