"""Names in any script: their Latin forms, an index that finds like ones, a score with its reasons in words."""
