"""What a travel document's chip holds, and whether it is genuine (ICAO Doc 9303-10 to -12).

Bytes in, typed verdicts out: no devices, no database, no network.
"""
