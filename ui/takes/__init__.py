"""What was made: kept on disk and in the session, shown, played, downloaded."""
