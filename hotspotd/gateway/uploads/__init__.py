"""Messages that come in parts, as tus 1.0 has it."""
