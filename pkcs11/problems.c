#include "problems.h"

#include "err.h"
#include "key_name.h"

#include <stdarg.h>
#include <stdio.h>

/* One message on the channel carries the report. */
enum { PROBLEMS_BYTES_MAX = 7800, ROOM_BYTES_MIN = 2600, NAME_BYTES_MAX = 200 };

void problems_init(struct problems *problems)
{
    *problems = (struct problems){0};
    buf_init(&problems->text, PROBLEMS_BYTES_MAX);
}

void problems_add(struct problems *problems, const char *where, const char *name, const char *format, ...)
{
    int shown = key_name_shown(name);
    struct err cause;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(cause.text, sizeof cause.text, format, args);
    va_end(args);
    problems->count++;
    if (buf_len(&problems->text) + ROOM_BYTES_MIN > PROBLEMS_BYTES_MAX ||
        !buf_printf(&problems->text, "%s%.400s: key \"%.*s\": %s", buf_len(&problems->text) ? "\n" : "",
                    where, shown < NAME_BYTES_MAX ? shown : NAME_BYTES_MAX, name, cause.text))
        problems->unsaid++;
}

const char *problems_text(struct problems *problems)
{
    if (problems->unsaid)
        (void)buf_printf(&problems->text, "\nand %zu more problems of this keystore's keys",
                         problems->unsaid);
    return buf_add(&problems->text, "", 1) ? (const char *)buf_data(&problems->text) : "";
}
