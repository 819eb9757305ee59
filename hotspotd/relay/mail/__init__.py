"""Messages by mail: S/MIME, fetching by POP3, submission by SMTP; what kiosk and gateway share of it."""
