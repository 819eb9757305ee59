"""Reading the chip of passports and cards (ICAO Doc 9303, parts 10 and 11)."""
