/*
 * Small text work that more than one layer needs, each with the whole input checked: numbers,
 * durations, sizes, hex, ASCII case. Locale never matters. Any process; never blocks; owns nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole of text[0..len) as a decimal number; false for anything else, and above max. */
bool text_number(const char *text, size_t len, uint64_t max, uint64_t *out);

/* "250ms", "30s", "5m", "8h", "7d" or "0" in milliseconds, at most 365 days. */
bool text_duration_ms(const char *text, uint64_t *out);

/* "0", "512", "64K", "4M", "4G" in bytes. */
bool text_size_bytes(const char *text, uint64_t *out);

/* Equal without regard to ASCII case. */
bool text_same(const char *a, const char *b);
bool text_same_n(const char *a, size_t a_len, const char *b);

/* Lower-case hex; out takes 2 * len + 1 bytes. */
void text_hex(const uint8_t *data, size_t len, char *out);

/* The number of single edits (insert, delete, change, swap) between two words of at most 63 bytes. */
unsigned text_distance(const char *a, const char *b);

/* Copies with a NUL and tells whether all of it fitted. */
bool text_copy(char *out, size_t size, const char *text);
