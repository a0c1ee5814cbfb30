/*
 * A clock that runs ahead: clock_gettime and time of the program that is linked with it.
 */
#pragma once

extern long kit_later_s; /* how far; 0 in the beginning */
