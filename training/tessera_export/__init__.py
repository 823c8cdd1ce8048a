"""Writes bundles from other people's checkpoints."""
