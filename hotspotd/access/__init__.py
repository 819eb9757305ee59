"""Who is there: secrets, security keys, sign-in with its lock-out, and sessions. No pages; rights: domain.rights."""
