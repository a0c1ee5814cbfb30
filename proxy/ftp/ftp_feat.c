#include "ftp_feat.h"

#include "ftp_commands.h"
#include "text.h"

#include <string.h>

enum { FEATURE_MAX = 200 };

static const char begin[] = "211-Features:\r\n";
static const char end[] = "211 End\r\n";

/* Features that are no command of the table, or are carried although the proxy answers them itself. */
static const char *const carried_words[] = {"PASV", "TVFS", "UTF8"};

enum condition { ALWAYS, WITH_CCC, WITH_ACTIVE, WITH_HOSTS };

static const struct {
    const char *verb, *line;
    enum condition condition;
} own[] = {
    {"AUTH", " AUTH TLS\r\n", ALWAYS}, {"CCC", " CCC\r\n", WITH_CCC},     {"EPRT", " EPRT\r\n", WITH_ACTIVE},
    {"EPSV", " EPSV\r\n", ALWAYS},     {"HOST", " HOST\r\n", WITH_HOSTS}, {"PBSZ", " PBSZ\r\n", ALWAYS},
    {"PROT", " PROT\r\n", ALWAYS},
};

static const struct {
    const char *verb, *line;
} usual[] = {
    {"MDTM", " MDTM\r\n"}, {"REST", " REST STREAM\r\n"}, {"SIZE", " SIZE\r\n"}, {"OPTS", " UTF8\r\n"}};

static bool holds(const struct ftp_feat_offer *offer, enum condition condition)
{
    switch (condition) {
    case WITH_CCC:
        return offer->ccc;
    case WITH_ACTIVE:
        return offer->active;
    case WITH_HOSTS:
        return offer->host;
    case ALWAYS:
        break;
    }
    return true;
}

static bool is_allowed(const struct ftp_feat_offer *offer, const char *verb)
{
    const struct ftp_command_row *row = ftp_command_find(verb);
    row = row ? row : ftp_command_named(offer->commands, verb);
    return !row || ftp_command_allowed(offer->commands, row, verb);
}

static bool add_own(const struct ftp_feat_offer *offer, struct buf *out)
{
    bool whole = buf_add_text(out, begin);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (holds(offer, own[i].condition) && is_allowed(offer, own[i].verb))
            whole = whole && buf_add_text(out, own[i].line);
    return whole;
}

bool ftp_feat_fixed(const struct ftp_feat_offer *offer, struct buf *out)
{
    bool whole = add_own(offer, out);
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (is_allowed(offer, usual[i].verb))
            whole = whole && buf_add_text(out, usual[i].line);
    return whole && buf_add_text(out, end);
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

/* A feature of a command that this listener refuses is none. */
static bool is_refused(const struct ftp_feat_offer *offer, const char *word, size_t len)
{
    char verb[FTP_VERB_MAX + 1];
    if (len > FTP_VERB_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        verb[i] = (char)(word[i] >= 'a' && word[i] <= 'z' ? word[i] & ~0x20 : word[i]);
    verb[len] = '\0';
    return !is_allowed(offer, verb);
}

static bool is_carried(const struct ftp_feat_offer *offer, const char *feature, size_t len)
{
    size_t word = word_len(feature, len);
    if (word == 0 || len > FEATURE_MAX || !is_printable(feature, len) || is_refused(offer, feature, word))
        return false;
    for (size_t i = 0; i < sizeof(carried_words) / sizeof(carried_words[0]); i++)
        if (text_same_n(feature, word, carried_words[i]))
            return true;
    return ftp_command_carried(offer->commands, feature, word);
}

bool ftp_feat_merge(const struct ftp_feat_offer *offer, const char *reply, size_t len, struct buf *out)
{
    if (!add_own(offer, out))
        return false;
    const char *stop = reply + len;
    for (const char *line = reply, *next; line < stop; line = next) {
        const char *eol = memchr(line, '\n', (size_t)(stop - line));
        next = eol ? eol + 1 : stop;
        size_t line_len = (size_t)((eol ? eol : stop) - line);
        if (line_len && line[line_len - 1] == '\r')
            line_len--;
        if (line_len < 2 || line[0] != ' ' || !is_carried(offer, line + 1, line_len - 1))
            continue; /* the first and the last line have no blank in front */
        if (!buf_add(out, line, line_len) || !buf_add_text(out, "\r\n"))
            return false;
    }
    return buf_add_text(out, end);
}
