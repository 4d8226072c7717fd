"""Every text of the studio, in English and Chinese."""
