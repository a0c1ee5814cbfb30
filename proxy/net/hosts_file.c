#include "hosts_file.h"

#include "text.h"

#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 256, DNS_PORT = 53 };

/* Words of a line, one after the other. */
struct words {
    const char *at, *end;
    char word[WORD_MAX];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* False: the line has no more, or what follows is a comment. A word that is too long is given as "". */
static bool next_word(struct words *words)
{
    const char *start;
    size_t len;

    while (words->at < words->end && is_blank(*words->at))
        words->at++;
    start = words->at;
    while (words->at < words->end && !is_blank(*words->at) && *words->at != '#')
        words->at++;
    len = (size_t)(words->at - start);
    if (!len)
        return false;
    if (len >= sizeof words->word || memchr(start, 0, len))
        len = 0;
    memcpy(words->word, start, len);
    words->word[len] = 0;
    return true;
}

static bool next_line(const char **text, size_t *len, struct words *words)
{
    const char *end;

    if (!*len)
        return false;
    end = memchr(*text, '\n', *len);
    words->at = *text;
    words->end = end ? end : *text + *len;
    *len -= (size_t)(words->end - *text) + (end ? 1 : 0);
    *text = words->end + (end ? 1 : 0);
    return true;
}

static bool line_has(struct words *words, const char *host)
{
    while (next_word(words))
        if (text_same(words->word, host))
            return true;
    return false;
}

size_t hosts_file_find(const char *text, size_t len, const char *host, struct addr *out, size_t max)
{
    struct words words;
    size_t count = 0;

    while (count < max && next_line(&text, &len, &words)) {
        struct addr addr;
        struct err err;

        if (next_word(&words) && addr_parse_host(words.word, &addr, &err) && line_has(&words, host))
            out[count++] = addr;
    }
    return count;
}

size_t hosts_file_servers(const char *text, size_t len, struct addr *out, size_t max)
{
    struct words words;
    size_t count = 0;

    while (count < max && next_line(&text, &len, &words)) {
        struct addr addr;
        struct err err;

        if (!next_word(&words) || strcmp(words.word, "nameserver") != 0 || !next_word(&words))
            continue;
        if (addr_parse_host(words.word, &addr, &err))
            addr_set_port(&addr, DNS_PORT);
        else if (!addr_parse(words.word, &addr, &err))
            continue;
        out[count++] = addr;
    }
    return count;
}
