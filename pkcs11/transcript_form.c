#include "transcript_form.h"

#include "ecdhe_form.h"

enum {
    VERSION_TLS12 = 0x0303, /* also what a client writes that offers TLS 1.3 */
    RANDOM_LEN = 32,
    SESSION_ID_MAX = 32,
};

/* Bytes that are still to be read. A read past the end fails, and everything after it. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* What later messages have to fit to. */
struct transcript {
    size_t point_len;
};

static const uint8_t *take(struct cursor *in, size_t len)
{
    const uint8_t *from = in->at;

    if (in->failed || len > in->left) {
        in->failed = true;
        return NULL;
    }
    in->at += len;
    in->left -= len;
    return from;
}

/* A number of 1 to 3 bytes; 0 after a failure. */
static uint32_t number(struct cursor *in, size_t width)
{
    const uint8_t *bytes = take(in, width);
    uint32_t value = 0;

    for (size_t i = 0; bytes && i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* A vector behind its length (RFC 5246 4.3); empty and failed when it is not whole. */
static struct cursor vector(struct cursor *in, size_t width)
{
    size_t len = number(in, width);
    const uint8_t *bytes = take(in, len);

    return (struct cursor){.at = bytes, .left = bytes ? len : 0, .failed = !bytes};
}

static bool at_end(const struct cursor *in)
{
    return !in->failed && !in->left;
}

/* Extensions, RFC 8446 4.2: each has a type and a vector. */
static bool are_extensions(struct cursor list)
{
    while (!list.failed && list.left) {
        (void)number(&list, 2);
        (void)vector(&list, 2);
    }
    return !list.failed;
}

/* Version, random and session id, with which both hellos begin. */
static bool hello_begins(struct cursor *in)
{
    struct cursor session_id;

    if (number(in, 2) != VERSION_TLS12 || !take(in, RANDOM_LEN))
        return false;
    session_id = vector(in, 1);
    return !session_id.failed && session_id.left <= SESSION_ID_MAX;
}

static bool is_client_hello(struct transcript *of, struct cursor *in)
{
    struct cursor suites, compressions;

    (void)of;
    if (!hello_begins(in))
        return false;
    suites = vector(in, 2);
    compressions = vector(in, 1);
    if (!suites.left || suites.left % 2 || compressions.left != 1 || number(&compressions, 1) != 0)
        return false;
    return are_extensions(vector(in, 2)) && at_end(in);
}

static bool is_server_hello(struct transcript *of, struct cursor *in)
{
    (void)of;
    if (!hello_begins(in))
        return false;
    (void)number(in, 2); /* the cipher suite */
    if (number(in, 1) != 0 || in->failed)
        return false;
    return !in->left || (are_extensions(vector(in, 2)) && at_end(in));
}

/* One or more vectors that are not empty. */
static bool are_items(struct cursor list, size_t width)
{
    do {
        if (!vector(&list, width).left)
            return false;
    } while (list.left);
    return true;
}

static bool is_certificate(struct transcript *of, struct cursor *in)
{
    (void)of;
    return are_items(vector(in, 3), 3) && at_end(in);
}

static bool is_server_key_exchange(struct transcript *of, struct cursor *in)
{
    size_t params_len = in->failed ? 0 : ecdhe_params_len(in->at, in->left);

    if (!params_len || !take(in, params_len))
        return false;
    of->point_len = params_len - ECDHE_HEAD_LEN;
    (void)number(in, 2); /* the scheme */
    return vector(in, 2).left && at_end(in);
}

static bool is_certificate_request(struct transcript *of, struct cursor *in)
{
    struct cursor types = vector(in, 1), schemes = vector(in, 2), names = vector(in, 2);

    (void)of;
    if (!types.left || !schemes.left || schemes.left % 2 || names.failed)
        return false;
    return (!names.left || are_items(names, 2)) && at_end(in);
}

static bool is_server_hello_done(struct transcript *of, struct cursor *in)
{
    (void)of;
    return at_end(in);
}

static bool is_client_key_exchange(struct transcript *of, struct cursor *in)
{
    return vector(in, 1).left == of->point_len && at_end(in);
}

/* RFC 5246 7.3, for a server that asks for a certificate and a client that has one. */
static const struct {
    uint32_t type;
    bool (*is)(struct transcript *of, struct cursor *in);
} messages[] = {
    {1, is_client_hello},         {2, is_server_hello},         {11, is_certificate},
    {12, is_server_key_exchange}, {13, is_certificate_request}, {14, is_server_hello_done},
    {11, is_certificate},         {16, is_client_key_exchange},
};

bool transcript_is_client(const uint8_t *bytes, size_t len)
{
    struct cursor all = {.at = bytes, .left = len};
    struct transcript transcript = {0};

    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        uint32_t type = number(&all, 1);
        struct cursor body = vector(&all, 3);

        if (body.failed || type != messages[i].type || !messages[i].is(&transcript, &body))
            return false;
    }
    return at_end(&all);
}
