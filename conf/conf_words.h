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
#define CONF_HOST_NAME_WORDS "a host name: labels of a-z 0-9 - _ with . between them, 253 bytes"
#define CONF_AS2_ID_WORDS    "1 to 128 printable ASCII characters (RFC 4130 section 6.2)"
#define CONF_FTP_WORD_WORDS  "1 to 255 bytes on one line"
#define CONF_COMMAND_WORDS   "names of FTP commands, letters only"
#define CONF_METHOD_WORDS    "names of HTTP methods, in capital letters"
#define CONF_ROUTE_WORDS     "a path that begins with / and has no //, no dot segment, no % ? # or blank"
#define CONF_LOGIN_DIRECTORY_WORDS                                                                           \
    "a path of at most 512 bytes on one line; %u is the user and %% a percent sign"
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

bool conf_is_host_name(const char *text); /* of DNS, no address */
bool conf_is_as2_id(const char *text);
bool conf_is_ftp_word(const char *text); /* a user or password */
bool conf_is_command(const char *text);
bool conf_is_method(const char *text);
bool conf_is_login_directory(const char *text);

/* A prefix of whole path segments that no client can write in two ways (H10). */
bool conf_is_route(const char *text);

/* What a client may ask for (RFC 6066 section 3: no address, no dot at the end), or "*." and such a name. */
bool conf_is_server_name(const char *text);
bool conf_is_greeting(const char *text);

/* A pkcs11: URI that names a token or key and holds neither the PIN nor the place of one (P2, P4). */
bool conf_is_token(const char *text);
bool conf_is_key_alias(const char *text);
