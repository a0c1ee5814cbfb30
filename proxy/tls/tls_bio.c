#include "tls_bio.h"

#include <string.h>

static struct {
    BIO *bio;
    struct buf *carry;
    struct tls_io *io;
} line; /* the worker has one thread */

static size_t take_carry(uint8_t *data, size_t size)
{
    size_t len = line.carry ? buf_len(line.carry) : 0;

    if (len > size)
        len = size;
    if (!len)
        return 0;
    memcpy(data, buf_data(line.carry), len);
    buf_take(line.carry, len);
    if (!buf_len(line.carry))
        buf_free(line.carry); /* most conversations never keep anything again */
    return len;
}

static size_t take_input(uint8_t *data, size_t size)
{
    size_t len = line.io ? line.io->in_len : 0;

    if (len > size)
        len = size;
    if (!len)
        return 0;
    memcpy(data, line.io->in, len);
    line.io->in += len;
    line.io->in_len -= len;
    return len;
}

static int line_read(BIO *bio, char *data, size_t size, size_t *len)
{
    BIO_clear_retry_flags(bio);
    *len = take_carry((uint8_t *)data, size);
    *len += take_input((uint8_t *)data + *len, size - *len);
    if (*len || !size)
        return 1;
    BIO_set_retry_read(bio);
    return 0;
}

static int line_write(BIO *bio, const char *data, size_t size, size_t *len)
{
    BIO_clear_retry_flags(bio);
    *len = size;
    if (!line.io)
        return 1;
    if (size > line.io->out_size - line.io->out_len) {
        *len = 0;
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(line.io->out + line.io->out_len, data, size);
    line.io->out_len += size;
    return 1;
}

static long line_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* the owner of the output sends it */
}

static BIO *line_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "p11gate");
    BIO *bio = NULL;

    if (method && BIO_meth_set_read_ex(method, line_read) && BIO_meth_set_write_ex(method, line_write) &&
        BIO_meth_set_ctrl(method, line_control))
        bio = BIO_new(method);
    if (!bio) {
        BIO_meth_free(method);
        return NULL;
    }
    BIO_set_init(bio, 1);
    return bio;
}

BIO *tls_bio_get(void)
{
    if (!line.bio)
        line.bio = line_new();
    if (!line.bio || !BIO_up_ref(line.bio))
        return NULL;
    return line.bio;
}

void tls_bio_lend(struct buf *carry, struct tls_io *io)
{
    line.carry = carry;
    line.io = io;
}

void tls_bio_return(void)
{
    tls_bio_lend(NULL, NULL);
}
