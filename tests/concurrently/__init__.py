"""Keys changed while other sessions go on."""
