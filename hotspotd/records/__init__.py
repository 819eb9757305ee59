"""The one database: encounters, alerts, the outbox, the audit chain."""
