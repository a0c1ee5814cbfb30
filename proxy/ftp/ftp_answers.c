/* Commands beside login and transfers that are answered here, or looked at: FEAT, QUIT, NOOP, STAT, MODE,
 * STRU. */
#include "ftp_control_private.h"
#include "ftp_feat.h"

#include <string.h>

static void say_features(struct ftp_control *control, const struct buf *features, bool whole)
{
    if (whole)
        control->ops->reply(control->owner, buf_data(features), buf_len(features));
    else
        ftp_control_say(control, "451 Out of memory.\r\n");
}

static struct ftp_feat_offer offer_of(const struct ftp_control *control)
{
    const struct ftp_rules *rules = control->rules;
    return (struct ftp_feat_offer){
        .commands = &rules->commands,
        .active = rules->active_mode,
        .host = rules->has_hosts,
        .ccc = rules->allow_ccc,
    };
}

static void merge_features(struct ftp_control *control, const char *reply, size_t len)
{
    struct ftp_feat_offer offer = offer_of(control);
    struct buf features;
    buf_init(&features, FTP_FEAT_MAX);
    say_features(control, &features, ftp_feat_merge(&offer, reply, len, &features));
    buf_free(&features);
}

/* Before the login: what a backend of this listener said last, or else a fixed list (F2). */
void ftp_run_feat(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    struct ftp_feat_offer offer = offer_of(control);
    struct buf features;
    size_t len;
    (void)command;
    if (control->logged_in) {
        ftp_control_forward(control, line, FTP_WAIT_FEAT);
        return;
    }
    const char *seen = control->ops->features(control->owner, &len);
    if (seen) {
        merge_features(control, seen, len);
        return;
    }
    buf_init(&features, FTP_FEAT_MAX);
    say_features(control, &features, ftp_feat_fixed(&offer, &features));
    buf_free(&features);
}

/* A backend without FEAT still has our own features. */
void ftp_feat_reply(struct ftp_control *control)
{
    const struct ftp_reply *reply = &control->reply;
    const char *text = (const char *)buf_data(&reply->text);
    size_t len = reply->code == 211 ? buf_len(&reply->text) : 0;
    control->wait = FTP_WAIT_NOTHING;
    if (len)
        control->ops->keep_features(control->owner, text, len);
    merge_features(control, text, len);
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

/* Without a path it is about this connection, and the backend knows another one; with a path it lists. */
void ftp_run_stat(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    if (ftp_transfer_runs(control))
        ftp_control_say(control, "211 A transfer is under way.\r\n");
    else if (*command->argument && !ftp_command_listed(&control->rules->commands, command->verb))
        ftp_control_forbid(control, command->verb);
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
