"""Runs of `queen ceiling`: windows → figures of each cell, ratios within each round, words, table, page."""
