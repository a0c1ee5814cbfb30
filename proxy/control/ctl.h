/*
 * `p11gate ctl`: asks a running p11gate over its control socket and prints the answer. A process of the
 * person who calls it, with that person's rights; blocks until the answer is there.
 */
#pragma once

/* argv[0] is "ctl". Returns the exit code: 0 done, 1 refused, failed or nobody there, 2 wrong usage. */
int ctl_main(int argc, char **argv);
