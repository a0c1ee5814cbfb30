#include "conf_scan.h"

#include <stdint.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

struct scan {
    const char *at, *end;
    int line;
    struct conf_report *report;
    bool good;

    char before;          /* the first byte of the last word, string or sign; 0: there was none */
    char open[DEPTH_MAX]; /* the brackets around what is looked at, innermost last */
    size_t depth;
};

static bool scan_sees(const struct scan *scan, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(scan->end - scan->at) >= len && memcmp(scan->at, word, len) == 0;
}

static void scan_fail(struct scan *scan, int line, const char *reason)
{
    if (scan->report)
        conf_report_add(scan->report, line, "", "%s", reason);
    scan->good = false;
}

static void scan_step(struct scan *scan, size_t count)
{
    for (; count && scan->at < scan->end; count--)
        scan->line += *scan->at++ == '\n';
}

static void scan_line_comment(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n')
        scan->at++;
}

static void scan_block_comment(struct scan *scan)
{
    int begin = scan->line;

    scan_step(scan, 2);
    while (scan->at < scan->end && !scan_sees(scan, "*/"))
        scan_step(scan, 1);
    if (scan->at == scan->end)
        scan_fail(scan, begin, "the comment that begins here (/*) has no end");
    scan_step(scan, 2);
}

/* Between [ ] and ( ) a value may follow a comma; outside a comma is only another semicolon. */
static bool string_may_stand(const struct scan *scan)
{
    char around = 0;
    bool listed;

    if (scan->depth)
        around = scan->open[scan->depth - 1];
    listed = around == '[' || around == '(';
    return scan->before == '=' || scan->before == ':' || scan->before == '"' ||
           (listed && (scan->before == around || scan->before == ','));
}

/* No option takes a string of several lines, so a line's end shows where a quote was forgotten. The rest of
 * the file would be read inside out. */
static void scan_string(struct scan *scan)
{
    if (!string_may_stand(scan)) {
        scan_fail(scan, scan->line, "a string where none can stand (a missing = or comma?)");
        scan->at = scan->end;
        return;
    }
    scan_step(scan, 1);
    while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\n') {
        if (scan_sees(scan, "\\x00") || scan_sees(scan, "\\X00"))
            scan_fail(scan, scan->line, "a string cannot hold the byte 0 (\\x00)");
        scan_step(scan, scan_sees(scan, "\\\"") || scan_sees(scan, "\\\\") ? 2 : 1);
    }
    if (scan->at < scan->end && *scan->at == '"') {
        scan_step(scan, 1);
        return;
    }
    scan_fail(scan, scan->line, "a string has no end on this line");
    scan->at = scan->end;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return 16;
}

static bool is_name_byte(char c)
{
    return digit_of(c) < 10 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' || c == '*';
}

static void scan_number(struct scan *scan)
{
    bool hex = scan_sees(scan, "0x") || scan_sees(scan, "0X");
    uint64_t value = 0;

    if (hex)
        scan->at += 2;
    while (scan->at < scan->end && digit_of(*scan->at) < (hex ? 16 : 10)) {
        if (value <= INT32_MAX)
            value = value * (hex ? 16 : 10) + (uint64_t)digit_of(*scan->at);
        scan->at++;
    }
    if (value > INT32_MAX)
        scan_fail(scan, scan->line, "a number cannot be larger than 2147483647");
}

/* A name, whole, so that its digits are not taken for a number. */
static void scan_name(struct scan *scan)
{
    while (scan->at < scan->end && is_name_byte(*scan->at))
        scan->at++;
}

static void scan_open(struct scan *scan)
{
    if (scan->depth == DEPTH_MAX) {
        scan_fail(scan, scan->line, "brackets within brackets, more than any option needs");
        scan->at = scan->end;
        return;
    }
    scan->open[scan->depth++] = *scan->at++;
}

static void scan_sign(struct scan *scan)
{
    if (scan_sees(scan, "@include"))
        scan_fail(scan, scan->line, "@include: a configuration is one file");
    if (strchr(")]}", *scan->at) && scan->depth)
        scan->depth--;
    scan_step(scan, 1);
}

static void scan_token(struct scan *scan)
{
    char first = *scan->at;

    if (first == '"')
        scan_string(scan);
    else if (first == '(' || first == '[' || first == '{')
        scan_open(scan);
    else if (digit_of(first) < 10)
        scan_number(scan);
    else if (is_name_byte(first) && first != '-')
        scan_name(scan);
    else
        scan_sign(scan);
    scan->before = first;
}

/* White space, a comment, or a token. */
static void scan_next(struct scan *scan)
{
    if (strchr(" \t\r\n\f", *scan->at))
        scan_step(scan, 1);
    else if (scan_sees(scan, "/*"))
        scan_block_comment(scan);
    else if (*scan->at == '#' || scan_sees(scan, "//"))
        scan_line_comment(scan);
    else
        scan_token(scan);
}

static bool scan_bytes(const char *text, size_t len, struct conf_report *report)
{
    const char *zero = memchr(text, 0, len);
    int line = 1;

    if (!zero)
        return true;
    for (const char *at = text; at < zero; at++)
        line += *at == '\n';
    conf_report_add(report, line, "", "the file holds a byte 0: it is damaged or not a text");
    return false;
}

char conf_scan_first(const char *text, size_t len)
{
    struct scan scan = {.at = text, .end = text + len, .good = true};

    while (scan.at < scan.end && !scan.before)
        scan_next(&scan);
    return scan.before;
}

bool conf_scan(const char *text, size_t len, struct conf_report *report)
{
    struct scan scan = {.at = text, .end = text + len, .line = 1, .report = report, .good = true};

    if (!scan_bytes(text, len, report))
        return false;
    while (scan.at < scan.end)
        scan_next(&scan);
    return scan.good;
}
