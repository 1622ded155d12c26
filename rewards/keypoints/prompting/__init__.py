"""Pictures with marks, questions about them, and what a language model's answers mean."""
