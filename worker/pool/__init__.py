"""Celery's prefork pool, whose processes each work several tasks at once."""
