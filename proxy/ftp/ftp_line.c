#include "ftp_line.h"

#include <string.h>

enum { TELNET_DATA_MARK = 0xf2, TELNET_INTERRUPT = 0xf4, TELNET_IAC = 0xff };

/* How many bytes at data are Telnet's: the signs in front of ABOR, and one of two IACs. A byte 255 before
 * anything else is a letter of a file's name (Latin-1). */
static size_t telnet_len(const uint8_t *data, size_t len)
{
    if (len < 2 || data[0] != TELNET_IAC)
        return 0;
    if (data[1] == TELNET_IAC)
        return 1;
    return data[1] == TELNET_INTERRUPT || data[1] == TELNET_DATA_MARK ? 2 : 0;
}

/* Copies raw without Telnet sequences; false when the result is too long. */
static bool strip_telnet(const uint8_t *raw, size_t raw_len, struct ftp_line *out)
{
    out->len = 0;
    for (size_t i = 0; i < raw_len; i++) {
        size_t telnet = telnet_len(raw + i, raw_len - i);
        if (telnet < 2 && out->len == FTP_COMMAND_MAX)
            return false;
        if (telnet < 2)
            out->text[out->len++] = (char)raw[i];
        i += telnet > 0;
    }
    out->text[out->len] = '\0';
    return true;
}

enum ftp_line_status ftp_line_read(const uint8_t *data, size_t len, struct ftp_line *out, size_t *taken)
{
    *taken = 0;
    if (len == 0)
        return FTP_LINE_MORE;
    size_t window = len < FTP_COMMAND_RAW_MAX ? len : FTP_COMMAND_RAW_MAX;
    const uint8_t *end = memchr(data, '\n', window);
    if (!end)
        return len < FTP_COMMAND_RAW_MAX ? FTP_LINE_MORE : FTP_LINE_TOO_LONG;
    size_t raw_len = (size_t)(end - data);
    size_t whole = raw_len + 1;
    if (raw_len && data[raw_len - 1] == '\r')
        raw_len--;
    if (!strip_telnet(data, raw_len, out))
        return FTP_LINE_TOO_LONG;
    *taken = whole;
    if (memchr(out->text, '\r', out->len) || memchr(out->text, '\0', out->len) ||
        memchr(out->text, '\n', out->len))
        return FTP_LINE_BAD;
    return FTP_LINE_READY;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

void ftp_line_parse(const struct ftp_line *line, struct ftp_command *out)
{
    size_t len = 0;
    while (len < FTP_VERB_MAX && (is_letter(line->text[len]) || (len && is_digit(line->text[len])))) {
        out->verb[len] = line->text[len];
        if (is_letter(line->text[len]))
            out->verb[len] = (char)(line->text[len] & ~0x20);
        len++;
    }
    if (line->text[len] != '\0' && line->text[len] != ' ')
        len = 0;
    out->verb[len] = '\0';
    const char *space = strchr(line->text, ' ');
    out->argument = space ? space + 1 : "";
}

void ftp_reply_init(struct ftp_reply *reply)
{
    reply->code = 0;
    reply->complete = false;
    buf_init(&reply->text, FTP_REPLY_BYTES_MAX);
}

void ftp_reply_reset(struct ftp_reply *reply)
{
    ftp_reply_free(reply);
    ftp_reply_init(reply);
}

void ftp_reply_free(struct ftp_reply *reply)
{
    buf_free(&reply->text);
}

/* The code that a line begins with, 0 when it begins with none. */
static unsigned line_code(const uint8_t *line, size_t len)
{
    if (len < 3 || line[0] < '1' || line[0] > '5' || line[1] < '0' || line[1] > '9' || line[2] < '0' ||
        line[2] > '9')
        return 0;
    return (unsigned)(line[0] - '0') * 100 + (unsigned)(line[1] - '0') * 10 + (unsigned)(line[2] - '0');
}

static bool reply_append(struct ftp_reply *reply, const uint8_t *line, size_t len)
{
    uint8_t *room = buf_reserve(&reply->text, len + 2);
    if (!room)
        return false;
    for (size_t i = 0; i < len; i++)
        room[i] = line[i] == '\r' || line[i] == '\0' ? ' ' : line[i];
    room[len] = '\r';
    room[len + 1] = '\n';
    buf_commit(&reply->text, len + 2);
    return true;
}

/* One line without its end. */
static enum ftp_line_status reply_line(struct ftp_reply *reply, const uint8_t *line, size_t len)
{
    unsigned code = line_code(line, len);
    bool first = reply->code == 0;
    bool last = len == 3 || (len > 3 && line[3] == ' ');
    if (first && (code == 0 || !(last || line[3] == '-')))
        return FTP_LINE_BAD;
    if (!reply_append(reply, line, len))
        return FTP_LINE_TOO_LONG;
    if (first)
        reply->code = code;
    if (code != reply->code || !last)
        return FTP_LINE_MORE;
    reply->complete = true;
    return FTP_LINE_READY;
}

enum ftp_line_status ftp_reply_add(struct ftp_reply *reply, const uint8_t *data, size_t len, size_t *taken)
{
    enum ftp_line_status status = FTP_LINE_MORE;
    *taken = 0;
    while (status == FTP_LINE_MORE && *taken < len) {
        const uint8_t *line = data + *taken;
        size_t left = len - *taken;
        size_t window = left < FTP_REPLY_LINE_MAX ? left : FTP_REPLY_LINE_MAX;
        const uint8_t *end = memchr(line, '\n', window);
        if (!end)
            return left < FTP_REPLY_LINE_MAX ? FTP_LINE_MORE : FTP_LINE_TOO_LONG;
        size_t line_len = (size_t)(end - line);
        *taken += line_len + 1;
        if (line_len && line[line_len - 1] == '\r')
            line_len--;
        status = reply_line(reply, line, line_len);
    }
    return status;
}
