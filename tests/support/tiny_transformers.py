"""Tiny transformers with seeded random weights, and their tokenizers, as directories of transformers' own."""

import string

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    DistilBertForTokenClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForQuestionAnswering,
    RobertaForSequenceClassification,
    RobertaForTokenClassification,
)

MOST = 48
TEXTS = [
    "the quick brown fox jumps over the lazy dog",
    "a wonderful film with a terrible ending, and a score that nobody will forget",
    "who wrote the book that everybody read?",
    "Ada Lovelace wrote notes on the analytical engine in London",
    "the dog and the fox, the dog or the fox, a dog and a fox, a dog or a fox",
    "unbelievable unhappiness is undoing the doer of deeds",
]
WORDS = [
    "the",
    "a",
    "and",
    "or",
    "dog",
    "fox",
    "book",
    "who",
    "wrote",
    "of",
    "in",
    "quick",
    "brown",
    "lazy",
    "film",
    "good",
    "bad",
]
PIECES = ["un", "##believ", "##able", "##happi", "##ness", "do", "##er", "##ing"]
WIDTH, LAYERS, HEADS = 32, 2, 4


def word_piece():
    """A lower-casing WordPiece tokenizer, as BERT's; WORDS are a token each, and what is not known falls apart."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = string.ascii_lowercase
    vocabulary = [*special, *WORDS, *PIECES, *letters, *(f"##{letter}" for letter in letters), *string.punctuation]
    named = {token: index for index, token in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(named, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    cls, sep = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MOST,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def byte_level():
    """A byte-level BPE tokenizer, as RoBERTa's: any text is of its alphabet."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    begin, end = (tokenizer.token_to_id(token) for token in ("<s>", "</s>"))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", end), ("<s>", begin), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MOST,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        bos_token="<s>",
        eos_token="</s>",
        mask_token="<mask>",
    )


def _bert(tokenizer, **options):
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=64,
        max_position_embeddings=MOST,
        **options,
    )


def _distilbert(tokenizer, **options):
    return DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=WIDTH,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=64,
        max_position_embeddings=MOST,
        **options,
    )


def _roberta(tokenizer, **options):
    return RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=64,
        max_position_embeddings=MOST + 2,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **options,
    )


LABELS = {"sequence": ("negative", "neutral", "positive"), "tokens": ("O", "PER", "LOC"), "answer": ("start", "end")}
FAMILIES = {
    "bert": (
        word_piece,
        _bert,
        {
            "sequence": BertForSequenceClassification,
            "tokens": BertForTokenClassification,
            "answer": BertForQuestionAnswering,
        },
    ),
    "distilbert": (
        word_piece,
        _distilbert,
        {
            "sequence": DistilBertForSequenceClassification,
            "tokens": DistilBertForTokenClassification,
            "answer": DistilBertForQuestionAnswering,
        },
    ),
    "roberta": (
        byte_level,
        _roberta,
        {
            "sequence": RobertaForSequenceClassification,
            "tokens": RobertaForTokenClassification,
            "answer": RobertaForQuestionAnswering,
        },
    ),
}


def save_tiny(directory, family, task, labels=None, **options):
    """Write a model of a family (`bert`, `distilbert`, `roberta`) for a task (`sequence`, `tokens`, `answer`)."""
    make_tokenizer, make_config, classes = FAMILIES[family]
    tokenizer = make_tokenizer()
    named = dict(enumerate(labels or LABELS[task]))
    torch.manual_seed(0)
    network = classes[task](make_config(tokenizer, id2label=named, **options))
    with torch.no_grad():  # transformers' own are so small that all classes score alike
        for parameter in network.parameters():
            parameter.normal_(std=0.2)
    network.save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)  # a server in a pod has a user of its own
    tokenizer.save_pretrained(directory)
    return directory
