"""Lane lights, buzzers and barriers."""
