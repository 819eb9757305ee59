"""Publishing watchlists to kiosks: a TUF repository of sealed snapshots and deltas (docs/watchlist-updates.md)."""
