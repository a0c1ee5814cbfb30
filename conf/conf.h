/*
 * The configuration of one generation: read once, checked whole, never changed. Everything is owned
 * by struct conf and lives until conf_free. Texts are never NULL ("" when not set).
 *
 * The supervisor reads the files from disk; workers and housekeeper get the same bytes as sealed memory
 * and read them again with the same code (conf_files.h). Blocks on files, in the supervisor only.
 */
#pragma once

#include "addr.h"
#include "conf_files.h"
#include "conf_listener.h"
#include "conf_partner.h"
#include "err.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONF_NONE = -1, CONF_SESSIONS_MAX = 1000000 }; /* no index; what max-sessions = 0, no limit, means */

struct conf_keystore {
    int line;
    const char *alias, *module, *init_args, *token, *pin_file, *directory;
    const char
        *pin_credential; /* a name: the file is $CREDENTIALS_DIRECTORY/NAME; not together with pin_file */
    uint32_t signers;
    uint64_t sign_timeout_ms;
    uint32_t max_signatures_per_second; /* 0: no limit */
};

enum conf_crl_policy { CONF_CRL_FAIL, CONF_CRL_IGNORE };

struct conf_truststore {
    int line;
    const char *alias, *ca_file, *crl_file;
    const char *ca_pem; /* the bytes of ca_file */
    size_t ca_pem_len;
    const char *crl_pem; /* the bytes of crl_file; "" : none */
    size_t crl_pem_len;
    enum conf_crl_policy crl_policy; /* when a CRL is missing or expired; crl_file "" : no CRL is asked for */
    uint32_t verify_depth;
    bool announce;
};

struct conf {
    const char *path;
    uint32_t workers;
    const char *user, *signer_user;
    uint64_t stop_timeout_ms, drain_timeout_ms;
    uint32_t max_generations;
    bool admin_enabled; /* admin_bind is set: pages over HTTP */
    struct addr admin_bind;
    const char *control_socket, *admin_group; /* control_socket "" : none */
    enum log_level log_level;
    bool log_json;          /* one JSON object a line; else logfmt */
    const char *log_target; /* "stderr", "syslog" or a path */
    const char *partners_dir;
    size_t keystore_count, truststore_count, partner_count, listener_count;
    struct conf_keystore *keystores;
    struct conf_truststore *truststores;
    struct conf_partner *partners;
    struct conf_listener *listeners;

    /* Everything that makes a generation, as text: two configurations of one shape differ in policy only
     * (partners, truststores, CRLs, allow and deny, ban-exempt, ticket-secret-file). */
    const char *shape;
};

/* Every error that can be seen, one "file:line: block: reason" each, in the order of the lines. */
enum { CONF_ERRORS_MAX = 50 };
struct conf_errors {
    size_t count;
    struct err items[CONF_ERRORS_MAX];
};

/* NULL when anything is wrong; errors says what. files supplies (and remembers) the bytes of the file itself,
 * of every file whose content matters to workers. */
struct conf *conf_read(struct conf_files *files, const char *path, struct conf_errors *errors);
void conf_free(struct conf *conf);

/* "p11gate.conf:31: listener \"ftps-edge\"", the beginning of an error that is found later. */
void conf_where_listener(const struct conf *conf, const struct conf_listener *listener, struct err *out);
void conf_where_keystore(const struct conf *conf, const struct conf_keystore *keystore, struct err *out);

/* Calls found for each key that an enabled listener wants from the keystore, wanted = 0, 1, 2, ... in the
 * same order in every process: the listener's own keys, those of its server names, then those of its
 * backend-tls, which may be of another keystore. The same alias with the same certificate file is one key,
 * but for clients and for servers it is two. */
void conf_wanted_keys(const struct conf *conf, size_t keystore,
                      void (*found)(void *owner, const struct conf_listener *, const struct conf_key *),
                      void *owner);

extern const char *const conf_protocol_names[];
