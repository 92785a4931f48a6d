"""The last step before a child's program: become its user, tie its life to the parent's, execute.

Run by path with `python -I -S` (`queen.local.process` builds the command line), so it imports nothing
of ours and nothing from site-packages. It is a program and not a `preexec_fn` because code between
fork and exec of a process with threads can deadlock, and because the order matters:

1. setgroups, setgid, setuid. Python itself may lie where that user cannot go: all imports come before.
2. PR_SET_PDEATHSIG (Linux). Linux clears it whenever credentials change, so it comes after 1, and it
   survives execve of a program without set-uid bits. It fires when the *thread* that forked ends.
3. The parent may have died before 2: then the parent is another process by now, and we give up.

usage: exec_child.py PARENT_PID DEATH_SIGNAL USER PROGRAM [ARGUMENT …]
USER is `uid:gid`, or `-` to stay who we are.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
EXIT_CANNOT_EXECUTE = 126  # the shells' word for "found, but may not run"


def main(arguments: list[str]) -> int:
    """Replace this process by the program; returns an exit code only when that failed."""
    parent_pid, death_signal, user, *command = arguments
    try:
        if user != "-":
            _become(*(int(number) for number in user.split(":")))
        if sys.platform == "linux":
            _die_with_parent(int(death_signal))
            if os.getppid() != int(parent_pid):
                return EXIT_CANNOT_EXECUTE
        os.execv(command[0], command)
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
    return EXIT_CANNOT_EXECUTE


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with_parent(death_signal: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
