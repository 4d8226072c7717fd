"""Stage 2: speech, controls and the portrait's latent to a motion sequence."""
