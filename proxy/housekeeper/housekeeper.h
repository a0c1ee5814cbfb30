/* The housekeeper process: the one writer of log lines. */
#pragma once

int housekeeper_main(void);
