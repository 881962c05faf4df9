"""The least that FastAPI, Mangum and Powertools can do on Lambda: one route each, which stores nothing."""
