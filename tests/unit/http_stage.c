#include "http_stage.h"

#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct stage stage;

/* --- the session, as far as http.c uses it --- */

struct loop *session_loop(const struct session *s)
{
    (void)s;
    return stage.loop;
}

const struct conf_listener *session_conf(const struct session *s)
{
    (void)s;
    return &stage.conf;
}

struct stream *session_client(const struct session *s)
{
    return s->client;
}

struct listener_counters *session_counters(const struct session *s)
{
    (void)s;
    return &stage.counters;
}

struct stream *session_connect_backend(struct session *s, const struct conf_backends *which,
                                       const struct stream_user *user, void *owner, struct err *err)
{
    (void)s;
    return stream_connect(stage.loop, &(which ? which : &stage.conf.backends)->items[0].addr, 1000, user,
                          owner, err);
}

const char *session_backend_text(const struct session *s)
{
    (void)s;
    return "backend";
}

const struct identity *session_identity(const struct session *s)
{
    static const struct identity nobody = {.secure = true};

    (void)s;
    return &nobody;
}

const struct addr *session_peer(const struct session *s)
{
    static struct addr peer;

    stream_peer(s->client, &peer);
    return &peer;
}

const struct conf_partner *session_partner(const struct session *s)
{
    (void)s;
    return NULL;
}

bool session_recheck(struct session *s, struct err *why)
{
    if (s->distrusted)
        err_set(why, "revoked");
    return !s->distrusted;
}

bool session_certificate(const struct session *s, const uint8_t **der, size_t *len)
{
    (void)s;
    (void)der;
    (void)len;
    return false;
}

bool session_chain_certificate(struct session *s, size_t i, const uint8_t **der, size_t *len)
{
    (void)i;
    return session_certificate(s, der, len);
}

void session_touch(struct session *s)
{
    s->touches++;
}

void session_hold_idle(struct session *s)
{
    s->holds++;
}

void session_release_idle(struct session *s)
{
    s->holds--;
}

void session_log(const struct session *s, struct log_line *line, enum log_level level, const char *event)
{
    (void)s;
    (void)level;
    (void)event;
    line->wanted = false;
}

void session_log_client(const struct session *s, struct log_line *line)
{
    (void)s;
    (void)line;
}

static void finish(struct session *s, enum session_reason reason, const char *detail, bool aborted)
{
    assert_false(s->over); /* once */
    s->over = true;
    err_set(&s->detail, "%s", detail ? detail : "");
    s->reason = reason;
    s->aborted = aborted;
    protocol_https.close(s->state);
    if (aborted)
        stream_abort(s->client);
    else
        stream_close(s->client);
}

void session_end(struct session *s, enum session_reason reason, const char *detail)
{
    finish(s, reason, detail, false);
}

void session_abort(struct session *s, enum session_reason reason, const char *detail)
{
    finish(s, reason, detail, true);
}

/* --- the far ends --- */

int stage_setup(void **state)
{
    struct err err;

    (void)state;
    memset(&stage.session, 0, sizeof stage.session);
    memset(&stage.counters, 0, sizeof stage.counters);
    memset(&stage.conf, 0, sizeof stage.conf);
    stage.conf.head_timeout_ms = stage.conf.response_timeout_ms = stage.conf.idle_timeout_ms = 60000;
    stage.conf.backends = (struct conf_backends){1, &stage.backend_conf};
    stage.listening = net_listen(&stage.backend_conf.addr);
    stage.backend = -1;
    stage.loop = loop_new(&err);
    assert_non_null(stage.loop);
    stage.session.client = net_pair(stage.loop, &stage.client);
    stage.session.state = protocol_https.open(&stage.session);
    return stage.session.state ? 0 : -1;
}

static bool no_stream_is_left(void *arg)
{
    (void)arg;
    return !loop_streams(stage.loop);
}

int stage_teardown(void **state)
{
    (void)state;
    if (!stage.session.over)
        session_abort(&stage.session, REASON_STOPPING, NULL);
    (void)close(stage.client);
    (void)close(stage.listening);
    if (stage.backend >= 0)
        (void)close(stage.backend);
    assert_true(net_run_until(stage.loop, no_stream_is_left, NULL));
    loop_free(stage.loop);
    return 0;
}

bool stage_can_read(void *arg)
{
    struct pollfd one = {.fd = *(int *)arg, .events = POLLIN};

    return poll(&one, 1, 0) > 0;
}

bool stage_is_over(void *arg)
{
    (void)arg;
    return stage.session.over;
}

void stage_say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until fd has said exactly this much. */
void stage_hear(int fd, const char *text)
{
    char got[8192];
    size_t len = strlen(text), have = 0;

    while (have < len) {
        assert_true(net_run_until(stage.loop, stage_can_read, &fd));
        ssize_t more = recv(fd, got + have, len - have, 0);
        assert_true(more > 0);
        have += (size_t)more;
    }
    got[have] = 0;
    assert_string_equal(got, text);
}

/* Turns the loop until the backend's connection has come. */
void stage_meet(void)
{
    assert_true(net_run_until(stage.loop, stage_can_read, &stage.listening));
    stage.backend = accept(stage.listening, NULL, NULL);
    assert_true(stage.backend >= 0);
}

/* 0: fd ended in order; else the errno of its end. */
int stage_how_it_ended(int fd)
{
    char byte;
    ssize_t got;

    assert_true(net_run_until(stage.loop, stage_can_read, &fd));
    got = recv(fd, &byte, 1, 0);
    assert_true(got <= 0);
    return got ? errno : 0;
}

bool stage_nothing_comes(int fd)
{
    net_turns(stage.loop, 20);
    return !stage_can_read(&fd);
}
