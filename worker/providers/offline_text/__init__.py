"""The parts of the offline extractor: languages, words, sentences, categories."""
