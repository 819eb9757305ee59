"""Every page in every state that it has, with drawn people only: for pictures, and for tests that walk them."""
