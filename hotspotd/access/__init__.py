"""Who is there: secrets, sign-in with its lock-out, and sessions. Knows no pages; rights are domain.rights."""
