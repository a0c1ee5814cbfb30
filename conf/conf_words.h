/*
 * The rules for single texts of a configuration, each with its words for an error. Pure; any process;
 * never blocks.
 */
#pragma once

#include <stdbool.h>

#define CONF_ALIAS_WORDS      "1 to 255 of A-Z a-z 0-9 _ . -"
#define CONF_USER_WORDS       "the name of a user"
#define CONF_GROUP_WORDS      "the name of a group"
#define CONF_CREDENTIAL_WORDS "the name of a systemd credential: " CONF_ALIAS_WORDS
#define CONF_SERVER_NAME_WORDS                                                                               \
    "a host name: labels of a-z 0-9 - with . between them, 253 bytes; the first may be *"
#define CONF_TLS_VERSIONS_WORDS "one of 1.2, 1.3, 1.2-1.3"
#define CONF_CIPHER_LIST_WORDS  "names with : between them"

bool conf_is_plain(const char *text); /* no control characters */
bool conf_is_alias(const char *text);
bool conf_is_user(const char *text);
bool conf_is_tls_versions(const char *text);
bool conf_is_cipher_list(const char *text);
bool conf_is_log_target(const char *text);
bool conf_is_module(const char *text);
bool conf_is_path(const char *text);
bool conf_is_path_or_none(const char *text); /* or "" */
bool conf_is_credential(const char *text);

/* What a client may ask for (RFC 6066 section 3: no address, no dot at the end), or "*." and such a name. */
bool conf_is_server_name(const char *text);
bool conf_is_greeting(const char *text);

/* A pkcs11: URI that names a token or key and holds neither the PIN nor the place of one (P2, P4). */
bool conf_is_token(const char *text);
bool conf_is_key_alias(const char *text);
