"""Vision-language models in this process, by transformers: encode once, keep prefixes, batch."""
