#include "ftp_identity.h"

#include "conf_partner.h"
#include "ftp_line.h"

#include <string.h>

/* What goes to the backend as a command must be one line, whatever a password file holds. */
static bool is_sayable(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= FTP_COMMAND_MAX - sizeof "USER " && !strpbrk(text, "\r\n");
}

static bool is_mapped(const struct ftp_identity_facts *facts)
{
    return facts->cert_map && facts->verdict == TLS_TRUSTED && facts->partner && facts->partner->enabled &&
           facts->partner->ftp_user[0];
}

static void refuse(struct ftp_identity *out, const char *reason)
{
    out->kind = FTP_IDENTITY_REFUSED;
    out->reason = reason;
}

static void map(const struct conf_partner *partner, struct ftp_identity *out)
{
    if (!is_sayable(partner->ftp_user) || (partner->ftp_password[0] && !is_sayable(partner->ftp_password))) {
        refuse(out, "ftp-user or ftp-password-file of the partner is no line of FTP");
        return;
    }
    out->kind = FTP_IDENTITY_MAPPED;
    out->user = partner->ftp_user;
    out->password = partner->ftp_password;
}

static void decide_required(const struct ftp_identity_facts *facts, struct ftp_identity *out)
{
    if (facts->verdict == TLS_NO_CERTIFICATE)
        refuse(out, "no client certificate");
    else if (facts->verdict != TLS_TRUSTED)
        refuse(out, "the client certificate is not trusted");
    else if (facts->cert_map)
        refuse(out, "the client certificate maps to no user");
}

void ftp_identity_decide(const struct ftp_identity_facts *facts, struct ftp_identity *out)
{
    *out = (struct ftp_identity){.kind = FTP_IDENTITY_TYPED, .user = "", .password = "", .reason = ""};
    if (facts->mode == CONF_CLIENT_NONE)
        return;
    if (is_mapped(facts))
        map(facts->partner, out);
    else if (facts->mode == CONF_CLIENT_REQUIRE)
        decide_required(facts, out);
    else if (facts->verdict == TLS_UNTRUSTED && facts->bad_certificate == CONF_BAD_FAIL)
        refuse(out, "the client certificate is not trusted");
}

/* A name is one step of a path, and no way out of it. */
static bool is_folder_name(const char *user)
{
    return *user && strcmp(user, ".") != 0 && strcmp(user, "..") != 0 && !strpbrk(user, "/\\\r\n");
}

bool ftp_identity_directory(const char *pattern, const char *user, char *out, size_t size)
{
    size_t len = 0;
    for (const char *at = pattern; *at; at++) {
        bool is_user = at[0] == '%' && at[1] == 'u';
        const char *piece = is_user ? user : at;
        size_t piece_len = is_user ? strlen(user) : 1;
        if ((is_user && !is_folder_name(user)) || len + piece_len >= size)
            return false;
        memcpy(out + len, piece, piece_len);
        len += piece_len;
        if (is_user || (at[0] == '%' && at[1] == '%'))
            at++;
    }
    out[len] = '\0';
    return len > 0 && !strpbrk(out, "\r\n");
}
