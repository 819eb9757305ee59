"""The watchlist: an immutable snapshot on disk, opened memory-mapped and searched."""
