"""From the outbox to the national gateway and back."""
