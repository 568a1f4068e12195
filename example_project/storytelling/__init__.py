"""What all stories are told with."""
