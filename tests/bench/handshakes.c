/*
 * handshakes full|resumed PORT CLIENTS SECONDS: so many client processes make TLS handshakes with
 * 127.0.0.1:PORT, one after the other, for so long. `resumed` begins with a full one and offers its session
 * ever after. Prints one line:
 *
 *     done=N failed=N other=N seconds=S per_second=R p50_ms=T p99_ms=T max_ms=T
 *
 * done: those of the kind asked for; other: the server chose the other kind. Times are from the ClientHello
 * to the client's own Finished. Cheap on purpose: it shares the processors with what it measures, so no
 * certificate chain is verified (the server's signature is), and connections end with a RST.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, TIMES_MAX = 100000, ANSWER_LIMIT_MS = 60000, REFUSED_REST_MS = 5 };

/* What one client process has seen; shared with the parent, written by the client only. */
struct record {
    uint32_t done, failed, other;
    uint32_t times_us[TIMES_MAX];
};

struct client {
    SSL_CTX *ctx;
    SSL_SESSION *session; /* NULL: a full handshake */
    struct sockaddr_in server;
    bool resume;
    uint64_t end_us;
    struct record *record;
};

static uint64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int dial(const struct client *client)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)(const void *)&client->server, sizeof client->server) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static int take_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *client = SSL_get_app_data(ssl);

    if (!client->resume || client->session)
        return 0;
    client->session = session;
    /* With a cache OpenSSL takes a TLS 1.3 session for used up after one resumption. */
    (void)SSL_CTX_set_session_cache_mode(client->ctx, SSL_SESS_CACHE_OFF);
    return 1;
}

/* The server's tickets tell that it has finished too, and are the session to resume. */
static void await_server(SSL *ssl)
{
    struct pollfd readable = {.fd = SSL_get_fd(ssl), .events = POLLIN};
    const struct client *client = SSL_get_app_data(ssl);
    char byte;

    if (SSL_version(ssl) != TLS1_3_VERSION || poll(&readable, 1, ANSWER_LIMIT_MS) <= 0)
        return;
    if (client->resume && !client->session) {
        struct timeval moment = {.tv_usec = 200000};

        (void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
        (void)SSL_read(ssl, &byte, 1);
    }
}

static void count(struct client *client, bool reused, uint64_t took_us)
{
    struct record *record = client->record;

    if (reused != client->resume)
        record->other++;
    else if (record->done < TIMES_MAX)
        record->times_us[record->done++] = (uint32_t)took_us;
}

/* A handshake on a connection of its own; counted unless it is the one that brings the session. */
static void shake(struct client *client)
{
    bool brings_session = client->resume && !client->session;
    int fd = dial(client);
    SSL *ssl = fd < 0 ? NULL : SSL_new(client->ctx);
    bool done = false;

    if (ssl) {
        uint64_t begun_us = now_us();

        SSL_set_app_data(ssl, client);
        (void)SSL_set_fd(ssl, fd);
        if (client->session)
            (void)SSL_set_session(ssl, client->session);
        done = SSL_connect(ssl) == 1;
        if (done && !brings_session)
            count(client, SSL_session_reused(ssl) == 1, now_us() - begun_us);
        if (done)
            await_server(ssl);
    }
    if (!done) {
        client->record->failed++;
        (void)poll(NULL, 0, REFUSED_REST_MS);
    }
    if (done) {
        /* A session whose connection was not shut down is not resumed again. */
        SSL_set_quiet_shutdown(ssl, 1);
        (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    if (fd >= 0)
        (void)close(fd);
}

static int run_client(struct client *client)
{
    client->ctx = SSL_CTX_new(TLS_client_method());
    if (!client->ctx)
        return 1;
    (void)SSL_CTX_set1_groups_list(client->ctx, "X25519");
    (void)SSL_CTX_set_session_cache_mode(client->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->ctx, take_session);
    while (now_us() < client->end_us)
        shake(client);
    return 0;
}

static int by_value(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return a < b ? -1 : a > b;
}

static double share_ms(const uint32_t *times_us, size_t count, double share)
{
    size_t index = (size_t)((double)count * share);

    if (!count)
        return 0;
    return times_us[index < count ? index : count - 1] / 1000.;
}

static int report(const struct record *records, size_t clients, double seconds)
{
    uint32_t done = 0, failed = 0, other = 0, *times_us;
    size_t filled = 0;

    for (size_t i = 0; i < clients; i++) {
        done += records[i].done;
        failed += records[i].failed;
        other += records[i].other;
    }
    times_us = calloc(done + 1, sizeof *times_us);
    if (!times_us)
        return 1;
    for (size_t i = 0; i < clients; i++) {
        memcpy(times_us + filled, records[i].times_us, records[i].done * sizeof *times_us);
        filled += records[i].done;
    }
    qsort(times_us, filled, sizeof *times_us, by_value);
    (void)printf(
        "done=%u failed=%u other=%u seconds=%.2f per_second=%.1f p50_ms=%.3f p99_ms=%.3f max_ms=%.3f\n", done,
        failed, other, seconds, done / seconds, share_ms(times_us, filled, 0.5),
        share_ms(times_us, filled, 0.99), share_ms(times_us, filled, 1));
    free(times_us);
    return 0;
}

/* 0: not a number from 1 to most. */
static long number(const char *text, long most)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);

    return *end || value < 1 || value > most ? 0 : value;
}

int main(int argc, char **argv)
{
    bool resume = argc == 5 && strcmp(argv[1], "resumed") == 0;
    long port, clients, seconds;
    struct record *records;
    uint64_t begun_us = now_us();

    if (argc != 5 || (!resume && strcmp(argv[1], "full") != 0) || !(port = number(argv[2], 65535)) ||
        !(clients = number(argv[3], CLIENTS_MAX)) || !(seconds = number(argv[4], 3600))) {
        (void)fprintf(stderr, "usage: handshakes full|resumed PORT CLIENTS SECONDS\n");
        return 2;
    }
    records = mmap(NULL, (size_t)clients * sizeof *records, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (records == MAP_FAILED)
        return 1;
    (void)signal(SIGPIPE, SIG_IGN);
    for (long i = 0; i < clients; i++) {
        struct client client = {.server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)},
                                .resume = resume,
                                .end_us = begun_us + (uint64_t)seconds * 1000000,
                                .record = &records[i]};

        client.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fork() == 0)
            _exit(run_client(&client));
    }
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
    return report(records, (size_t)clients, (double)(now_us() - begun_us) / 1e6);
}
