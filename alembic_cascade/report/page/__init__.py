"""The report as one file for a browser: an HTML page that asks nothing of the network."""
