"""Makes a talking video through a running studio's API.

For example: python examples/01_speech_driven.py me.jpg --consent --text "Hello." -o out.mp4
"""

from client import arguments, run

if __name__ == "__main__":
    run(arguments(__doc__, silent=False).parse_args(), "/speech_driven")
