/* What comes before and beside transfers: AUTH, PBSZ, PROT, the login, FEAT, STAT, NOOP, QUIT. */
#include "ftp_control_private.h"
#include "ftp_feat.h"
#include "text.h"

#include <string.h>

enum { REFUSED_LOGINS_MAX = 3 };

/* A new beginning: nothing that was said in clear counts any more (F2). */
static void forget_login(struct ftp_control *control)
{
    if (control->backend != FTP_BACKEND_NONE)
        control->ops->drop_backend(control->owner);
    control->ops->abort_data(control->owner, false);
    control->backend = FTP_BACKEND_NONE;
    control->logged_in = control->has_user = control->epsv_all = false;
    control->protect = control->buffer_size_said = false;
    control->passive_port = 0;
    control->user[0] = '\0';
    ftp_reply_reset(&control->reply);
}

void ftp_run_auth(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    const char *mechanism = command->argument;
    (void)line;
    if (control->secure) {
        ftp_control_say(control, "503 TLS is established already.\r\n");
    } else if (!text_same(mechanism, "TLS") && !text_same(mechanism, "TLS-C") &&
               !text_same(mechanism, "SSL")) {
        ftp_control_say(control, *mechanism ? "504 Unknown mechanism; TLS is offered.\r\n"
                                            : "501 AUTH needs a mechanism: TLS.\r\n");
    } else if (control->waiting_count || control->untaken) {
        ftp_control_end(control, REASON_INJECTED, "bytes in clear behind AUTH");
    } else if (!control->ops->can_secure(control->owner)) {
        ftp_control_say(control, "431 TLS is not available now; try again later.\r\n");
    } else {
        forget_login(control);
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
    else if (!control->buffer_size_said)
        ftp_control_say(control, "503 Say PBSZ 0 first.\r\n");
    else if (strlen(level) != 1)
        ftp_control_say(control,
                        *level ? "504 Unknown protection level.\r\n" : "501 PROT needs a level.\r\n");
    else
        ftp_control_say(control, set_protection(control, (char)(level[0] & ~0x20)));
}

void ftp_run_user(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    if (control->logged_in) {
        ftp_control_say(control, "503 Logged in already.\r\n");
        return;
    }
    if (!*command->argument) {
        ftp_control_say(control, "501 USER needs a name.\r\n");
        return;
    }
    (void)text_copy(control->user, sizeof control->user, command->argument);
    control->has_user = true;
    control->certificate_failed = control->ops->certificate_refused(control->owner);
    if (control->certificate_failed)
        ftp_control_say(control, "331 The password, please.\r\n"); /* the answer follows it (C1, C2) */
    else
        ftp_control_forward(control, line, FTP_WAIT_LOGIN);
}

static void refuse_login(struct ftp_control *control)
{
    control->has_user = false;
    control->ops->login(control->owner, control->user, 530);
    ftp_control_say(control, "530 A trusted client certificate is required.\r\n");
    if (++control->refused_logins >= REFUSED_LOGINS_MAX)
        ftp_control_end(control, REASON_CERTIFICATE_REFUSED, NULL);
}

void ftp_run_pass(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)command;
    if (control->logged_in)
        ftp_control_say(control, "503 Logged in already.\r\n");
    else if (!control->has_user)
        ftp_control_say(control, "503 Say USER first.\r\n");
    else if (control->certificate_failed)
        refuse_login(control);
    else
        ftp_control_forward(control, line, FTP_WAIT_LOGIN);
}

void ftp_run_acct(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    if (control->logged_in)
        ftp_control_forward(control, line, FTP_WAIT_REPLY);
    else
        ftp_run_pass(control, line, command);
}

void ftp_login_reply(struct ftp_control *control)
{
    unsigned code = control->reply.code;
    control->wait = FTP_WAIT_NOTHING;
    ftp_control_pass_reply(control);
    if (code < 300)
        control->logged_in = true;
    else if (code >= 400)
        control->has_user = false;
    if (code < 300 || code >= 400)
        control->ops->login(control->owner, control->user, code);
}

static void say_features(struct ftp_control *control, const struct buf *features, bool whole)
{
    if (whole)
        control->ops->reply(control->owner, buf_data(features), buf_len(features));
    else
        ftp_control_say(control, "451 Out of memory.\r\n");
}

void ftp_run_feat(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    struct buf features;
    (void)command;
    if (control->logged_in) {
        ftp_control_forward(control, line, FTP_WAIT_FEAT);
        return;
    }
    buf_init(&features, FTP_FEAT_MAX);
    say_features(control, &features, ftp_feat_fixed(&features));
    buf_free(&features);
}

/* A backend without FEAT still has our own features. */
void ftp_feat_reply(struct ftp_control *control)
{
    const struct ftp_reply *reply = &control->reply;
    struct buf features;
    size_t len = reply->code == 211 ? buf_len(&reply->text) : 0;
    buf_init(&features, FTP_FEAT_MAX);
    control->wait = FTP_WAIT_NOTHING;
    say_features(control, &features, ftp_feat_merge((const char *)buf_data(&reply->text), len, &features));
    buf_free(&features);
}

void ftp_run_quit(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    (void)command;
    if (control->backend == FTP_BACKEND_READY) {
        ftp_control_forward_text(control, "QUIT\r\n", FTP_WAIT_QUIT);
        return;
    }
    ftp_control_say(control, "221 Goodbye.\r\n");
    ftp_control_end(control, REASON_QUIT, NULL);
}

/* After the login it keeps the backend's idle timer quiet, too. */
void ftp_run_noop(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    (void)command;
    if (control->logged_in)
        ftp_control_forward_text(control, "NOOP\r\n", FTP_WAIT_REPLY);
    else
        ftp_control_say(control, "200 OK.\r\n");
}

/* Without a path it is about this connection, and the backend knows another one. */
void ftp_run_stat(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    if (ftp_transfer_runs(control))
        ftp_control_say(control, "211 A transfer is under way.\r\n");
    else if (*command->argument)
        ftp_control_forward(control, line, FTP_WAIT_REPLY);
    else
        ftp_control_say(control, control->protect ? "211 Logged in; data connections are protected.\r\n"
                                                  : "211 Logged in; data connections are in clear.\r\n");
}

static void forward_only(struct ftp_control *control, const struct ftp_line *line,
                         const struct ftp_command *command, char allowed)
{
    const char *value = command->argument;
    if (strlen(value) == 1 && (value[0] & ~0x20) == allowed)
        ftp_control_forward(control, line, FTP_WAIT_REPLY);
    else
        ftp_control_say(control, "504 Not offered.\r\n");
}

void ftp_run_mode(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    forward_only(control, line, command, 'S');
}

void ftp_run_stru(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    forward_only(control, line, command, 'F');
}
