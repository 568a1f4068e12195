"""What the story is told with; an application of your own needs none of it."""
