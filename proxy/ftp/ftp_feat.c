#include "ftp_feat.h"

#include "ftp_commands.h"
#include "text.h"

#include <string.h>

enum { FEATURE_MAX = 200 };

static const char own[] = "211-Features:\r\n AUTH TLS\r\n EPSV\r\n PBSZ\r\n PROT\r\n";
static const char usual[] = " MDTM\r\n REST STREAM\r\n SIZE\r\n UTF8\r\n";
static const char end[] = "211 End\r\n";

/* Features that are no command of the table, or are carried although the proxy answers them itself. */
static const char *const carried_words[] = {"PASV", "TVFS", "UTF8"};

bool ftp_feat_fixed(struct buf *out)
{
    return buf_add_text(out, own) && buf_add_text(out, usual) && buf_add_text(out, end);
}

static size_t word_len(const char *feature, size_t len)
{
    size_t n = 0;
    while (n < len && feature[n] != ' ')
        n++;
    return n;
}

static bool is_printable(const char *feature, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)feature[i] < 32 || feature[i] == 127)
            return false;
    return true;
}

static bool is_carried(const char *feature, size_t len)
{
    size_t word = word_len(feature, len);
    if (word == 0 || len > FEATURE_MAX || !is_printable(feature, len))
        return false;
    for (size_t i = 0; i < sizeof(carried_words) / sizeof(carried_words[0]); i++)
        if (text_same_n(feature, word, carried_words[i]))
            return true;
    return ftp_command_carried(feature, word);
}

bool ftp_feat_merge(const char *reply, size_t len, struct buf *out)
{
    if (!buf_add_text(out, own))
        return false;
    const char *stop = reply + len;
    for (const char *line = reply, *next; line < stop; line = next) {
        const char *eol = memchr(line, '\n', (size_t)(stop - line));
        next = eol ? eol + 1 : stop;
        size_t line_len = (size_t)((eol ? eol : stop) - line);
        if (line_len && line[line_len - 1] == '\r')
            line_len--;
        if (line_len < 2 || line[0] != ' ' || !is_carried(line + 1, line_len - 1))
            continue; /* the first and the last line have no blank in front */
        if (!buf_add(out, line, line_len) || !buf_add_text(out, "\r\n"))
            return false;
    }
    return buf_add_text(out, end);
}
