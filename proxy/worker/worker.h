/* The worker process: partners' traffic, no files, no module, no PIN. */
#pragma once

/* Runs until it is told to stop; CHANNEL_FD is the line to the supervisor. Returns the exit code. */
int worker_main(void);
