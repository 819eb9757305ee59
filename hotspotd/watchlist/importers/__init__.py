"""Deliveries of other people's lists, read into a staging store: one module for each kind.

An importer is pure reading: it turns a file into ``Step``s and never touches the store. ``run`` takes the steps into
``hotspotd.watchlist.staging`` and can be killed anywhere. Nothing here knows a snapshot: ``hotspotctl watchlist build``
reads the store.
"""
