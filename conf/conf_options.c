#include "conf_options.h"

#include "conf_listener_block.h"
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
    BACKENDS_MAX = 16,
    NETWORKS_MAX = 1024,
    PARTNERS_MAX = 4096,
    PARTNER_CERTIFICATES_MAX = 16,
    AS2_IDS_MAX = 64,
    ROUTES_MAX = 256,
    METHODS_MAX = 16,
    COMMANDS_MAX = 64,
    PASSIVE_FOR_MAX = 256,
    SECRETS_MAX = 8,
    FTP = CONF_FOR_FTP | CONF_FOR_FTPS,
    HTTP = CONF_FOR_HTTPS | CONF_FOR_HTTP,
    SECURE = CONF_FOR_TLS | CONF_FOR_FTPS | CONF_FOR_FTP | CONF_FOR_HTTPS, /* p11gate is the TLS server */
    OUTWARD = CONF_FOR_TLS | CONF_FOR_HTTPS | CONF_FOR_HTTP                /* ... or may be a TLS client */
};

const char *const conf_protocol_names[] = {"tls", "ftps", "ftp", "https", "http", NULL};

static const char *const format_names[] = {"logfmt", "json", NULL};
static const char *const crl_policy_names[] = {"fail", "ignore", NULL};
static const char *const client_certificate_names[] = {"none", "request", "require", NULL};
static const char *const bad_certificate_names[] = {"ignore", "fail", NULL};
static const char *const reject_at_names[] = {"login", "handshake", NULL};
static const char *const data_resumption_names[] = {"off", "prefer", "require", NULL};
static const char *const data_peer_names[] = {"same-address", "same-session", NULL};
static const char *const quirk_names[] = {"no-pbsz", "auth-implies-private", "allow-ccc", NULL};
static const char *const client_cert_header_names[] = {"none", "rfc9440", "xfcc", NULL};
static const char *const balance_names[] = {"first", "least-sessions", "source", NULL};
static const char *const send_proxy_names[] = {"none", "v1", "v2", "v2-tls", NULL};

#define POLICY .policy = true

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
    {"allow", CONF_TYPE_NETWORKS, POLICY, AT(allow), .preset_words = "everyone", .max = NETWORKS_MAX},
    {"deny", CONF_TYPE_NETWORKS, POLICY, AT(deny), .preset_words = "nobody", .max = NETWORKS_MAX},
    {"partners-dir", CONF_TYPE_FILE, POLICY, AT(partners_dir), .preset_words = "none"},
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

#define AT(member) .offset = offsetof(struct conf_truststore_block, member)
static const struct conf_option truststore_options[] = {
    {"alias", CONF_TYPE_TEXT, POLICY, AT(value.alias), .required = true, .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"ca-file", CONF_TYPE_FILE, POLICY, AT(value.ca_file), .required = true},
    {"crl-file", CONF_TYPE_FILE, POLICY, AT(value.crl_file), .preset_words = "none"},
    {"crl-policy", CONF_TYPE_CHOICE, POLICY, AT(crl_policy), .preset = "fail", .choices = crl_policy_names},
    {"verify-depth", CONF_TYPE_NUMBER, POLICY, AT(value.verify_depth), .preset = "5", .min = 0, .max = 20},
    {"announce", CONF_TYPE_BOOL, AT(value.announce), .preset = "false"},
};
#undef AT

#define AT(member) POLICY, .offset = offsetof(struct conf_partner_block, member)
static const struct conf_option partner_options[] = {
    {"alias", CONF_TYPE_TEXT, AT(value.alias), .required = true, .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"enabled", CONF_TYPE_BOOL, AT(value.enabled), .preset = "true"},
    {"certificate-file", CONF_TYPE_FILES, AT(certificate_files), .required = true, .min = 1,
     .max = PARTNER_CERTIFICATES_MAX},
    {"as2-id", CONF_TYPE_TEXTS, AT(as2_ids), .preset_words = "none", .min = 1, .max = AS2_IDS_MAX,
     .good = conf_is_as2_id, .allowed = CONF_AS2_ID_WORDS},
    {"ftp-user", CONF_TYPE_TEXT, AT(value.ftp_user), .preset_words = "none", .good = conf_is_ftp_word,
     .allowed = CONF_FTP_WORD_WORDS},
    {"ftp-password-file", CONF_TYPE_FILE, AT(value.ftp_password_file), .preset_words = "none"},
    {"allow", CONF_TYPE_NETWORKS, AT(value.allow), .preset_words = "everywhere", .max = NETWORKS_MAX},
    {"max-sessions", CONF_TYPE_NUMBER, AT(value.max_sessions), .preset = "0", .min = 0,
     .max = CONF_SESSIONS_MAX},
};
#undef AT

#define KEY_ALIAS_WORDS "a label, or a URI that begins with pkcs11: and has no pin-value or pin-source"

/* Where keys are named: in a listener, for one name that clients ask for, or towards a backend. */
// clang-format off
#define KEY_OPTION(for)                                                                                      \
    "key-alias", CONF_TYPE_TEXTS, .protocols = (for), AT(keys.aliases), .min = 1, .max = KEYS_MAX,           \
    .good = conf_is_key_alias, .allowed = KEY_ALIAS_WORDS
#define CERTIFICATE_OPTION(for)                                                                              \
    "certificate-file", CONF_TYPE_FILES, .protocols = (for), AT(keys.certificate_files),                     \
    .preset_words = "on the token", .max = KEYS_MAX
#define OCSP_OPTION(for)                                                                                     \
    "ocsp-file", CONF_TYPE_FILES, .protocols = (for), AT(keys.ocsp_files), .preset_words = "none",           \
    .max = KEYS_MAX, .good = conf_is_path_or_none, .allowed = "a path or \"\", or a list of them"
// clang-format on

#define AT(member)    .offset = offsetof(struct conf_listener_block, member)
#define VALUE(member) .offset = offsetof(struct conf_listener_block, value.member)
static const struct conf_option listener_options[] = {
    {"alias", CONF_TYPE_TEXT, VALUE(alias), .required = true, .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"description", CONF_TYPE_TEXT, VALUE(description), .preset = ""},
    {"group", CONF_TYPE_TEXT, VALUE(group), .preset_words = "none", .good = conf_is_alias,
     .allowed = CONF_ALIAS_WORDS},
    {"enabled", CONF_TYPE_BOOL, VALUE(enabled), .preset = "true"},
    {"protocol", CONF_TYPE_CHOICE, AT(protocol), .required = true, .choices = conf_protocol_names},
    {"bind", CONF_TYPE_ENDPOINTS, AT(binds), .required = true, .min = 1, .max = BINDS_MAX},
    {"backlog", CONF_TYPE_NUMBER, VALUE(backlog), .preset = "511", .min = 1, .max = 65535},
    {"accept-proxy-from", CONF_TYPE_NETWORKS, VALUE(accept_proxy_from), .preset_words = "nobody",
     .max = NETWORKS_MAX},
    {"allow", CONF_TYPE_NETWORKS, POLICY, VALUE(access.allow), .preset_words = "that of the server",
     .max = NETWORKS_MAX},
    {"deny", CONF_TYPE_NETWORKS, POLICY, VALUE(access.deny), .preset_words = "that of the server",
     .max = NETWORKS_MAX},
    {"max-sessions", CONF_TYPE_NUMBER, VALUE(max_sessions), .preset = "10000", .min = 0,
     .max = CONF_SESSIONS_MAX},
    {"max-sessions-per-ip", CONF_TYPE_NUMBER, VALUE(max_sessions_per_ip), .preset = "0", .min = 0,
     .max = CONF_SESSIONS_MAX},
    {"handshakes-per-second-per-ip", CONF_TYPE_NUMBER, .protocols = SECURE,
     VALUE(handshakes_per_second_per_ip), .preset = "0", .min = 0, .max = RATE_MAX},
    {"keystore", CONF_TYPE_TEXT, .protocols = SECURE, AT(keystore), .required = true, .good = conf_is_alias,
     .allowed = "the alias of a keystore"},
    {KEY_OPTION(SECURE), .required = true},
    {CERTIFICATE_OPTION(SECURE)},
    {OCSP_OPTION(SECURE)},
    {"strict-server-name", CONF_TYPE_BOOL, .protocols = SECURE, VALUE(strict_server_name), .preset = "false"},
    {"tls-versions", CONF_TYPE_TEXT, VALUE(tls_versions), .preset_words = "that of the server",
     .good = conf_is_tls_versions, .allowed = CONF_TLS_VERSIONS_WORDS},
    {"ciphers", CONF_TYPE_TEXT, VALUE(ciphers), .preset_words = "that of the server",
     .good = conf_is_cipher_list, .allowed = CONF_CIPHER_LIST_WORDS},
    {"ciphersuites", CONF_TYPE_TEXT, VALUE(ciphersuites), .preset_words = "that of the server",
     .good = conf_is_cipher_list, .allowed = CONF_CIPHER_LIST_WORDS},
    {"groups", CONF_TYPE_TEXT, VALUE(groups), .preset_words = "that of the server",
     .good = conf_is_cipher_list, .allowed = CONF_CIPHER_LIST_WORDS},
    {"session-lifetime", CONF_TYPE_DURATION, .protocols = SECURE, VALUE(session_lifetime_ms), .preset = "8h",
     .min = SECOND, .max = 7 * DAY},
    {"ticket-secret-file", CONF_TYPE_FILES, .protocols = SECURE, POLICY, AT(ticket_secret_files),
     .preset_words = "none", .max = SECRETS_MAX},
    {"client-certificate", CONF_TYPE_CHOICE, .protocols = SECURE, AT(client_certificate), .preset = "none",
     .choices = client_certificate_names},
    {"truststore", CONF_TYPE_TEXT, .protocols = SECURE, AT(truststore), .preset_words = "none",
     .good = conf_is_alias, .allowed = "the alias of a truststore"},
    {"bad-certificate", CONF_TYPE_CHOICE, .protocols = SECURE, AT(bad_certificate),
     .preset_words = "ftp, ftps ignore; https, tls fail", .choices = bad_certificate_names},
    {"reject-at", CONF_TYPE_CHOICE, .protocols = SECURE, AT(reject_at),
     .preset_words = "ftp, ftps login; https, tls handshake", .choices = reject_at_names},
    {"secure-clients-only", CONF_TYPE_BOOL, FTP, VALUE(secure_clients_only), .preset = "true"},
    {"require-data-tls", CONF_TYPE_BOOL, FTP, VALUE(require_data_tls), .preset = "true"},
    {"data-resumption", CONF_TYPE_CHOICE, FTP, AT(data_resumption), .preset = "prefer",
     .choices = data_resumption_names},
    {"data-peer", CONF_TYPE_CHOICE, FTP, AT(data_peer), .preset = "same-address", .choices = data_peer_names},
    {"require-close-notify", CONF_TYPE_BOOL, FTP, VALUE(require_close_notify), .preset = "true"},
    {"cert-map", CONF_TYPE_BOOL, FTP, VALUE(cert_map), .preset = "false"},
    {"passive-address", CONF_TYPE_HOST, FTP, AT(passive_address),
     .preset_words = "the address that the client dialled"},
    {"passive-ports", CONF_TYPE_PORTS, FTP, AT(passive_ports), .preset = "30000-30999", .min = 1},
    {"passive-ports-advertised", CONF_TYPE_PORTS, FTP, AT(passive_ports_advertised), .preset = ""},
    {"active-mode", CONF_TYPE_BOOL, FTP, VALUE(active_mode), .preset = "true"},
    {"allow-commands", CONF_TYPE_VERBS, FTP, AT(allow_commands), .preset_words = "all", .max = COMMANDS_MAX,
     .good = conf_is_command, .allowed = CONF_COMMAND_WORDS},
    {"deny-commands", CONF_TYPE_VERBS, FTP, AT(deny_commands), .preset_words = "none", .max = COMMANDS_MAX,
     .good = conf_is_command, .allowed = CONF_COMMAND_WORDS},
    {"quirks", CONF_TYPE_FLAGS, FTP, VALUE(quirks), .preset_words = "none", .max = 3, .choices = quirk_names},
    {"login-directory", CONF_TYPE_TEXT, FTP, VALUE(login_directory), .preset = "",
     .good = conf_is_login_directory, .allowed = CONF_LOGIN_DIRECTORY_WORDS},
    {"greeting", CONF_TYPE_TEXT, FTP, VALUE(greeting), .preset = "p11gate ready", .good = conf_is_greeting,
     .allowed = "1 to 200 bytes on one line"},
    {"max-login-failures", CONF_TYPE_NUMBER, FTP, VALUE(max_login_failures), .preset = "3", .min = 0,
     .max = 1000},
    {"ban-time", CONF_TYPE_DURATION, FTP, VALUE(ban_time_ms), .preset = "10m", .min = 0, .max = 30 * DAY},
    {"ban-exempt", CONF_TYPE_NETWORKS, FTP, POLICY, VALUE(ban_exempt), .preset_words = "nobody",
     .max = NETWORKS_MAX},
    {"client-cert-header", CONF_TYPE_CHOICE, CONF_FOR_HTTPS, AT(client_cert_header), .preset = "none",
     .choices = client_cert_header_names},
    {"require-as2-id", CONF_TYPE_BOOL, CONF_FOR_HTTPS, VALUE(require_as2_id), .preset = "false"},
    {"backend", CONF_TYPE_BACKENDS, VALUE(backends), .preset_words = "none: that of each route", .min = 1,
     .max = BACKENDS_MAX},
    {"balance", CONF_TYPE_CHOICE, AT(balance), .preset = "first", .choices = balance_names},
    {"health-check", CONF_TYPE_DURATION, VALUE(health_check_ms), .preset = "5s", .min = 0, .max = HOUR},
    {"send-proxy", CONF_TYPE_CHOICE, AT(send_proxy), .preset = "none", .choices = send_proxy_names},
    {"min-rate", CONF_TYPE_SIZE, VALUE(min_rate_bytes), .preset = "0", .min = 0, .max = 1ull << 40},
    {"handshake-timeout", CONF_TYPE_DURATION, .protocols = SECURE | CONF_FOR_HTTP,
     VALUE(handshake_timeout_ms), .preset = "30s", .min = 10, .max = HOUR},
    {"login-timeout", CONF_TYPE_DURATION, FTP, VALUE(login_timeout_ms), .preset = "30s", .min = 10,
     .max = HOUR},
    {"head-timeout", CONF_TYPE_DURATION, HTTP, VALUE(head_timeout_ms), .preset = "30s", .min = 10,
     .max = HOUR},
    {"connect-timeout", CONF_TYPE_DURATION, VALUE(connect_timeout_ms), .preset = "5s", .min = 10,
     .max = HOUR},
    {"data-connect-timeout", CONF_TYPE_DURATION, FTP, VALUE(data_connect_timeout_ms), .preset = "30s",
     .min = 10, .max = HOUR},
    {"stall-timeout", CONF_TYPE_DURATION, FTP, VALUE(stall_timeout_ms), .preset = "15m", .min = SECOND,
     .max = 7 * DAY, .or_zero = true},
    {"idle-timeout", CONF_TYPE_DURATION, VALUE(idle_timeout_ms), .preset = "5m", .min = 10, .max = 7 * DAY},
    {"response-timeout", CONF_TYPE_DURATION, HTTP, VALUE(response_timeout_ms), .preset = "10m", .min = 10,
     .max = DAY},
};
#undef AT
#undef VALUE
_Static_assert(sizeof listener_options / sizeof listener_options[0] <= CONF_OPTIONS_MAX,
               "struct conf_given has a bit and a line for each");

#define AT(member) .offset = offsetof(struct conf_server_name_block, member)
static const struct conf_option server_name_options[] = {
    {"name", CONF_TYPE_NAME, AT(name), .required = true, .good = conf_is_server_name,
     .allowed = CONF_SERVER_NAME_WORDS},
    {KEY_OPTION(CONF_FOR_ALL), .required = true},
    {CERTIFICATE_OPTION(CONF_FOR_ALL)},
    {OCSP_OPTION(CONF_FOR_ALL)},
    {"backend", CONF_TYPE_BACKENDS, AT(backends), .preset_words = "that of the listener", .min = 1,
     .max = BACKENDS_MAX},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_passive_for_block, value.member)
static const struct conf_option passive_for_options[] = {
    {"network", CONF_TYPE_NETWORK, AT(network), .required = true},
    {"address", CONF_TYPE_HOST, AT(address), .required = true},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_route_block, member)
static const struct conf_option route_options[] = {
    {"path", CONF_TYPE_TEXT, AT(value.path), .required = true, .good = conf_is_route,
     .allowed = CONF_ROUTE_WORDS},
    {"backend", CONF_TYPE_BACKENDS, AT(value.backends), .preset_words = "that of the listener", .min = 1,
     .max = BACKENDS_MAX},
    {"methods", CONF_TYPE_TEXTS, AT(methods), .preset_words = "all", .max = METHODS_MAX,
     .good = conf_is_method, .allowed = CONF_METHOD_WORDS},
    {"max-body", CONF_TYPE_SIZE, AT(value.max_body_bytes), .preset = "0", .min = 0, .max = 1ull << 50},
};
#undef AT

#define AT(member) .offset = offsetof(struct conf_backend_tls_block, member)
static const struct conf_option backend_tls_options[] = {
    {"truststore", CONF_TYPE_TEXT, AT(truststore), .required = true, .good = conf_is_alias,
     .allowed = "the alias of a truststore"},
    {"server-name", CONF_TYPE_NAME, AT(server_name), .preset_words = "the name of the backend",
     .good = conf_is_host_name, .allowed = CONF_HOST_NAME_WORDS},
    {"keystore", CONF_TYPE_TEXT, AT(keystore), .preset_words = "none", .good = conf_is_alias,
     .allowed = "the alias of a keystore"},
    {KEY_OPTION(CONF_FOR_ALL), .preset_words = "none: no certificate is shown"},
    {CERTIFICATE_OPTION(CONF_FOR_ALL)},
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
    [CONF_BLOCK_PARTNER] = {.name = "partner",
                            .list = "partners",
                            .many = true,
                            .count_max = PARTNERS_MAX,
                            BLOCK(conf_partner_block, partner_options)},
    [CONF_BLOCK_LISTENER] = {.name = "listener",
                             .list = "listeners",
                             .many = true,
                             .count_max = COUNTERS_LISTENERS_MAX,
                             BLOCK(conf_listener_block, listener_options)},
    [CONF_BLOCK_SERVER_NAME] = {.name = "server-name",
                                .list = "server-names",
                                .within = CONF_BLOCK_LISTENER,
                                .protocols = SECURE,
                                .many = true,
                                .count_max = SERVER_NAMES_MAX,
                                BLOCK(conf_server_name_block, server_name_options)},
    [CONF_BLOCK_PASSIVE_FOR] = {.name = "passive-address-for",
                                .list = "passive-address-for",
                                .within = CONF_BLOCK_LISTENER,
                                .protocols = FTP,
                                .many = true,
                                .count_max = PASSIVE_FOR_MAX,
                                BLOCK(conf_passive_for_block, passive_for_options)},
    [CONF_BLOCK_ROUTE] = {.name = "route",
                          .list = "routes",
                          .within = CONF_BLOCK_LISTENER,
                          .protocols = HTTP,
                          .many = true,
                          .count_max = ROUTES_MAX,
                          BLOCK(conf_route_block, route_options)},
    [CONF_BLOCK_BACKEND_TLS] = {.name = "backend-tls",
                                .list = "backend-tls",
                                .within = CONF_BLOCK_LISTENER,
                                .protocols = OUTWARD,
                                .count_max = 1,
                                BLOCK(conf_backend_tls_block, backend_tls_options)},
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
