#include "ftp_commands.h"

#include "ftp_control_private.h"
#include "text.h"

#include <string.h>

#define PASS(verb, when)                                                                                     \
    {                                                                                                        \
        verb, when, FTP_PASSES, NULL, NULL, false, NULL                                                      \
    }
#define NEXT(verb, take_back)                                                                                \
    {                                                                                                        \
        verb, FTP_LOGGED_IN, FTP_PASSES, NULL, NULL, false, take_back "\r\n"                                 \
    }
#define CHECKED(verb, when, run)                                                                             \
    {                                                                                                        \
        verb, when, FTP_CHECKED, run, NULL, false, NULL                                                      \
    }
#define OWN(verb, when, run)                                                                                 \
    {                                                                                                        \
        verb, when, FTP_OWN, run, NULL, false, NULL                                                          \
    }
#define TRANSFER(verb, carriage)                                                                             \
    {                                                                                                        \
        verb, FTP_LOGGED_IN, carriage, NULL, NULL, false, NULL                                               \
    }
#define REFUSED(verb, reply)                                                                                 \
    {                                                                                                        \
        verb, FTP_ALWAYS, FTP_REFUSED, NULL, reply "\r\n", false, NULL                                       \
    }

const struct ftp_command_row ftp_command_rows[] = {
    OWN("AUTH", FTP_ALWAYS, ftp_run_auth),
    OWN("PBSZ", FTP_ALWAYS, ftp_run_pbsz),
    OWN("PROT", FTP_ALWAYS, ftp_run_prot),
    CHECKED("FEAT", FTP_ALWAYS, ftp_run_feat),
    CHECKED("NOOP", FTP_ALWAYS, ftp_run_noop),
    CHECKED("QUIT", FTP_ALWAYS, ftp_run_quit),
    {"ABOR", FTP_ALWAYS, FTP_OWN, ftp_run_abor, NULL, true, NULL},
    {"STAT", FTP_LOGGED_IN, FTP_CHECKED, ftp_run_stat, NULL, true, NULL},
    OWN("REIN", FTP_ALWAYS, ftp_run_rein),
    OWN("CCC", FTP_ALWAYS, ftp_run_ccc),
    OWN("HOST", FTP_ALWAYS, ftp_run_host),
    REFUSED("MIC", "503 Protection comes from TLS."),
    REFUSED("CONF", "503 Protection comes from TLS."),
    REFUSED("ENC", "503 Protection comes from TLS."),
    REFUSED("ADAT", "503 Protection comes from TLS."),

    CHECKED("USER", FTP_LOGIN, ftp_run_user),
    CHECKED("PASS", FTP_LOGIN, ftp_run_pass),
    CHECKED("ACCT", FTP_LOGIN, ftp_run_acct),
    PASS("SYST", FTP_LOGIN),
    PASS("HELP", FTP_LOGIN),
    PASS("OPTS", FTP_LOGIN),
    PASS("CLNT", FTP_LOGIN),
    PASS("LANG", FTP_LOGIN),

    CHECKED("PASV", FTP_LOGGED_IN, ftp_run_pasv),
    CHECKED("EPSV", FTP_LOGGED_IN, ftp_run_epsv),
    CHECKED("PORT", FTP_LOGGED_IN, ftp_run_port),
    CHECKED("EPRT", FTP_LOGGED_IN, ftp_run_eprt),
    REFUSED("LPRT", "502 Say EPRT or PORT."),
    REFUSED("LPSV", "502 Say EPSV or PASV."),
    REFUSED("CPSV", "502 Say EPSV or PASV."),
    REFUSED("SPSV", "502 Say EPSV or PASV."),
    CHECKED("MODE", FTP_LOGGED_IN, ftp_run_mode),
    CHECKED("STRU", FTP_LOGGED_IN, ftp_run_stru),

    TRANSFER("RETR", FTP_DOWNLOAD),
    TRANSFER("LIST", FTP_DOWNLOAD),
    TRANSFER("NLST", FTP_DOWNLOAD),
    TRANSFER("MLSD", FTP_DOWNLOAD),
    TRANSFER("STOR", FTP_UPLOAD),
    TRANSFER("STOU", FTP_UPLOAD),
    TRANSFER("APPE", FTP_UPLOAD),

    PASS("ALLO", FTP_LOGGED_IN),
    PASS("AVBL", FTP_LOGGED_IN),
    PASS("CDUP", FTP_LOGGED_IN),
    PASS("CWD", FTP_LOGGED_IN),
    PASS("DELE", FTP_LOGGED_IN),
    PASS("HASH", FTP_LOGGED_IN),
    PASS("MDTM", FTP_LOGGED_IN),
    PASS("MFF", FTP_LOGGED_IN),
    PASS("MFCT", FTP_LOGGED_IN),
    PASS("MFMT", FTP_LOGGED_IN),
    PASS("MKD", FTP_LOGGED_IN),
    PASS("MLST", FTP_LOGGED_IN),
    PASS("PWD", FTP_LOGGED_IN),
    NEXT("RANG", "RANG 1 0"),
    NEXT("REST", "REST 0"),
    PASS("RMD", FTP_LOGGED_IN),
    PASS("RNFR", FTP_LOGGED_IN),
    PASS("RNTO", FTP_LOGGED_IN),
    PASS("SITE", FTP_LOGGED_IN),
    PASS("SIZE", FTP_LOGGED_IN),
    PASS("SMNT", FTP_LOGGED_IN),
    PASS("TYPE", FTP_LOGGED_IN),
    PASS("XCRC", FTP_LOGGED_IN),
    PASS("XCUP", FTP_LOGGED_IN),
    PASS("XCWD", FTP_LOGGED_IN),
    PASS("XMD5", FTP_LOGGED_IN),
    PASS("XMKD", FTP_LOGGED_IN),
    PASS("XPWD", FTP_LOGGED_IN),
    PASS("XRMD", FTP_LOGGED_IN),
    PASS("XSHA1", FTP_LOGGED_IN),
    PASS("XSHA256", FTP_LOGGED_IN),
    PASS("XSHA512", FTP_LOGGED_IN),
};

const size_t ftp_command_count = sizeof(ftp_command_rows) / sizeof(ftp_command_rows[0]);

static const char *const http_methods[] = {"GET",     "HEAD",  "POST",  "PUT",     "DELETE",
                                           "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"};

const struct ftp_command_row *ftp_command_find(const char *verb)
{
    for (size_t i = 0; i < ftp_command_count; i++)
        if (strcmp(verb, ftp_command_rows[i].verb) == 0)
            return &ftp_command_rows[i];
    return NULL;
}

/* Old names of commands (RFC 775): the same command for the backend, and so for whoever forbids it. */
static const char *const old_names[][2] = {
    {"XCUP", "CDUP"}, {"XCWD", "CWD"}, {"XMKD", "MKD"}, {"XPWD", "PWD"}, {"XRMD", "RMD"},
};

/* The other name; NULL: it has one only. */
static const char *other_name(const char *verb)
{
    for (size_t i = 0; i < sizeof(old_names) / sizeof(old_names[0]); i++)
        for (size_t j = 0; j < 2; j++)
            if (strcmp(verb, old_names[i][j]) == 0)
                return old_names[i][!j];
    return NULL;
}

static bool is_in(const char *const *verbs, size_t count, const char *verb)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(verbs[i], verb) == 0)
            return true;
    return false;
}

static bool names(const char *const *verbs, size_t count, const char *verb)
{
    const char *other = other_name(verb);
    return is_in(verbs, count, verb) || (other && is_in(verbs, count, other));
}

const struct ftp_command_row *ftp_command_named(const struct ftp_command_policy *policy, const char *verb)
{
    static const struct ftp_command_row named = PASS("", FTP_LOGGED_IN);
    return is_in(policy->allow, policy->allow_count, verb) ? &named : NULL;
}

bool ftp_command_listed(const struct ftp_command_policy *policy, const char *verb)
{
    return !policy->allow_count || names(policy->allow, policy->allow_count, verb);
}

/* Without these nobody could be told that something is not allowed. */
static bool is_indispensable(const char *verb)
{
    static const char *const verbs[] = {"AUTH", "PBSZ", "PROT", "USER", "PASS", "QUIT"};
    return is_in(verbs, sizeof(verbs) / sizeof(verbs[0]), verb);
}

bool ftp_command_allowed(const struct ftp_command_policy *policy, const struct ftp_command_row *row,
                         const char *verb)
{
    bool passes = row->carriage == FTP_PASSES || row->carriage == FTP_UPLOAD || row->carriage == FTP_DOWNLOAD;
    if (names(policy->deny, policy->deny_count, verb))
        return is_indispensable(verb);
    return !passes || ftp_command_listed(policy, verb);
}

bool ftp_command_carried(const struct ftp_command_policy *policy, const char *word, size_t len)
{
    for (size_t i = 0; i < ftp_command_count; i++) {
        enum ftp_carriage carriage = ftp_command_rows[i].carriage;
        if (text_same_n(word, len, ftp_command_rows[i].verb))
            return carriage == FTP_PASSES || carriage == FTP_UPLOAD || carriage == FTP_DOWNLOAD;
    }
    for (size_t i = 0; i < policy->allow_count; i++)
        if (text_same_n(word, len, policy->allow[i]))
            return true;
    return false;
}

bool ftp_command_is_http(const char *verb)
{
    for (size_t i = 0; i < sizeof(http_methods) / sizeof(http_methods[0]); i++)
        if (strcmp(verb, http_methods[i]) == 0)
            return true;
    return false;
}
