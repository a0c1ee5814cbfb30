/*
 * Why a session, a transfer or a request ended: one enum, one table, the words of the log. docs/events.md
 * shows the same table; a style test holds the two together.
 */
#pragma once

#include <stdbool.h>

/* name in the log, what it means */
#define SESSION_REASONS(X)                                                                                   \
    X(CLIENT_CLOSED, "client-closed", "the client ended the connection")                                     \
    X(CLIENT_CUT, "client-cut", "the client's TLS ended without close_notify, or with a reset")              \
    X(BACKEND_CLOSED, "backend-closed", "the backend ended the connection")                                  \
    X(BACKEND_FAILED, "backend-failed", "the connection to the backend failed")                              \
    X(BACKEND_UNREACHABLE, "backend-unreachable", "the backend did not accept within connect-timeout")       \
    X(BACKEND_PROTOCOL, "backend-protocol", "the backend said something its protocol does not allow")        \
    X(HANDSHAKE_FAILED, "handshake-failed", "the TLS handshake failed; detail says why")                     \
    X(HANDSHAKE_TIMEOUT, "handshake-timeout", "the TLS handshake took longer than handshake-timeout")        \
    X(TOKEN_DOWN, "token-down", "no key can sign: the token is away")                                        \
    X(CERTIFICATE_REFUSED, "certificate-refused", "the client certificate is missing or not trusted")        \
    X(CLEAR_REFUSED, "clear-refused", "the client would not use TLS")                                        \
    X(INJECTED, "injected", "bytes in clear came behind AUTH (F2)")                                          \
    X(LOGIN_TIMEOUT, "login-timeout", "no login within login-timeout")                                       \
    X(LOGIN_FAILURES, "login-failures", "more failed logins than max-login-failures")                        \
    X(IDLE_TIMEOUT, "idle-timeout", "nothing moved for idle-timeout")                                        \
    X(STALL_TIMEOUT, "stall-timeout", "nothing moved in a transfer for stall-timeout")                       \
    X(HEAD_TIMEOUT, "head-timeout", "the request head took longer than head-timeout")                        \
    X(RESPONSE_TIMEOUT, "response-timeout", "the backend took longer than response-timeout; FTP: 10 min")    \
    X(BAD_REQUEST, "bad-request", "what the client sent is not allowed by its protocol; detail says what")   \
    X(TOO_SLOW, "too-slow", "a request's body came slower than min-rate")                                    \
    X(TOO_LONG, "too-long", "a line or a head passed its limit")                                             \
    X(QUIT, "quit", "the client said goodbye, or the exchange was complete")                                 \
    X(TOO_MANY, "too-many",                                                                                  \
      "a limit is reached: sessions (in all, of an address, of a partner), handshakes")                      \
    X(STOPPING, "stopping", "p11gate stops or drains")                                                       \
    X(NO_MEMORY, "no-memory", "out of memory or descriptors")                                                \
    X(DONE, "done", "the transfer or request is complete")                                                   \
    X(REFUSED, "refused", "a rule of the listener refused it")                                               \
    X(BANNED, "banned", "its address is banned after failed logins")                                         \
    X(NOT_ALLOWED, "not-allowed", "allow and deny keep its address out")                                     \
    X(KICKED, "kicked", "`p11gate ctl kick`")                                                                \
    X(CLIENT_ABSENT, "client-absent", "the client did not open the data connection in time")                 \
    X(DATA_TLS_FAILED, "data-tls-failed", "TLS on the data connection failed")                               \
    X(DATA_NOT_RESUMED, "data-not-resumed", "the data connection did not resume its control session")        \
    X(ABORTED, "aborted", "the client asked to abort (ABOR)")

enum session_reason {
#define REASON_ENUM(id, name, meaning) REASON_##id,
    SESSION_REASONS(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
};

const char *reason_name(enum session_reason reason);
