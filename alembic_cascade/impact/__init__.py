"""What would become of rows if some were deleted."""
