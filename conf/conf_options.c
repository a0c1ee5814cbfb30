#include "conf_options.h"

#include "conf_blocks.h"
#include "conf_words.h"
#include "counters.h"

#include <string.h>

#ifndef CONF_PKCS11_PROXY
#error "the build system names p11-kit's proxy module"
#endif

#define SECOND 1000ull
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum {
    BINDS_MAX = 150,
    KEYS_MAX = 32,
    TRUSTSTORES_MAX = 64,
    SERVER_NAMES_MAX = 256,
    RATE_MAX = 1000000,
    FTP = CONF_FOR_FTP | CONF_FOR_FTPS
};

const char *const conf_protocol_names[] = {"tls", "ftps", "ftp", "https", NULL};

static const char *const format_names[] = {"logfmt", NULL};
static const char *const client_certificate_names[] = {"none", "request", "require", NULL};
static const char *const bad_certificate_names[] = {"ignore", "fail", NULL};
static const char *const reject_at_names[] = {"login", "handshake", NULL};
static const char *const data_resumption_names[] = {"off", "prefer", NULL};

#define AT(member) .offset = offsetof(struct conf_server_block, member)
static const struct conf_option server_options[] = {
    {"workers", CONF_TYPE_NUMBER, AT(workers), .preset_words = "one a core", .min = 1, .max = 64},
    {"user", CONF_TYPE_TEXT, AT(user), .preset = "p11gate", .good = conf_is_user, .allowed = CONF_USER_WORDS},
    {"signer-user", CONF_TYPE_TEXT, AT(signer_user), .preset = "p11gate-signer", .good = conf_is_user,
     .allowed = CONF_USER_WORDS},
    {"stop-timeout", CONF_TYPE_DURATION, AT(stop_timeout_ms), .preset = "20s", .min = 0, .max = HOUR},
    {"drain-timeout", CONF_TYPE_DURATION, AT(drain_timeout_ms), .preset = "1h", .min = 0, .max = 7 * DAY},
    {"max-generations", CONF_TYPE_NUMBER, AT(max_generations), .preset = "3", .min = 1, .max = 10},
    {"passive-address", CONF_TYPE_HOST, AT(passive_address), .preset_words = "that of each listener"},
    {"tls-versions", CONF_TYPE_TEXT, AT(tls_versions), .preset = "1.2-1.3", .good = conf_is_tls_versions,
     .allowed = CONF_TLS_VERSIONS_WORDS},
    {"ciphers", CONF_TYPE_TEXT, AT(ciphers), .preset = "", .good = conf_is_cipher_list,
     .allowed = CONF_CIPHER_LIST_WORDS},
    {"ciphersuites", CONF_TYPE_TEXT, AT(ciphersuites), .preset = "", .good = conf_is_cipher_list,
     .allowed = CONF_CIPHER_LIST_WORDS},
    {"groups", CONF_TYPE_TEXT, AT(groups), .preset = "", .good = conf_is_cipher_list,
     .allowed = CONF_CIPHER_LIST_WORDS},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_log_block, member)
static const struct conf_option log_options[] = {
    {"level", CONF_TYPE_CHOICE, AT(level), .preset = "info", .choices = log_level_names},
    {"target", CONF_TYPE_TEXT, AT(target), .preset = "stderr", .good = conf_is_log_target,
     .allowed = "\"stderr\" or an absolute path"},
    {"format", CONF_TYPE_CHOICE, AT(format), .preset = "logfmt", .choices = format_names},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_admin_block, member)
static const struct conf_option admin_options[] = {
    {"bind", CONF_TYPE_OPTIONAL, AT(bind), .preset = "127.0.0.1:9911"},
    {"control-socket", CONF_TYPE_FILE, AT(control_socket), .preset = "/run/p11gate/control",
     .good = conf_is_path_or_none, .allowed = "a path, or \"\""},
    {"group", CONF_TYPE_TEXT, AT(group), .preset = "p11gate-admin", .good = conf_is_user,
     .allowed = CONF_GROUP_WORDS},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_keystore_block, value.member)
static const struct conf_option keystore_options[] = {
    {"alias", CONF_TYPE_TEXT, AT(alias), .required = true, .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"module", CONF_TYPE_TEXT, AT(module), .preset = CONF_PKCS11_PROXY, .good = conf_is_module,
     .allowed = "an absolute path, or a file name that the dynamic linker finds"},
    {"init-args", CONF_TYPE_TEXT, AT(init_args), .preset = ""},
    {"token", CONF_TYPE_TEXT, AT(token), .preset_words = "none: token or directory is needed",
     .good = conf_is_token, .allowed = "a URI that begins with pkcs11: and has no pin-value or pin-source"},
    {"pin-file", CONF_TYPE_FILE, AT(pin_file), .preset_words = "none: asked at a terminal"},
    {"pin-credential", CONF_TYPE_TEXT, AT(pin_credential), .preset_words = "none", .good = conf_is_credential,
     .allowed = CONF_CREDENTIAL_WORDS},
    {"directory", CONF_TYPE_FILE, AT(directory), .preset_words = "none: token or directory is needed"},
    {"signers", CONF_TYPE_NUMBER, AT(signers), .preset = "4", .min = 1, .max = 64},
    {"sign-timeout", CONF_TYPE_DURATION, AT(sign_timeout_ms), .preset = "2s", .min = 10, .max = 5 * MINUTE},
    {"max-signatures-per-second", CONF_TYPE_NUMBER, AT(max_signatures_per_second), .preset = "0", .min = 0,
     .max = RATE_MAX},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_truststore_block, value.member)
static const struct conf_option truststore_options[] = {
    {"alias", CONF_TYPE_TEXT, AT(alias), .required = true, .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"ca-file", CONF_TYPE_FILE, AT(ca_file), .required = true},
    {"verify-depth", CONF_TYPE_NUMBER, AT(verify_depth), .preset = "5", .min = 0, .max = 20},
    {"announce", CONF_TYPE_BOOL, AT(announce), .preset = "false"},
};
#undef AT

/* Where keys are named, in a listener or for one name that clients ask for. */
#define KEY_OPTIONS                                                                                          \
    {"key-alias",                                                                                            \
     CONF_TYPE_TEXTS,                                                                                        \
     AT(keys.aliases),                                                                                       \
     .required = true,                                                                                       \
     .min = 1,                                                                                               \
     .max = KEYS_MAX,                                                                                        \
     .good = conf_is_key_alias,                                                                              \
     .allowed = "a label, or a URI that begins with pkcs11: and has no pin-value or pin-source"},            \
        {"certificate-file", CONF_TYPE_FILES, AT(keys.certificate_files), .preset_words = "on the token",    \
         .min = 0,           .max = KEYS_MAX},                                                               \
    {                                                                                                        \
        "ocsp-file", CONF_TYPE_FILES, AT(keys.ocsp_files), .preset_words = "none", .min = 0,                 \
                                                           .max = KEYS_MAX, .good = conf_is_path_or_none,    \
                                                           .allowed = "a path or \"\", or a list of them"    \
    }

#define AT(member)    .offset = offsetof(struct conf_listener_block, member)
#define VALUE(member) .offset = offsetof(struct conf_listener_block, value.member)
static const struct conf_option listener_options[] = {
    {"alias", CONF_TYPE_TEXT, VALUE(alias), .required = true, .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"description", CONF_TYPE_TEXT, VALUE(description), .preset = ""},
    {"enabled", CONF_TYPE_BOOL, VALUE(enabled), .preset = "true"},
    {"protocol", CONF_TYPE_CHOICE, AT(protocol), .required = true, .choices = conf_protocol_names},
    {"bind", CONF_TYPE_ENDPOINTS, AT(binds), .required = true, .min = 1, .max = BINDS_MAX},
    {"backlog", CONF_TYPE_NUMBER, VALUE(backlog), .preset = "511", .min = 1, .max = 65535},
    {"max-sessions", CONF_TYPE_NUMBER, VALUE(max_sessions), .preset = "10000", .min = 0,
     .max = CONF_SESSIONS_MAX},
    {"handshakes-per-second-per-ip", CONF_TYPE_NUMBER, VALUE(handshakes_per_second_per_ip), .preset = "0",
     .min = 0, .max = RATE_MAX},
    {"keystore", CONF_TYPE_TEXT, AT(keystore), .required = true, .good = conf_is_alias,
     .allowed = "the alias of a keystore"},
    KEY_OPTIONS,
    {"strict-server-name", CONF_TYPE_BOOL, VALUE(strict_server_name), .preset = "false"},
    {"tls-versions", CONF_TYPE_TEXT, VALUE(tls_versions), .preset_words = "that of the server",
     .good = conf_is_tls_versions, .allowed = CONF_TLS_VERSIONS_WORDS},
    {"ciphers", CONF_TYPE_TEXT, VALUE(ciphers), .preset_words = "that of the server",
     .good = conf_is_cipher_list, .allowed = CONF_CIPHER_LIST_WORDS},
    {"ciphersuites", CONF_TYPE_TEXT, VALUE(ciphersuites), .preset_words = "that of the server",
     .good = conf_is_cipher_list, .allowed = CONF_CIPHER_LIST_WORDS},
    {"groups", CONF_TYPE_TEXT, VALUE(groups), .preset_words = "that of the server",
     .good = conf_is_cipher_list, .allowed = CONF_CIPHER_LIST_WORDS},
    {"session-lifetime", CONF_TYPE_DURATION, VALUE(session_lifetime_ms), .preset = "8h", .min = SECOND,
     .max = 7 * DAY},
    {"client-certificate", CONF_TYPE_CHOICE, AT(client_certificate), .preset = "none",
     .choices = client_certificate_names},
    {"truststore", CONF_TYPE_TEXT, AT(truststore), .preset_words = "none", .good = conf_is_alias,
     .allowed = "the alias of a truststore"},
    {"bad-certificate", CONF_TYPE_CHOICE, AT(bad_certificate),
     .preset_words = "ftp, ftps ignore; https, tls fail", .choices = bad_certificate_names},
    {"reject-at", CONF_TYPE_CHOICE, AT(reject_at), .preset_words = "ftp, ftps login; https, tls handshake",
     .choices = reject_at_names},
    {"secure-clients-only", CONF_TYPE_BOOL, FTP, VALUE(secure_clients_only), .preset = "true"},
    {"require-data-tls", CONF_TYPE_BOOL, FTP, VALUE(require_data_tls), .preset = "true"},
    {"data-resumption", CONF_TYPE_CHOICE, FTP, AT(data_resumption), .preset = "prefer",
     .choices = data_resumption_names},
    {"require-close-notify", CONF_TYPE_BOOL, FTP, VALUE(require_close_notify), .preset = "true"},
    {"passive-address", CONF_TYPE_HOST, FTP, AT(passive_address),
     .preset_words = "the address that the client dialled"},
    {"passive-ports", CONF_TYPE_PORTS, FTP, AT(passive_ports), .preset = "30000-30999"},
    {"greeting", CONF_TYPE_TEXT, FTP, VALUE(greeting), .preset = "p11gate ready", .good = conf_is_greeting,
     .allowed = "1 to 200 bytes on one line"},
    {"backend", CONF_TYPE_ENDPOINT, VALUE(backend), .required = true},
    {"handshake-timeout", CONF_TYPE_DURATION, VALUE(handshake_timeout_ms), .preset = "30s", .min = 10,
     .max = HOUR},
    {"login-timeout", CONF_TYPE_DURATION, FTP, VALUE(login_timeout_ms), .preset = "30s", .min = 10,
     .max = HOUR},
    {"head-timeout", CONF_TYPE_DURATION, CONF_FOR_HTTPS, VALUE(head_timeout_ms), .preset = "30s", .min = 10,
     .max = HOUR},
    {"connect-timeout", CONF_TYPE_DURATION, VALUE(connect_timeout_ms), .preset = "5s", .min = 10,
     .max = HOUR},
    {"data-connect-timeout", CONF_TYPE_DURATION, FTP, VALUE(data_connect_timeout_ms), .preset = "30s",
     .min = 10, .max = HOUR},
    {"idle-timeout", CONF_TYPE_DURATION, VALUE(idle_timeout_ms), .preset = "5m", .min = 10, .max = 7 * DAY},
    {"response-timeout", CONF_TYPE_DURATION, CONF_FOR_HTTPS, VALUE(response_timeout_ms), .preset = "10m",
     .min = 10, .max = DAY},
};
#undef AT
#undef VALUE
_Static_assert(sizeof listener_options / sizeof listener_options[0] <= CONF_OPTIONS_MAX,
               "struct conf_given has a bit and a line for each");

#define AT(member) .offset = offsetof(struct conf_server_name_block, member)
static const struct conf_option server_name_options[] = {
    {"name", CONF_TYPE_NAME, AT(name), .required = true, .good = conf_is_server_name,
     .allowed = CONF_SERVER_NAME_WORDS},
    KEY_OPTIONS,
};
#undef AT

#define BLOCK(type, table)                                                                                   \
    .size = sizeof(struct type), .options = (table), .option_count = sizeof(table) / sizeof(table)[0]
static const struct conf_block blocks[CONF_BLOCKS] = {
    [CONF_BLOCK_SERVER] = {.name = "", .list = "", .count_max = 1, BLOCK(conf_server_block, server_options)},
    [CONF_BLOCK_LOG] = {.name = "log", .list = "log", .count_max = 1, BLOCK(conf_log_block, log_options)},
    [CONF_BLOCK_ADMIN] = {.name = "admin",
                          .list = "admin",
                          .count_max = 1,
                          BLOCK(conf_admin_block, admin_options)},
    [CONF_BLOCK_KEYSTORE] = {.name = "keystore",
                             .list = "keystores",
                             .many = true,
                             .count_max = COUNTERS_KEYSTORES_MAX,
                             BLOCK(conf_keystore_block, keystore_options)},
    [CONF_BLOCK_TRUSTSTORE] = {.name = "truststore",
                               .list = "truststores",
                               .many = true,
                               .count_max = TRUSTSTORES_MAX,
                               BLOCK(conf_truststore_block, truststore_options)},
    [CONF_BLOCK_LISTENER] = {.name = "listener",
                             .list = "listeners",
                             .many = true,
                             .count_max = COUNTERS_LISTENERS_MAX,
                             BLOCK(conf_listener_block, listener_options)},
    [CONF_BLOCK_SERVER_NAME] = {.name = "server-name",
                                .list = "server-names",
                                .within = CONF_BLOCK_LISTENER,
                                .many = true,
                                .count_max = SERVER_NAMES_MAX,
                                BLOCK(conf_server_name_block, server_name_options)},
};

const struct conf_block *conf_block(enum conf_block_id id)
{
    return &blocks[id];
}

int conf_option_index(const struct conf_block *block, const char *name)
{
    for (size_t i = 0; i < block->option_count; i++)
        if (strcmp(block->options[i].name, name) == 0)
            return (int)i;
    return CONF_NONE;
}
