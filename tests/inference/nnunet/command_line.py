"""Several runs of nnU-Net's own command line in one process, which imports torch once.

    python tests/inference/nnunet/command_line.py ARGUMENTS...

Each argument is one command line of nnUNetv2_predict, without its name.
"""

import sys


def main(commands: list[str]) -> None:
    from nnunetv2.inference.predict_from_raw_data import predict_entry_point

    for command in commands:
        # Without processes of its own; -npp 0 is what the command line offers for that.
        sys.argv = ["nnUNetv2_predict", *command.split(), "-npp", "0", "-nps", "0"]
        predict_entry_point()


if __name__ == "__main__":
    main(sys.argv[1:])
