"""Finished takes: on disk, in the session, shown, played, downloaded."""
