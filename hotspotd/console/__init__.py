"""The web pages and the event streams that feed them."""
