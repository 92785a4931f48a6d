"""The report page: one HTML file that needs no network, in light and dark, on paper and on a telephone."""
