"""Makes a portrait do what a sentence says, through a running studio's API.

For example: python examples/03_text_instructed.py me.jpg "Smile, then nod" --consent -o out.mp4
"""

from client import arguments, run


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("instruction", help='such as "[1-2s: raise your brows] then look left"')
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a silent take")
    args = parser.parse_args()
    run(args, "/text_instructed", instruction=args.instruction, seconds=args.seconds)


if __name__ == "__main__":
    main()
