"""What the studio knows of Gradio that Gradio does not promise."""
