"""Generative vision-language models: prompts, questions, and the back ends that answer them."""
