"""The tables that the guide's SQL names."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import DateTime, ForeignKey, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tests.load.reference.database import Base


class ErrorEvent(Base):
    __tablename__ = "error_events"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_key: Mapped[str] = mapped_column(index=True)
    status_code: Mapped[int]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ErrorAnalysis(Base):
    __tablename__ = "error_analysis"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    error_event_id: Mapped[UUID] = mapped_column(ForeignKey("error_events.id"), unique=True)
    analysis_text: Mapped[str]
    model: Mapped[str]
    confidence: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
