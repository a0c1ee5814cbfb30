/*
 * Whole exchanges as scripts: what client and backend send and how their connections end, and what reaches
 * the other side. The play has the streams' part: what is not taken is kept and given again with more behind
 * it.
 */
#pragma once

#include "buf.h"
#include "http_exchange.h"

#include <stddef.h>
#include <stdint.h>

enum who {
    END, /* of the script */
    CLIENT,
    BACKEND,
    CLIENT_ENDS,
    CLIENT_CUT,
    BACKEND_ENDS,
    BACKEND_FAILS,
    NO_BACKEND,
    BODY_SLOW,
    HEAD_LATE,
    ANSWER_LATE,
    DRAIN,
    RETIRE,
    STOP,
    IDLE_STOP,
};

struct step {
    enum who who;
    const char *text;
};

enum { CUT = 1, UNSETTLED = 2 };

struct outcome {
    enum http_phase phase;
    enum session_reason reason; /* when it is over */
    int flags;
};

struct script {
    const char *name;
    struct step steps[10];
    const char *to_backend, *to_client;
    const char *log; /* "POST /as2 200 done;" for each record */
    struct outcome outcome;
};

#define FORWARDED                                                                                            \
    "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\nForwarded: "                                  \
    "for=192.0.2.9;proto=https;host=\"h\"\r\n"                                                               \
    "X-Forwarded-Host: h\r\n"
#define CLOSE           "Connection: close\r\n"
#define H               "Host: h\r\n"
#define GET             "GET / HTTP/1.1\r\n" H "\r\n"
#define GET_ON          "GET / HTTP/1.1\r\n" H FORWARDED "\r\n"
#define POST(fields)    "POST /as2 HTTP/1.1\r\n" H fields "\r\n"
#define LENGTH(n)       "Content-Length: " n "\r\n"
#define CHUNKED         "Transfer-Encoding: chunked\r\n"
#define POST_ON(fields) "POST /as2 HTTP/1.1\r\n" H fields "\r\n"
#define OK(fields)      "HTTP/1.1 200 OK\r\n" fields "\r\n"
#define OWN(status, len, fields)                                                                             \
    "HTTP/1.1 " status "\r\nContent-Type: text/plain\r\n" LENGTH(len) fields CLOSE "\r\n" status "\n"
#define OWN_400 OWN("400 Bad Request", "16", "")
#define OWN_408 OWN("408 Request Timeout", "20", "")
#define OWN_413 OWN("413 Content Too Large", "22", "")
#define OWN_502 OWN("502 Bad Gateway", "16", "")
#define OWN_503 OWN("503 Service Unavailable", "24", "Retry-After: 10\r\n")

/* What the exchange gave out so far. */
struct play {
    struct http_exchange *exchange;
    struct buf client, backend; /* untaken */
    struct buf to_client, to_backend, log;
    uint64_t counted_in, counted_out;
};

void play_begin(struct play *play);
void play_end(struct play *play);

/* piece: how many bytes come at once; 0: all. */
void play_step(struct play *play, const struct step *step, size_t piece);
void play_client(struct play *play, const char *text, size_t piece);
void play_backend(struct play *play, const char *text, size_t piece);

/* Plays each script in pieces of several sizes, says what went wrong, and counts it. */
size_t play_scripts(const struct script *scripts, size_t count);
