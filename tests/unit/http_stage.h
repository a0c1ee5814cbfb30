/*
 * protocol_https on real sockets, in clear: the session is this stage's own, so that what http.c asks of it
 * is seen. One at a time; setup and teardown around each test.
 */
#pragma once

#include "conf.h"
#include "counters.h"
#include "http.h"
#include "net_pair.h"

struct session {
    void *state;
    struct stream *client;
    bool over, aborted, distrusted;
    enum session_reason reason;
    struct err detail;
    int holds, touches;
};

struct stage {
    struct loop *loop;
    struct conf_listener conf;
    struct conf_backend backend_conf;
    struct listener_counters counters;
    struct session session;
    int client, backend, listening; /* the far ends; backend is -1 until it was accepted */
};

extern struct stage stage;

int stage_setup(void **state);
int stage_teardown(void **state);

/* For net_run_until. fd: an int's address. */
bool stage_can_read(void *fd);
bool stage_is_over(void *unused);

void stage_say(int fd, const char *text);
/* Turns the loop until fd has said exactly this much. */
void stage_hear(int fd, const char *text);
/* Turns the loop until the backend's connection has come. */
void stage_meet(void);
/* 0: fd ended in order; else the errno of its end. */
int stage_how_it_ended(int fd);
bool stage_nothing_comes(int fd);

#define FORWARDED                                                                                            \
    "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"                                             \
    "Forwarded: for=127.0.0.1;proto=https;host=\"h\"\r\nX-Forwarded-Host: h\r\n"
#define GET       "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET_ON    "GET / HTTP/1.1\r\nHost: h\r\n" FORWARDED "\r\n"
#define PUT(n)    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " n "\r\n\r\n"
#define PUT_ON(n) "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " n "\r\n" FORWARDED "\r\n"
#define OK(n)     "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\n\r\n"
#define CLOSED(n) "HTTP/1.1 200 OK\r\nContent-Length: " n "\r\nConnection: close\r\n\r\n"

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_setup, stage_teardown)
