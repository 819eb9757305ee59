"""How a watchlist gets from the gateway to a kiosk, over a network or on a USB stick (docs/watchlist-updates.md)."""
