/* Any bytes as commands, as a reply, as passive replies and as a feature list: limits hold, nothing is read
 * or written past an end, and what is accepted looks like what it was accepted as. */
#include "ftp_feat.h"
#include "ftp_line.h"
#include "ftp_passive.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void read_commands(const uint8_t *data, size_t size)
{
    struct ftp_line line;
    struct ftp_command command;
    size_t taken = 1;
    for (size_t at = 0; at < size && taken; at += taken) {
        enum ftp_line_status status = ftp_line_read(data + at, size - at, &line, &taken);
        must(taken <= size - at);
        must((taken > 0) == (status == FTP_LINE_READY || status == FTP_LINE_BAD));
        if (status != FTP_LINE_READY)
            continue;
        must(line.len <= FTP_COMMAND_MAX && strlen(line.text) == line.len);
        must(!strpbrk(line.text, "\r\n"));
        ftp_line_parse(&line, &command);
        must(strlen(command.verb) <= FTP_VERB_MAX);
        must(command.argument >= line.text || *command.argument == '\0');
    }
}

static void look_at(const struct ftp_reply *reply)
{
    const char *text = (const char *)buf_data(&reply->text);
    size_t len = buf_len(&reply->text);
    struct buf features;
    uint16_t port;
    must(reply->code >= 100 && reply->code < 600 && len >= 5 && len <= FTP_REPLY_BYTES_MAX);
    must(text[len - 2] == '\r' && text[len - 1] == '\n');
    must(!memchr(text, '\0', len));
    must(!ftp_passive_read_227(text, len, &port) || port);
    must(!ftp_passive_read_229(text, len, &port) || port);
    buf_init(&features, FTP_FEAT_MAX);
    if (ftp_feat_merge(text, len, &features))
        must(buf_len(&features) <= FTP_FEAT_MAX);
    buf_free(&features);
}

/* In pieces of the size of the first byte, as packets might cut it. */
static void read_replies(const uint8_t *data, size_t size)
{
    struct ftp_reply reply;
    size_t piece = (size_t)data[0] + 1, at = 0, seen = 0;
    enum ftp_line_status status = FTP_LINE_MORE;
    ftp_reply_init(&reply);
    while (seen < size && (status == FTP_LINE_MORE || status == FTP_LINE_READY)) {
        size_t taken;
        seen = size - seen > piece ? seen + piece : size;
        status = ftp_reply_add(&reply, data + at, seen - at, &taken);
        must(taken <= seen - at);
        at += taken;
        must((status == FTP_LINE_READY) == reply.complete);
        if (status != FTP_LINE_READY)
            continue;
        look_at(&reply);
        ftp_reply_reset(&reply);
    }
    ftp_reply_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t port;
    if (!size)
        return 0;
    read_commands(data, size);
    read_replies(data, size);
    must(!ftp_passive_read_227((const char *)data, size, &port) || port);
    must(!ftp_passive_read_229((const char *)data, size, &port) || port);
    return 0;
}
