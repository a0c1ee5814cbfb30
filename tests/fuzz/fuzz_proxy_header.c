/*
 * A PROXY header: the same verdict in pieces as at once, never more bytes than there are, and addresses that
 * are written again and read as the same ones. The first byte: the size of a piece.
 */
#include "proxy_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool same(const struct addr *a, const struct addr *b)
{
    return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

static void check_written(const struct proxy_header *header, bool is_v2)
{
    struct proxy_header again;
    struct buf out;
    struct err err;

    buf_init(&out, PROXY_HEADER_WRITTEN_MAX);
    must(is_v2 ? proxy_header_write_v2(&out, &header->source, &header->destination, NULL)
               : proxy_header_write_v1(&out, &header->source, &header->destination));
    must(proxy_header_read(buf_data(&out), buf_len(&out), &again, &err) == PROXY_HEADER_DONE);
    must(again.has_addresses && again.len == buf_len(&out));
    must(same(&again.source, &header->source) && same(&again.destination, &header->destination));
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, pieces;
    enum proxy_header_progress at_once, progress = PROXY_HEADER_MORE;
    size_t have = 0, piece;
    struct err err;

    if (size < 2)
        return 0;
    piece = (size_t)data[0] + 1;
    data++;
    size--;
    at_once = proxy_header_read(data, size, &whole, &err);
    must(whole.len <= size && (at_once != PROXY_HEADER_MORE || size < PROXY_HEADER_MAX));
    while (have < size && progress == PROXY_HEADER_MORE) {
        have = piece < size - have ? have + piece : size;
        progress = proxy_header_read(data, have, &pieces, &err);
    }
    must(progress == at_once && pieces.len == whole.len);
    if (at_once == PROXY_HEADER_DONE && whole.has_addresses) {
        must(same(&whole.source, &pieces.source));
        check_written(&whole, false);
        check_written(&whole, true);
    }
    return 0;
}
