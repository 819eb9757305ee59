"""The one database: encounters, alerts, the outbox, the audit chain."""

from hotspotd.records.records import Records

__all__ = ["Records"]
