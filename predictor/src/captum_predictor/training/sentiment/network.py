"""The shipped text model's tokenizer and network, both small and made from scratch."""

from collections.abc import Iterable

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import DistilBertConfig, DistilBertForSequenceClassification, PreTrainedTokenizerFast

from captum_predictor.training.sentiment.snippets import LABELS

VOCABULARY = 6000
MOST_TOKENS = 128
WIDTH, LAYERS, HEADS = 64, 2, 4
DROPOUT = 0.2
CONTINUING = "##"
PADDING, UNKNOWN, BEGIN, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train a lower-casing WordPiece tokenizer like BERT's; the same texts always give the same tokenizer."""
    special = [PADDING, UNKNOWN, BEGIN, END, MASK]
    tokenizer = _make_tokenizer({})
    texts = list(texts)
    # The trainer numbers characters in an order that differs between processes, and breaks ties by number. Listed as
    # special tokens, all characters have their numbers before it starts.
    characters = sorted({character for text in texts for character in tokenizer.normalizer.normalize_str(text)})
    seeds = [prefix + character for prefix in ("", CONTINUING) for character in characters if not character.isspace()]
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, special_tokens=special + seeds, continuing_subword_prefix=CONTINUING, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer = _make_tokenizer(tokenizer.get_vocab())
    end, begin = ((token, special.index(token)) for token in (END, BEGIN))
    tokenizer.post_processor = processors.BertProcessing(end, begin)
    names = {"pad_token": PADDING, "unk_token": UNKNOWN, "cls_token": BEGIN, "sep_token": END, "mask_token": MASK}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=MOST_TOKENS, **names)


def _make_tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, continuing_subword_prefix=CONTINUING))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def build_network(vocabulary: int, seed: int) -> DistilBertForSequenceClassification:
    """Build a DistilBERT of two layers with fresh weights."""
    torch.manual_seed(seed)
    config = DistilBertConfig(
        vocab_size=vocabulary,
        dim=WIDTH,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=2 * WIDTH,
        max_position_embeddings=MOST_TOKENS,
        dropout=DROPOUT,
        attention_dropout=DROPOUT,
        seq_classif_dropout=DROPOUT,
        id2label=dict(enumerate(LABELS)),
        label2id={label: index for index, label in enumerate(LABELS)},
    )
    return DistilBertForSequenceClassification(config)
