"""The SQL that the package reads the catalogue with and that its operations run."""
