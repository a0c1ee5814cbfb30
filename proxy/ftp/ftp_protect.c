/* TLS on the control connection and new beginnings: AUTH, PBSZ, PROT, CCC, REIN. */
#include "ftp_control_private.h"
#include "text.h"

#include <string.h>

enum { BEGINNINGS_MAX = 20 }; /* of one session, by REIN and HOST */

void ftp_drop_backend(struct ftp_control *control)
{
    if (control->backend == FTP_BACKEND_NONE)
        return;
    control->backend = FTP_BACKEND_NONE;
    control->backend_number++;
    control->ops->drop_backend(control->owner);
    control->take_back = NULL;
    ftp_reply_reset(&control->reply);
}

/* Each one costs the server a connection and us a port, and the client a few bytes. */
bool ftp_begins_too_often(struct ftp_control *control)
{
    if (control->backend_number < BEGINNINGS_MAX)
        return false;
    ftp_control_say(control, "421 Too many new beginnings; open a new connection.\r\n");
    ftp_control_end(control, REASON_BAD_REQUEST, "new beginnings without end");
    return true;
}

/* A new beginning: nothing that was said counts any more (F2, F7). But HOST goes with AUTH into the
 * handshake. */
static void forget_login(struct ftp_control *control)
{
    ftp_drop_backend(control);
    control->ops->abort_data(control->owner, false);
    control->logged_in = control->has_user = control->epsv_all = false;
    control->protect = control->buffer_size_said = false;
    control->passive_port = 0;
    control->user[0] = control->typed[0] = '\0';
}

/* TLS-C leaves data connections in clear and TLS-P protects them; with the quirk TLS and SSL do, too. */
static bool is_offered(const struct ftp_control *control, const char *mechanism)
{
    return text_same(mechanism, "TLS") || text_same(mechanism, "TLS-C") || text_same(mechanism, "SSL") ||
           (text_same(mechanism, "TLS-P") && control->rules->auth_implies_private);
}

void ftp_run_auth(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    const char *mechanism = command->argument;
    (void)line;
    if (control->secure) {
        ftp_control_say(control, "503 TLS is established already.\r\n");
    } else if (!is_offered(control, mechanism)) {
        ftp_control_say(control, *mechanism ? "504 Unknown mechanism; TLS is offered.\r\n"
                                            : "501 AUTH needs a mechanism: TLS.\r\n");
    } else if (control->waiting_count || control->untaken) {
        ftp_control_end(control, REASON_INJECTED, "bytes in clear behind AUTH");
    } else if (!control->ops->can_secure(control->owner)) {
        ftp_control_say(control, "431 TLS is not available now; try again later.\r\n");
    } else {
        forget_login(control);
        control->protect = control->rules->auth_implies_private && !text_same(mechanism, "TLS-C");
        ftp_control_say(control, "234 Begin TLS.\r\n");
        control->wait = FTP_WAIT_TLS;
        control->ops->start_tls(control->owner);
    }
}

void ftp_control_secured(struct ftp_control *control)
{
    control->secure = true;
    ftp_control_connect_backend(control);
}

void ftp_run_pbsz(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    uint64_t size;
    (void)line;
    if (!control->secure) {
        ftp_control_say(control, "503 Say AUTH TLS first.\r\n");
    } else if (!text_number(command->argument, strlen(command->argument), UINT32_MAX, &size)) {
        ftp_control_say(control, "501 PBSZ needs a number: 0.\r\n");
    } else {
        control->buffer_size_said = true;
        ftp_control_say(control, "200 PBSZ=0\r\n");
    }
}

static const char *set_protection(struct ftp_control *control, char level)
{
    switch (level) {
    case 'C':
        if (control->rules->require_data_tls)
            return "534 Data connections must be protected here.\r\n";
        control->protect = false;
        return "200 Data connections are in clear.\r\n";
    case 'P':
        control->protect = true;
        return "200 Data connections are protected.\r\n";
    case 'S':
    case 'E':
        return "536 TLS offers C and P.\r\n";
    default:
        return "504 Unknown protection level.\r\n";
    }
}

void ftp_run_prot(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    const char *level = command->argument;
    (void)line;
    if (!control->secure)
        ftp_control_say(control, "503 Say AUTH TLS first.\r\n");
    else if (!control->buffer_size_said && !control->rules->no_pbsz)
        ftp_control_say(control, "503 Say PBSZ 0 first.\r\n");
    else if (strlen(level) != 1)
        ftp_control_say(control,
                        *level ? "504 Unknown protection level.\r\n" : "501 PROT needs a level.\r\n");
    else
        ftp_control_say(control, set_protection(control, (char)(level[0] & ~0x20)));
}

/* What came behind a command after which the client must wait for the end of TLS: nobody can tell who said
 * it. */
static bool is_followed(struct ftp_control *control)
{
    if (!control->waiting_count && !control->untaken)
        return false;
    ftp_control_end(control, REASON_BAD_REQUEST, "commands behind one that ends TLS");
    return true;
}

void ftp_run_ccc(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    (void)command;
    if (!control->rules->allow_ccc) {
        ftp_control_say(control, "534 The control connection stays protected.\r\n");
    } else if (!control->secure || control->cleared) {
        ftp_control_say(control, "533 The control connection is in clear.\r\n");
    } else if (!control->logged_in) {
        ftp_control_say(control, "530 Log in with USER and PASS first.\r\n");
    } else if (!is_followed(control)) {
        ftp_control_say(control, "200 The control connection goes on in clear.\r\n");
        control->cleared = true;
        control->ops->clear_tls(control->owner);
    }
}

/* RFC 959 4.1.1, RFC 4217 11: everything is as behind the greeting. With AUTH that is a connection in clear,
 * so TLS ends behind our reply; where TLS comes first it stays, for a client that went on in clear there
 * could never log in again. */
void ftp_run_rein(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    bool implicit = control->rules->implicit, clears = control->secure && !implicit;
    (void)line;
    (void)command;
    if (control->cleared) {
        ftp_control_say(control, "502 Not after CCC; open a new connection.\r\n");
        return;
    }
    if ((clears && is_followed(control)) || ftp_begins_too_often(control))
        return;
    forget_login(control);
    (void)control->ops->choose_host(control->owner, NULL);
    control->secure = control->protect = implicit;
    ftp_control_say(control, "220 Ready for a new user.\r\n");
    if (clears)
        control->ops->clear_tls(control->owner);
    control->ops->begin_anew(control->owner);
    if (implicit)
        ftp_control_connect_backend(control);
}
