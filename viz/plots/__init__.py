"""Pictures of training, drawn with matplotlib."""
