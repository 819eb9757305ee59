"""How a device gets its identity and its secrets, keeps them fresh, and loses them at the end."""
