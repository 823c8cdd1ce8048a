"""The reader: the first layers of SmolLM2-135M-Instruct, fine-tuned to say what a sentence about a photo asks for."""
