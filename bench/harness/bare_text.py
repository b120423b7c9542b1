"""`python -m bench.harness.bare_text MODEL_DIR`: a text explained as a user of transformers and Captum writes it.

A process of its own, so that its memory and its threads are its own. It reads a JSON object a line, `{"text",
"n_steps", "internal_batch_size"}`, and answers each by a line: the seconds that the explanation took, and the
importances as TorchServe's handler makes them. Before the first it writes a line too: how many threads it has.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from captum.attr import LayerIntegratedGradients
from torch import Tensor
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils.logging import disable_progress_bar


def main() -> None:
    """Answer until the input ends."""
    directory = Path(sys.argv[1])
    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    network = AutoModelForSequenceClassification.from_pretrained(directory, local_files_only=True).eval()
    _write({"threads": torch.get_num_threads()})
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.perf_counter()
        importances = explain(network, tokenizer, **asked)
        _write({"seconds": time.perf_counter() - started, "importances": importances.tolist()})


def explain(
    network: Any,  # noqa: ANN401 - transformers makes its classes at run time
    tokenizer: Any,  # noqa: ANN401 - as above
    text: str,
    n_steps: int,
    internal_batch_size: int | None,
) -> Tensor:
    """Importances float32 [tokens] of the class that the network predicts, of norm 1.

    The baseline is padding, but for the special tokens; positions and types are those of the text.
    """
    encoding = tokenizer(text, return_special_tokens_mask=True, return_token_type_ids=True, return_tensors="pt")
    ids, special = encoding["input_ids"], encoding["special_tokens_mask"].bool()
    beside = (encoding["attention_mask"], encoding["token_type_ids"], torch.arange(ids.shape[1])[None])
    baseline = torch.where(special, ids, tokenizer.pad_token_id)

    def logits(ids: Tensor, mask: Tensor, types: Tensor, positions: Tensor) -> Tensor:
        output: Tensor = network(ids, attention_mask=mask, token_type_ids=types, position_ids=positions).logits
        return output

    with torch.no_grad():
        predicted = int(logits(ids, *beside).argmax())
    explainer = LayerIntegratedGradients(logits, network.get_input_embeddings())
    attributions = explainer.attribute(
        ids, baseline, predicted, beside, n_steps=n_steps, internal_batch_size=internal_batch_size
    )
    summed = attributions.detach().sum(dim=-1)[0]
    importances: Tensor = summed / summed.norm()
    return importances


def _write(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
