"""Versioned prompts: pure functions that build the words for a model and read its answer."""
