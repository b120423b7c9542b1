"""Which words an answer shows, and the importance of each."""

from dataclasses import dataclass

import torch
from torch import Tensor

from captum_explainer.kinds.text.tokens import Tokens
from captum_explainer.predictor_client.texts import Text

# Byte-level tokens begin with it instead of a space; TorchServe leaves it out, too.
SPACE = "Ġ"
L2 = "l2"


@dataclass(frozen=True)
class ShownWords:
    """The words of an answer.

    Attributes:
        words: Their texts.
        members: Each word's tokens.
        offsets: Each word's first character in its text, and the one after its last; None for a special token.
        sequences: 0 in the text, 1 in its pair; None for a special token.
    """

    words: list[str]
    members: list[list[int]]
    offsets: list[list[int] | None]
    sequences: list[int | None]


def choose_words(tokens: Tokens, text: Text, merge: bool, skip_special: bool) -> ShownWords:
    """The tokens, or with `merge` whole words; `skip_special` leaves out those that the tokenizer added."""
    groups: list[list[int]] = []
    previous: tuple[int, int] | None = None
    for i in range(len(tokens.strings)):
        word = None if tokens.words[i] < 0 else (int(tokens.sequences[i]), int(tokens.words[i]))
        if merge and word is not None and word == previous:
            groups[-1].append(i)
        elif not (skip_special and tokens.special[i]):
            groups.append([i])
        previous = word
    words: list[str] = []
    offsets: list[list[int] | None] = []
    sequences: list[int | None] = []
    for group in groups:
        if tokens.special[group[0]]:
            words.append(tokens.strings[group[0]])
            offsets.append(None)
            sequences.append(None)
            continue
        start, end = int(tokens.offsets[group[0], 0]), int(tokens.offsets[group[-1], 1])
        part = text.parts[int(tokens.sequences[group[0]])]
        words.append(part[start:end] if merge else tokens.strings[group[0]].replace(SPACE, ""))
        offsets.append([start, end])
        sequences.append(int(tokens.sequences[group[0]]))
    return ShownWords(words, groups, offsets, sequences)


def weigh_words(attributions: Tensor, shown: ShownWords, normalization: str) -> Tensor:
    """Each word's importance: the sum over its tokens and their embeddings.

    Args:
        attributions: float32 [1, tokens, width].
        shown: The words.
        normalization: `l2` or `none`.
    """
    of_tokens = attributions.sum(dim=-1).squeeze(0)
    if all(len(group) == 1 for group in shown.members):
        of_words = of_tokens[[group[0] for group in shown.members]]
    else:
        of_words = torch.stack([of_tokens[group].sum() for group in shown.members])
    return normalize(of_words, normalization)


def normalize(values: Tensor, normalization: str) -> Tensor:
    """Divide values by their L2 norm; with `none`, or if all are zero, they stay as they are."""
    norm = torch.norm(values)
    return values / norm if normalization == L2 and norm > 0 else values
