/* Any bytes as replies of a backend, as passive replies and as a feature list: limits hold, nothing is read
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

static const char *const denied[] = {"SITE", "MLSD", "EPSV"};
static const struct ftp_command_policy commands = {.deny = denied, .deny_count = 3};
static const struct ftp_feat_offer offer = {.commands = &commands, .active = true, .host = true, .ccc = true};

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
    if (ftp_feat_merge(&offer, text, len, &features))
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
    read_replies(data, size);
    must(!ftp_passive_read_227((const char *)data, size, &port) || port);
    must(!ftp_passive_read_229((const char *)data, size, &port) || port);
    return 0;
}
