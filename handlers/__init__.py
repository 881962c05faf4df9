"""The HTTP side: one FastAPI app, served by uvicorn or, through Mangum, by Lambda."""
