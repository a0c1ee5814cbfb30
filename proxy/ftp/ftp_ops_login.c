/* What the filter asks about who the client is and where it belongs: certificate and partner, HOST and SNI.
 */
#include "conf.h"
#include "counters.h"
#include "ftp_private.h"
#include "server_name.h"
#include "text.h"

#include <string.h>

/* ---- who ---- */

/* In clear (REIN has ended TLS) the certificate of an earlier handshake counts for nothing. */
void ftp_op_identify(void *owner, bool secure, struct ftp_identity *out)
{
    struct ftp *ftp = owner;
    const struct conf_listener *conf = session_conf(ftp->session);
    struct ftp_identity_facts facts = {
        .mode = conf->client_certificate,
        .bad_certificate = conf->bad_certificate,
        .cert_map = conf->cert_map,
        .verdict = TLS_NO_CERTIFICATE,
    };
    if (session_is_banned(ftp->session)) {
        *out = (struct ftp_identity){.kind = FTP_IDENTITY_BANNED};
        return;
    }
    if (!session_recheck(ftp->session, &ftp->why)) {
        *out = (struct ftp_identity){.kind = FTP_IDENTITY_REFUSED, .reason = ftp->why.text};
        return;
    }
    if (secure) {
        facts.verdict = session_identity(ftp->session)->verdict;
        facts.partner = session_partner(ftp->session);
    }
    ftp_identity_decide(&facts, out);
}

bool ftp_op_still_welcome(void *owner)
{
    struct ftp *ftp = owner;
    struct log_line line;
    if (session_recheck(ftp->session, &ftp->why))
        return true;
    session_log(ftp->session, &line, LOG_LEVEL_WARNING, "access-ended");
    log_text(&line, "reason", ftp->why.text);
    log_end(&line);
    return false;
}

void ftp_op_login(void *owner, const struct ftp_login_report *report)
{
    struct ftp *ftp = owner;
    struct log_line line;
    session_log(ftp->session, &line, LOG_LEVEL_INFO, "login");
    log_text(&line, "user", report->user);
    log_text(&line, "typed", report->typed);
    log_text(&line, "partner", session_identity(ftp->session)->partner);
    log_number(&line, "code", report->code);
    log_text(&line, "detail", report->detail);
    log_end(&line);
    if (report->code >= 300)
        return;
    timer_stop(&ftp->login);
    ftp->auth_said = false;
    session_set_user(ftp->session, report->user);
}

bool ftp_op_login_failed(void *owner)
{
    struct ftp *ftp = owner;
    return session_login_failed(ftp->session);
}

void ftp_op_command_refused(void *owner, const char *verb)
{
    struct ftp *ftp = owner;
    struct log_line line;
    counter_add(&session_counters(ftp->session)->commands_refused, 1);
    if (ftp->command_refused)
        return;
    ftp->command_refused = true;
    session_log(ftp->session, &line, LOG_LEVEL_WARNING, "command-refused");
    log_text(&line, "command", verb);
    log_end(&line);
}

void ftp_op_begin_anew(void *owner)
{
    struct ftp *ftp = owner;
    ftp->secure = ftp->rules.implicit;
    if (!ftp->secure)
        session_forget_tls(ftp->session);
    if (!ftp->login.armed) /* who has not logged in has no more time by this */
        timer_start(&ftp->login, session_conf(ftp->session)->login_timeout_ms);
}

/* ---- where ---- */

/* Names as they are before names with a star. */
static const struct conf_server_name *find_name(const struct conf_listener *conf, const char *name)
{
    for (int wild = 0; wild < 2; wild++)
        for (size_t i = 0; i < conf->server_name_count; i++) {
            const struct conf_server_name *entry = &conf->server_names[i];
            if (server_name_is_wildcard(entry->name) == (wild == 1) && server_name_fits(entry->name, name))
                return entry;
        }
    return NULL;
}

/* Folded; "" when there is none. */
static void sni_of(const struct ftp *ftp, char out[SERVER_NAME_LEN])
{
    out[0] = '\0';
    if (ftp->secure && !server_name_fold(session_identity(ftp->session)->sni, out))
        out[0] = '\0';
}

const struct conf_backends *ftp_backends(const struct ftp *ftp)
{
    const struct conf_server_name *host = ftp->host;
    char sni[SERVER_NAME_LEN];
    sni_of(ftp, sni);
    if (!host && sni[0])
        host = find_name(session_conf(ftp->session), sni);
    return host && host->backends.count ? &host->backends : NULL;
}

const char *ftp_op_features(void *owner, size_t *len)
{
    const struct ftp *ftp = owner;
    return session_backend_features(ftp->session, ftp_backends(ftp), len);
}

void ftp_op_keep_features(void *owner, const char *reply, size_t len)
{
    const struct ftp *ftp = owner;
    session_keep_backend_features(ftp->session, reply, len);
}

/* RFC 7151 3.2: one that is served here, and no other than TLS was made for (F12). */
enum ftp_host ftp_op_choose_host(void *owner, const char *name)
{
    struct ftp *ftp = owner;
    const struct conf_backends *before = ftp_backends(ftp);
    const struct conf_server_name *host;
    char folded[SERVER_NAME_LEN], sni[SERVER_NAME_LEN];
    if (!name) {
        ftp->host = NULL;
        ftp->host_name[0] = '\0';
        return FTP_HOST_SAME_BACKEND;
    }
    sni_of(ftp, sni);
    if (!server_name_fold(name, folded) || !folded[0] || strchr(folded, '*') ||
        (sni[0] && strcmp(sni, folded) != 0))
        return FTP_HOST_UNKNOWN;
    host = find_name(session_conf(ftp->session), folded);
    if (!host)
        return sni[0] ? FTP_HOST_SAME_BACKEND : FTP_HOST_UNKNOWN;
    ftp->host = host;
    (void)text_copy(ftp->host_name, sizeof ftp->host_name, folded);
    return ftp_backends(ftp) == before ? FTP_HOST_SAME_BACKEND : FTP_HOST_OTHER_BACKEND;
}
