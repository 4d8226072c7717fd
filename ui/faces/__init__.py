"""The faces of the portrait, drawn on it and chosen there."""
