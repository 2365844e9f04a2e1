"""Models made in a moment: real architectures and the real tokenizer, two layers of 32 numbers, random weights.

PyTorch is imported where it is used: most processes that collect the tests run none of those that need it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from index.models import weights

SMALL = {
    "vocab_size": 30_522,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
}
LONGEST = 100
"""Word pieces that a cross-encoder reads."""

OF_DISTILBERT = {
    "vocab_size": 30_522,
    "dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 64,
    "max_position_embeddings": 130,
}

Config: TypeAlias = tuple[str, Mapping[str, int]]
"""The name of a class of configurations in transformers, and what to make one of."""


def configured(config: Config) -> Any:
    import transformers

    return getattr(transformers, config[0])(**config[1])


def tokenizer() -> Any:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(str(weights.default_folder()))


def cross_encoder(
    place: Path, config: Config = ("BertConfig", SMALL), *, labels: int = 1, activation: str = "Sigmoid"
) -> Path:
    """Save a cross-encoder that thinks anything of a passage."""
    import torch
    import transformers

    made = configured(config)
    made.num_labels = labels
    made.initializer_range = 0.2  # with the usual 0.02 it would think nearly the same of everything
    made.sentence_transformers = {"activation_fn": f"torch.nn.{activation}"}
    torch.manual_seed(1)
    _save(transformers.AutoModelForSequenceClassification.from_config(made), place)
    return place


def lover(place: Path, word: str) -> Path:
    """Save a cross-encoder that puts passages by how large a part of them one word is.

    Its weights are set by hand: a word is the vector `any_` and some noise, the loved one is `loved`, at a right angle;
    attention looks everywhere alike and passes on only what is loved; the score is how much of that there is.
    """
    import torch
    import transformers

    torch.manual_seed(1)
    made = transformers.BertForSequenceClassification(transformers.BertConfig(**SMALL, num_labels=1)).eval()
    any_ = torch.tensor([1.0] * 16 + [-1.0] * 16)
    loved = torch.tensor([1.0, -1.0] * 16)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            weight.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        words = made.bert.embeddings.word_embeddings.weight
        words.copy_(any_ + 0.1 * torch.randn(words.shape))
        words[tokenizer().convert_tokens_to_ids(word)] = loved
        first = made.bert.encoder.layer[0].attention
        first.self.value.weight.copy_(torch.outer(loved, loved))
        first.output.dense.weight.copy_(torch.eye(32))
        made.bert.pooler.dense.weight.copy_(torch.eye(32))
        made.classifier.weight.copy_(loved[None])
    _save(made, place)
    return place


def _save(model: Any, place: Path) -> None:
    from sentence_transformers import CrossEncoder

    raw = place.with_name(f"{place.name}-raw")
    model.save_pretrained(raw)
    cut = tokenizer()
    cut.model_max_length = LONGEST
    cut.save_pretrained(raw)
    CrossEncoder(str(raw), device="cpu").save(str(place))
