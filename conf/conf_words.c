#include "conf_words.h"

#include <limits.h>
#include <string.h>

enum {
    ALIAS_MAX = 255,
    USER_MAX = 32,
    GREETING_MAX = 200,
    CIPHER_LIST_MAX = 2048,
    NAME_MAX_BYTES = 253,
    AS2_ID_MAX = 128,
    FTP_WORD_MAX = 255,
    COMMAND_MAX = 16,
    METHOD_MAX = 32,
    DIRECTORY_MAX = 512,
    ROUTE_MAX = 1024,
    LABEL_MAX = 63
};

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

/* Between 1 and max bytes, all of the set. */
static bool made_of(const char *text, const char *set, size_t max)
{
    size_t len = strspn(text, set);

    return len > 0 && len <= max && !text[len];
}

bool conf_is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

bool conf_is_alias(const char *text)
{
    return made_of(text, LETTERS DIGITS "_.-", ALIAS_MAX);
}

bool conf_is_user(const char *text)
{
    return made_of(text, LETTERS DIGITS "_.-", USER_MAX) && text[0] != '-' && text[0] != '.';
}

bool conf_is_tls_versions(const char *text)
{
    return strcmp(text, "1.2") == 0 || strcmp(text, "1.3") == 0 || strcmp(text, "1.2-1.3") == 0;
}

bool conf_is_cipher_list(const char *text)
{
    return !text[0] || made_of(text, LETTERS DIGITS "_.-+!@=:", CIPHER_LIST_MAX);
}

bool conf_is_path(const char *text)
{
    return text[0] && strlen(text) < PATH_MAX && conf_is_plain(text);
}

bool conf_is_path_or_none(const char *text)
{
    return !text[0] || conf_is_path(text);
}

bool conf_is_credential(const char *text)
{
    return conf_is_alias(text) && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* One label of a host name, which ends at a dot or at the end. */
static bool is_label(const char *text, size_t len, const char *set)
{
    return len > 0 && len <= LABEL_MAX && strspn(text, set) >= len && text[0] != '-' && text[len - 1] != '-';
}

static bool is_dotted(const char *text, const char *set)
{
    size_t len = strcspn(text, ".");

    while (is_label(text, len, set) && text[len]) {
        text += len + 1;
        len = strcspn(text, ".");
    }
    /* A last label of digits makes it an address, which no client may ask for and DNS does not know. */
    return is_label(text, len, set) && strspn(text, DIGITS) < len;
}

bool conf_is_server_name(const char *text)
{
    return strlen(text) <= NAME_MAX_BYTES &&
           is_dotted(strncmp(text, "*.", 2) == 0 ? text + 2 : text, LETTERS DIGITS "-");
}

bool conf_is_host_name(const char *text)
{
    return strlen(text) <= NAME_MAX_BYTES && is_dotted(text, LETTERS DIGITS "-_");
}

bool conf_is_as2_id(const char *text)
{
    size_t len = strlen(text);

    if (!len || len > AS2_ID_MAX)
        return false;
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

bool conf_is_ftp_word(const char *text)
{
    return text[0] && strlen(text) <= FTP_WORD_MAX && conf_is_plain(text);
}

bool conf_is_command(const char *text)
{
    return made_of(text, LETTERS, COMMAND_MAX);
}

bool conf_is_method(const char *text)
{
    return made_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_", METHOD_MAX);
}

bool conf_is_login_directory(const char *text)
{
    if (strlen(text) > DIRECTORY_MAX || !conf_is_plain(text))
        return false;
    for (const char *at = strchr(text, '%'); at; at = strchr(at + 2, '%'))
        if (at[1] != 'u' && at[1] != '%')
            return false;
    return true;
}

/* "." and ".." are taken away by whoever normalises paths. */
static bool has_dot_segment(const char *text)
{
    for (const char *at = strstr(text, "/."); at; at = strstr(at + 1, "/.")) {
        size_t dots = strspn(at + 1, ".");

        if (dots <= 2 && (!at[1 + dots] || at[1 + dots] == '/'))
            return true;
    }
    return false;
}

bool conf_is_route(const char *text)
{
    if (text[0] != '/' || strlen(text) > ROUTE_MAX || strstr(text, "//") || has_dot_segment(text))
        return false;
    for (const char *at = text; *at; at++)
        if (*at <= ' ' || *at > '~' || strchr("%?#\\\"", *at))
            return false;
    return true;
}

bool conf_is_log_target(const char *text)
{
    return strcmp(text, "stderr") == 0 || (text[0] == '/' && text[1] && conf_is_path(text));
}

bool conf_is_module(const char *text)
{
    return conf_is_path(text) && (text[0] == '/' || !strchr(text, '/'));
}

bool conf_is_greeting(const char *text)
{
    return text[0] && strlen(text) <= GREETING_MAX && conf_is_plain(text);
}

bool conf_is_token(const char *text)
{
    return strncmp(text, "pkcs11:", strlen("pkcs11:")) == 0 && conf_is_plain(text) &&
           !strstr(text, "pin-value") && !strstr(text, "pin-source");
}

bool conf_is_key_alias(const char *text)
{
    if (strncmp(text, "pkcs11:", strlen("pkcs11:")) == 0)
        return conf_is_token(text);
    return text[0] && strlen(text) <= ALIAS_MAX && conf_is_plain(text);
}
