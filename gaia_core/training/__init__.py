"""Training of both stages: packing the data, losses, the loop. Never imported by inference."""
