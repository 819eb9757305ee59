"""The reference national gateway. Never imported by the daemon."""
