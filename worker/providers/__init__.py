"""Model providers: one file an SDK, one contract (`base`), and the chain that falls back."""
