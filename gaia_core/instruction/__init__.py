"""Words to controls: what a free-text instruction asks the face to do."""
