"""Text models: Hugging Face transformers, from a directory with `config.json`, safetensors and a tokenizer."""
