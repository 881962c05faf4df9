"""Environment variables that something reads."""

from __future__ import annotations

from core.settings import Settings

KNOWN = {name.upper() for name in Settings.model_fields}
OTHERS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
"""Those of PostgreSQL's image."""
