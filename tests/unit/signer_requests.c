#include "signer_requests.h"

#include "unit.h"

#include "clock.h"

#include <fcntl.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

void request_fill(struct sign_request *out, const struct running *running, size_t key, enum sign_form form,
                  uint32_t scheme, size_t len)
{
    assert_true(key < running->key_count);
    *out = (struct sign_request){.magic = SIGN_MAGIC,
                                 .version = SIGN_VERSION,
                                 .deadline_ms = clock_monotonic_ms() + WAIT_MS,
                                 .form = form,
                                 .scheme = scheme,
                                 .bytes_len = (uint32_t)len};
    memcpy(out->key, running->keys[key].name, sizeof out->key);
}

int request_send(const struct running *running, const struct sign_request *head, const uint8_t *bytes,
                 size_t len)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct sign_request copy = *head;
    uint8_t *data = malloc(len + 1);
    struct iovec parts[2] = {{&copy, sizeof copy}, {data, len}};
    struct msghdr message = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    int pair[2];

    assert_non_null(data);
    memcpy(data, bytes, len);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &pair[1], sizeof(int));
    assert_int_equal(sendmsg(running->queue, &message, MSG_NOSIGNAL), sizeof copy + len);
    assert_int_equal(close(pair[1]), 0);
    free(data);
    return pair[0];
}

void reply_take(int fd, struct reply *out)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    uint8_t bytes[sizeof out->answer + SIGN_SIGNATURE_MAX];
    ssize_t got;
    char end;

    memset(out, 0, sizeof *out);
    assert_int_equal(poll(&waiting, 1, WAIT_MS), 1);
    got = recv(fd, bytes, sizeof bytes, 0);
    if (got > 0)
        assert_int_equal(recv(fd, &end, sizeof end, 0), 0); /* one answer, then the signer closes */
    close(fd);
    if (got <= 0)
        return;
    assert_true((size_t)got >= sizeof out->answer);
    memcpy(&out->answer, bytes, sizeof out->answer);
    assert_int_equal(out->answer.magic, SIGN_MAGIC);
    assert_int_equal(out->answer.version, SIGN_VERSION);
    assert_int_equal(out->answer.signature_len, (size_t)got - sizeof out->answer);
    memcpy(out->signature, bytes + sizeof out->answer, out->answer.signature_len);
    out->came = true;
}

uint32_t request_status(const struct running *running, size_t key, enum sign_form form, uint32_t scheme,
                        const uint8_t *bytes, size_t len, struct reply *reply)
{
    struct sign_request head;

    request_fill(&head, running, key, form, scheme, len);
    reply_take(request_send(running, &head, bytes, len), reply);
    assert_true(reply->came);
    assert_int_equal(reply->answer.signature_len > 0, reply->answer.status == SIGN_DONE);
    return reply->answer.status;
}

size_t message_bytes(enum sign_form form, uint8_t out[MESSAGE_BYTES])
{
    static const char context[] = "TLS 1.3, server CertificateVerify";
    static const uint8_t params[] = {3, 0x00, 0x17, 65, 4};

    memset(out, 0x42, MESSAGE_BYTES);
    if (form == SIGN_FORM_TLS12_SERVER) {
        memcpy(out + 64, params, sizeof params);
        return 64 + 4 + 65;
    }
    memset(out, ' ', 64);
    memcpy(out + 64, context, sizeof context);
    return 64 + sizeof context + 48;
}

bool signature_good(EVP_PKEY *key, uint32_t scheme, const uint8_t *bytes, size_t len,
                    const struct reply *reply)
{
    const EVP_MD *hash = (scheme & 0xff00) == 0x0800 ? (scheme == 0x0804   ? EVP_sha256()
                                                        : scheme == 0x0805 ? EVP_sha384()
                                                                           : EVP_sha512())
                         : scheme >> 8 == 4          ? EVP_sha256()
                         : scheme >> 8 == 5          ? EVP_sha384()
                                                     : EVP_sha512();
    bool rsa_pss = scheme >= 0x0804 && scheme <= 0x0806;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *padding = NULL;
    bool good = EVP_DigestVerifyInit(context, &padding, scheme == 0x0807 ? NULL : hash, NULL, key) == 1;

    if (good && rsa_pss)
        good = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && EVP_DigestVerify(context, reply->signature, reply->answer.signature_len, bytes, len) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

bool memory_has(pid_t pid, const char *secret)
{
    char path[64], line[512], *block = malloc(1 << 20);
    unsigned long from, to;
    bool found = false;
    FILE *maps;
    int memory;

    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(maps && memory >= 0 && block);
    while (fgets(line, sizeof line, maps)) {
        assert_int_equal(sscanf(line, "%lx-%lx", &from, &to), 2);
        if (to - from > 1ul << 30) /* a sanitizer's shadow */
            continue;
        for (unsigned long at = from; at < to; at += (1 << 20) - 64) {
            size_t want = to - at < 1 << 20 ? to - at : 1 << 20;
            ssize_t got = pread(memory, block, want, (off_t)at);

            found = found || (got > 0 && memmem(block, (size_t)got, secret, strlen(secret)));
        }
    }
    fclose(maps);
    close(memory);
    free(block);
    return found;
}
