"""Ways to the reference gateway beside HTTPS: each takes messages to the reception, and gives its replies out."""
