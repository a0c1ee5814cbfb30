#include "ftp_commands.h"

#include "ftp_control_private.h"
#include "text.h"

#include <string.h>

#define PASS(verb, when)                                                                                     \
    {                                                                                                        \
        verb, when, FTP_PASSES, NULL, NULL, false                                                            \
    }
#define CHECKED(verb, when, run)                                                                             \
    {                                                                                                        \
        verb, when, FTP_CHECKED, run, NULL, false                                                            \
    }
#define OWN(verb, when, run)                                                                                 \
    {                                                                                                        \
        verb, when, FTP_OWN, run, NULL, false                                                                \
    }
#define TRANSFER(verb, carriage)                                                                             \
    {                                                                                                        \
        verb, FTP_LOGGED_IN, carriage, NULL, NULL, false                                                     \
    }
#define REFUSED(verb, reply)                                                                                 \
    {                                                                                                        \
        verb, FTP_ALWAYS, FTP_REFUSED, NULL, reply "\r\n", false                                             \
    }

#define NO_ACTIVE "502 Active mode is not offered; say EPSV or PASV."

const struct ftp_command_row ftp_command_rows[] = {
    OWN("AUTH", FTP_ALWAYS, ftp_run_auth),
    OWN("PBSZ", FTP_ALWAYS, ftp_run_pbsz),
    OWN("PROT", FTP_ALWAYS, ftp_run_prot),
    CHECKED("FEAT", FTP_ALWAYS, ftp_run_feat),
    CHECKED("NOOP", FTP_ALWAYS, ftp_run_noop),
    CHECKED("QUIT", FTP_ALWAYS, ftp_run_quit),
    {"ABOR", FTP_ALWAYS, FTP_OWN, ftp_run_abor, NULL, true},
    {"STAT", FTP_LOGGED_IN, FTP_CHECKED, ftp_run_stat, NULL, true},
    REFUSED("REIN", "502 REIN is not offered; open a new connection."),
    REFUSED("CCC", "534 The control connection stays protected."),
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

    CHECKED("PASV", FTP_LOGGED_IN, ftp_run_pasv),
    CHECKED("EPSV", FTP_LOGGED_IN, ftp_run_epsv),
    REFUSED("PORT", NO_ACTIVE),
    REFUSED("EPRT", NO_ACTIVE),
    REFUSED("LPRT", NO_ACTIVE),
    REFUSED("LPSV", "502 Say EPSV or PASV."),
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
    PASS("MFMT", FTP_LOGGED_IN),
    PASS("MKD", FTP_LOGGED_IN),
    PASS("MLST", FTP_LOGGED_IN),
    PASS("PWD", FTP_LOGGED_IN),
    PASS("REST", FTP_LOGGED_IN),
    PASS("RMD", FTP_LOGGED_IN),
    PASS("RNFR", FTP_LOGGED_IN),
    PASS("RNTO", FTP_LOGGED_IN),
    PASS("SITE", FTP_LOGGED_IN),
    PASS("SIZE", FTP_LOGGED_IN),
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

bool ftp_command_carried(const char *word, size_t len)
{
    for (size_t i = 0; i < ftp_command_count; i++) {
        enum ftp_carriage carriage = ftp_command_rows[i].carriage;
        if (text_same_n(word, len, ftp_command_rows[i].verb))
            return carriage == FTP_PASSES || carriage == FTP_UPLOAD || carriage == FTP_DOWNLOAD;
    }
    return false;
}

bool ftp_command_is_http(const char *verb)
{
    for (size_t i = 0; i < sizeof(http_methods) / sizeof(http_methods[0]); i++)
        if (strcmp(verb, http_methods[i]) == 0)
            return true;
    return false;
}
