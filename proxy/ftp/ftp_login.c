/* HOST, and the login: who the client is, decided at USER and at PASS; the directory behind it. */
#include "ftp_control_private.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char certificate_needed[] = "530 A trusted client certificate is required.\r\n";

void ftp_run_host(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    if (!control->rules->has_hosts) {
        ftp_control_say(control, "502 HOST is not offered.\r\n");
        return;
    }
    if (control->logged_in || control->has_user) {
        ftp_control_say(control, "503 HOST comes before USER.\r\n");
        return;
    }
    if (!*command->argument || strchr(command->argument, ' ')) {
        ftp_control_say(control, "501 HOST needs a name.\r\n");
        return;
    }
    switch (control->ops->choose_host(control->owner, command->argument)) {
    case FTP_HOST_UNKNOWN:
        ftp_control_say(control, "504 No such host here.\r\n");
        break;
    case FTP_HOST_SAME_BACKEND:
        ftp_control_say(control, "220 Host accepted.\r\n");
        break;
    case FTP_HOST_OTHER_BACKEND:
        if (ftp_begins_too_often(control))
            return;
        ftp_control_say(control, "220 Host accepted.\r\n");
        ftp_drop_backend(control);
        if (control->secure)
            ftp_control_connect_backend(control);
        break;
    }
}

/* ---- who ---- */

/* False: nobody may log in from there any more, the session has ended. */
static bool identify(struct ftp_control *control, struct ftp_identity *out)
{
    control->ops->identify(control->owner, control->secure, out);
    if (out->kind != FTP_IDENTITY_BANNED)
        return true;
    ftp_control_say(control, "421 Not now.\r\n");
    ftp_control_end(control, REASON_BANNED, NULL);
    return false;
}

static void report_login(struct ftp_control *control, unsigned code, const char *detail)
{
    struct ftp_login_report report = {
        .user = control->user, .typed = control->typed, .code = code, .detail = detail};
    control->ops->login(control->owner, &report);
}

/* The client was told so already. One failure too many ends the session. */
static void count_failure(struct ftp_control *control, enum session_reason reason)
{
    if (!control->ops->login_failed(control->owner))
        return;
    ftp_control_say(control, "421 Too many failed logins.\r\n");
    ftp_control_end(control, reason, NULL);
}

static void refuse_login(struct ftp_control *control, const char *detail)
{
    control->has_user = false;
    report_login(control, 530, detail);
    ftp_control_say(control, certificate_needed);
    count_failure(control, REASON_CERTIFICATE_REFUSED);
}

void ftp_run_user(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    struct ftp_identity who;
    if (control->logged_in) {
        ftp_control_say(control, "503 Logged in already.\r\n");
        return;
    }
    if (!*command->argument || strlen(command->argument) > FTP_USER_MAX) {
        ftp_control_say(control, "501 USER needs a name.\r\n");
        return;
    }
    (void)text_copy(control->user, sizeof control->user, command->argument);
    control->typed[0] = '\0';
    control->has_user = true;
    if (!identify(control, &who))
        return;
    control->login_as = who.kind;
    if (who.kind == FTP_IDENTITY_TYPED)
        ftp_control_forward(control, line, FTP_WAIT_LOGIN);
    else
        ftp_control_say(control, "331 The password, please.\r\n"); /* always asked for (C1, C2) */
}

/* ---- a login that the certificate decides (C3) ---- */

/* The certificate may map to nobody any more: the client is to begin again. */
static bool still_maps(struct ftp_control *control, struct ftp_identity *who)
{
    if (!identify(control, who))
        return false;
    if (who->kind == FTP_IDENTITY_MAPPED)
        return true;
    refuse_login(control, who->kind == FTP_IDENTITY_REFUSED
                              ? who->reason
                              : "the client certificate maps to no user any more");
    return false;
}

static void forward_word(struct ftp_control *control, const char *verb, const char *word, enum ftp_wait wait)
{
    char command[FTP_COMMAND_MAX + 2 + 1];
    int len = snprintf(command, sizeof command, "%s %s\r\n", verb, word);
    control->ops->forward(control->owner, command, (size_t)len);
    explicit_bzero(command, sizeof command);
    control->wait = wait;
}

static void begin_mapped(struct ftp_control *control)
{
    struct ftp_identity who;
    if (!still_maps(control, &who))
        return;
    if (!control->typed[0])
        (void)text_copy(control->typed, sizeof control->typed, control->user);
    (void)text_copy(control->user, sizeof control->user, who.user);
    forward_word(control, "USER", who.user, FTP_WAIT_MAPPED);
}

/* ... to the user that the backend was told: another one's password is not for it. */
static bool is_still_mapped(struct ftp_control *control, struct ftp_identity *who)
{
    char user[sizeof control->user];
    if (!still_maps(control, who))
        return false;
    (void)text_copy(user, sizeof user, who->user);
    if (strcmp(user, control->user) == 0)
        return true;
    refuse_login(control, "the client certificate maps to another user now");
    return false;
}

void ftp_mapped_reply(struct ftp_control *control)
{
    struct ftp_identity who;
    control->wait = FTP_WAIT_NOTHING;
    if (control->reply.code != 331)
        ftp_login_reply(control);
    else if (is_still_mapped(control, &who))
        forward_word(control, "PASS", who.password, FTP_WAIT_LOGIN);
}

void ftp_run_pass(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    struct ftp_identity who;
    (void)command;
    if (control->logged_in) {
        ftp_control_say(control, "503 Logged in already.\r\n");
        return;
    }
    if (!control->has_user) {
        ftp_control_say(control, "503 Say USER first.\r\n");
        return;
    }
    if (control->login_as == FTP_IDENTITY_MAPPED) {
        begin_mapped(control);
        return;
    }
    if (!identify(control, &who))
        return;
    if (who.kind == FTP_IDENTITY_REFUSED)
        refuse_login(control, who.reason);
    else if (control->login_as == FTP_IDENTITY_REFUSED)
        refuse_login(control, "the client certificate was refused");
    else
        ftp_control_forward(control, line, FTP_WAIT_LOGIN);
}

void ftp_run_acct(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    struct ftp_identity who;
    if (control->logged_in)
        ftp_control_forward(control, line, FTP_WAIT_REPLY);
    else if (!control->has_user || control->login_as != FTP_IDENTITY_MAPPED || !control->typed[0])
        ftp_run_pass(control, line, command);
    else if (is_still_mapped(control, &who)) /* the backend has asked for it: 332 */
        ftp_control_forward(control, line, FTP_WAIT_LOGIN);
}

/* ---- the backend's answer ---- */

static void accept_login(struct ftp_control *control)
{
    control->logged_in = true;
    control->ops->reply(control->owner, buf_data(&control->kept), buf_len(&control->kept));
    buf_free(&control->kept);
    report_login(control, control->login_code, "");
}

/* The backend has let somebody in whom we do not: it is left, and a new one met. */
static void refuse_directory(struct ftp_control *control, const char *detail)
{
    report_login(control, 530, detail);
    ftp_control_say(control, "530 The login directory cannot be entered.\r\n");
    buf_free(&control->kept);
    control->has_user = false;
    ftp_drop_backend(control);
    count_failure(control, REASON_LOGIN_FAILURES);
    if (control->secure && !control->ended)
        ftp_control_connect_backend(control);
}

static void enter_directory(struct ftp_control *control)
{
    char path[FTP_COMMAND_MAX - sizeof "CWD "];
    if (!ftp_identity_directory(control->rules->login_directory, control->user, path, sizeof path))
        refuse_directory(control, "the user's name makes no path");
    else
        forward_word(control, "CWD", path, FTP_WAIT_DIRECTORY);
}

void ftp_directory_reply(struct ftp_control *control)
{
    control->wait = FTP_WAIT_NOTHING;
    if (control->reply.code < 300)
        accept_login(control);
    else
        refuse_directory(control, "the backend refused login-directory");
}

static void login_refused(struct ftp_control *control, unsigned code)
{
    control->has_user = false;
    ftp_control_pass_reply(control);
    report_login(control, code, "");
    if (code >= 500 || code == 430)
        count_failure(control, REASON_LOGIN_FAILURES);
}

void ftp_login_reply(struct ftp_control *control)
{
    unsigned code = control->reply.code;
    control->wait = FTP_WAIT_NOTHING;
    if (code >= 400) {
        login_refused(control, code);
        return;
    }
    if (code >= 300) {
        ftp_control_pass_reply(control);
        return;
    }
    control->login_code = code;
    if (!buf_add(&control->kept, buf_data(&control->reply.text), buf_len(&control->reply.text)))
        ftp_control_end(control, REASON_NO_MEMORY, NULL);
    else if (*control->rules->login_directory)
        enter_directory(control);
    else
        accept_login(control);
}
