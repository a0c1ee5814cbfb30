/*
 * Who an FTP client may log in as, pure: the two tables of webMethods for client certificates
 * (requirements C1-C3), and where a login begins. Worker only; owns nothing.
 *
 *   cert-map = true    trusted and mapped      trusted, unmapped      untrusted           none
 *   none               what is typed           what is typed          what is typed       what is typed
 *   request            the partner's user      what is typed          what is typed (1)   what is typed
 *   require            the partner's user      refused                refused             refused
 *
 *   cert-map = false   trusted                                        untrusted           none
 *   none               what is typed                                  what is typed       what is typed
 *   request            what is typed                                  what is typed (1)   what is typed
 *   require            what is typed                                  refused             refused
 *
 * (1) refused with bad-certificate = "fail".
 */
#pragma once

#include "conf_listener.h"
#include "tls.h"

#include <stdbool.h>
#include <stddef.h>

struct conf_partner;

enum ftp_identity_kind {
    FTP_IDENTITY_TYPED,  /* the user and the password that the client types */
    FTP_IDENTITY_MAPPED, /* the user that its certificate maps to; what is typed is ignored */
    FTP_IDENTITY_REFUSED,
    FTP_IDENTITY_BANNED, /* by its address, whoever it is: the session ends */
};

struct ftp_identity {
    enum ftp_identity_kind kind;
    const char *user, *password; /* MAPPED; borrowed from the partner */
    const char *reason;          /* REFUSED: for the log */
};

struct ftp_identity_facts {
    enum conf_client_certificate mode;
    enum conf_bad_certificate bad_certificate;
    bool cert_map;
    enum tls_verdict verdict;
    const struct conf_partner *partner; /* whose certificate it is; NULL: nobody's */
};

void ftp_identity_decide(const struct ftp_identity_facts *facts, struct ftp_identity *out);

/* login-directory with %u for the user and %% for %. False: too long, or the name would lead elsewhere. */
bool ftp_identity_directory(const char *pattern, const char *user, char *out, size_t size);
