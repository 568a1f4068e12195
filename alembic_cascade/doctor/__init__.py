"""The preflight: whether a project and its databases are as migrations need them."""
