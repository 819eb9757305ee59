"""The interface for other programs under ``/api/v1``: each operation is declared once, route and description."""
