"""A job: note which version ran. Version 1 cannot work with odd numbers."""

import sys

FIXED = False


def main(number: int, notes: str) -> None:
    with open(notes, "a", encoding="utf-8") as lines:
        lines.write("2\n" if FIXED else "1\n")
    if number % 2 and not FIXED:
        raise SystemExit(f"cannot work with {number}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
