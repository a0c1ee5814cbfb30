#include "ftp_control.h"

#include "ftp_control_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNKNOWN_MAX = 5,
    TLS_RECORD_HANDSHAKE = 0x16,
    REPLY_HELD_BYTES = 64 * 1024, /* a longer one is passed on in parts */
};

struct ftp_control *ftp_control_new(const struct ftp_rules *rules, const struct ftp_control_ops *ops,
                                    void *owner)
{
    struct ftp_control *control = calloc(1, sizeof *control);
    if (!control)
        return NULL;
    control->rules = rules;
    buf_init(&control->kept, FTP_REPLY_BYTES_MAX);
    control->ops = ops;
    control->owner = owner;
    control->secure = control->protect = rules->implicit;
    ftp_reply_init(&control->reply);
    buf_init(&control->waiting, (size_t)FTP_WAITING_MAX * (FTP_COMMAND_MAX + 1));
    return control;
}

void ftp_control_free(struct ftp_control *control)
{
    if (!control)
        return;
    ftp_reply_free(&control->reply);
    buf_free(&control->kept);
    buf_free(&control->waiting);
    free(control);
}

void ftp_control_say(struct ftp_control *control, const char *reply)
{
    control->ops->reply(control->owner, reply, strlen(reply));
}

void ftp_control_pass_reply(struct ftp_control *control)
{
    control->ops->reply(control->owner, buf_data(&control->reply.text), buf_len(&control->reply.text));
}

void ftp_control_end(struct ftp_control *control, enum session_reason reason, const char *detail)
{
    if (control->ended)
        return;
    control->ended = true;
    control->ops->end(control->owner, reason, detail);
}

void ftp_control_forward_text(struct ftp_control *control, const char *command, enum ftp_wait wait)
{
    control->ops->forward(control->owner, command, strlen(command));
    control->wait = wait;
}

/* One write, so that a command is one segment. */
void ftp_control_forward(struct ftp_control *control, const struct ftp_line *line, enum ftp_wait wait)
{
    char command[FTP_COMMAND_MAX + 2];
    memcpy(command, line->text, line->len);
    command[line->len] = '\r';
    command[line->len + 1] = '\n';
    control->ops->forward(control->owner, command, line->len + 2);
    control->wait = wait;
}

void ftp_control_connect_backend(struct ftp_control *control)
{
    control->backend = FTP_BACKEND_CONNECTING;
    control->wait = FTP_WAIT_GREETING;
    control->ops->connect_backend(control->owner);
}

void ftp_control_unknown(struct ftp_control *control)
{
    if (!control->logged_in && ++control->unknown_count >= UNKNOWN_MAX) {
        ftp_control_say(control, "421 Too many unknown commands.\r\n");
        ftp_control_end(control, REASON_BAD_REQUEST, "unknown commands before the login");
        return;
    }
    ftp_control_say(control, "500 Unknown command.\r\n");
}

/* Why the command is not allowed now; NULL: it is. */
static const char *refusal_of(const struct ftp_control *control, const struct ftp_command_row *row)
{
    if (row->when != FTP_ALWAYS && !control->secure && control->rules->secure_clients_only)
        return "530 TLS is required here; say AUTH TLS first.\r\n";
    if (row->when == FTP_LOGGED_IN && !control->logged_in)
        return "530 Log in with USER and PASS first.\r\n";
    return row->carriage == FTP_REFUSED ? row->refusal : NULL;
}

void ftp_control_forbid(struct ftp_control *control, const char *verb)
{
    ftp_control_say(control, "502 This command is not allowed here.\r\n");
    control->ops->command_refused(control->owner, verb);
}

static void run_row(struct ftp_control *control, const struct ftp_command_row *row,
                    const struct ftp_line *line, const struct ftp_command *command)
{
    control->asked = row;
    switch (row->carriage) {
    case FTP_PASSES:
        ftp_control_forward(control, line, FTP_WAIT_REPLY);
        break;
    case FTP_CHECKED:
    case FTP_OWN:
        row->run(control, line, command);
        break;
    case FTP_UPLOAD:
    case FTP_DOWNLOAD:
        ftp_transfer_begin(control, row, line);
        break;
    case FTP_REFUSED:
        break;
    }
}

/* An unknown command, or one for somebody else than an FTP server (F19). */
static void run_unknown(struct ftp_control *control, const char *verb)
{
    if (control->logged_in || !ftp_command_is_http(verb)) {
        ftp_control_unknown(control);
        return;
    }
    ftp_control_say(control, "421 This is an FTP server.\r\n");
    ftp_control_end(control, REASON_BAD_REQUEST, "a method of HTTP before the login");
}

/* Partners and access lists may have changed since the login: who is not welcome any more deletes, renames
 * and lists nothing (C5). A transfer asks by itself, for its own line in the log. */
static bool is_shown_out(struct ftp_control *control, const struct ftp_command_row *row)
{
    bool is_transfer = row->carriage == FTP_UPLOAD || row->carriage == FTP_DOWNLOAD;
    if (is_transfer || !control->logged_in || row->when != FTP_LOGGED_IN ||
        control->ops->still_welcome(control->owner))
        return false;
    ftp_control_say(control, "421 Your access has ended.\r\n");
    ftp_control_end(control, REASON_CERTIFICATE_REFUSED, "judged again at a command");
    return true;
}

static void run_line(struct ftp_control *control, const struct ftp_line *line)
{
    struct ftp_command command;
    ftp_line_parse(line, &command);
    const struct ftp_command_row *row = ftp_command_find(command.verb);
    if (!row && control->logged_in)
        row = ftp_command_named(&control->rules->commands, command.verb);
    const char *refusal = row ? refusal_of(control, row) : NULL;
    if (!row)
        run_unknown(control, command.verb);
    else if (refusal)
        ftp_control_say(control, refusal);
    else if (!ftp_command_allowed(&control->rules->commands, row, command.verb))
        ftp_transfer_forbid(control, row, command.verb);
    else if (!is_shown_out(control, row))
        run_row(control, row, line, &command);
}

static const struct ftp_command_row *row_of(const struct ftp_line *line)
{
    struct ftp_command command;
    ftp_line_parse(line, &command);
    return ftp_command_find(command.verb);
}

/* Does the line act although a transfer is under way (F11)? One that has failed is over for the client. */
static bool acts_now(const struct ftp_control *control, const struct ftp_line *line)
{
    if (!ftp_transfer_runs(control) || control->wait == FTP_WAIT_SWALLOW)
        return false;
    const struct ftp_command_row *row = row_of(line);
    return row && row->in_transfer;
}

/* In clear the backend is connected by the first command that it has to see. */
static bool needs_backend_first(const struct ftp_control *control, const struct ftp_line *line)
{
    if (control->backend != FTP_BACKEND_NONE)
        return false;
    const struct ftp_command_row *row = row_of(line);
    return row && row->when != FTP_ALWAYS && row->carriage != FTP_OWN && !refusal_of(control, row);
}

static void first_waiting(const struct ftp_control *control, struct ftp_line *out)
{
    const uint8_t *lines = buf_data(&control->waiting);
    const uint8_t *end = memchr(lines, '\n', buf_len(&control->waiting));
    out->len = (size_t)(end - lines);
    memcpy(out->text, lines, out->len);
    out->text[out->len] = '\0';
}

static void drop_first(struct ftp_control *control, size_t len)
{
    control->waiting_count--;
    buf_take(&control->waiting, len + 1);
    if (!control->waiting_count)
        buf_free(&control->waiting);
}

/* A transfer begins with its passive port: whoever has got one is in the middle of something. */
static bool between_things(const struct ftp_control *control)
{
    return control->wait == FTP_WAIT_NOTHING && (!control->passive_port || control->overdue);
}

void ftp_control_go_on(struct ftp_control *control)
{
    while (!control->ended) {
        struct ftp_line line;
        if (control->draining && between_things(control)) {
            ftp_control_farewell(control, REASON_STOPPING);
            ftp_control_end(control, REASON_STOPPING, NULL);
            return;
        }
        if (!control->waiting_count)
            return;
        first_waiting(control, &line);
        if (control->wait != FTP_WAIT_NOTHING && !acts_now(control, &line))
            return;
        if (needs_backend_first(control, &line)) {
            ftp_control_connect_backend(control);
            return;
        }
        drop_first(control, line.len);
        run_line(control, &line);
    }
}

static void take_line(struct ftp_control *control, const struct ftp_line *line)
{
    if (acts_now(control, line)) {
        run_line(control, line);
        ftp_control_go_on(control);
        return;
    }
    if (!buf_add(&control->waiting, line->text, line->len) || !buf_add(&control->waiting, "\n", 1)) {
        ftp_control_end(control, REASON_NO_MEMORY, NULL);
        return;
    }
    control->waiting_count++;
    ftp_control_go_on(control);
}

/* TLS spoken to a port that waits for AUTH is no command, and waits for an answer that cannot come. */
static bool is_tls_hello(struct ftp_control *control, uint8_t first_byte)
{
    bool first = !control->heard;
    control->heard = true;
    return first && !control->secure && first_byte == TLS_RECORD_HANDSHAKE;
}

size_t ftp_control_client_data(struct ftp_control *control, const uint8_t *data, size_t len)
{
    size_t used = 0;
    control->untaken = len;
    if (len && !control->ended && is_tls_hello(control, data[0]))
        ftp_control_end(control, REASON_BAD_REQUEST, "a TLS hello where AUTH TLS was expected");
    while (!control->ended && control->wait != FTP_WAIT_TLS && control->waiting_count < FTP_WAITING_MAX &&
           !control->ops->is_full(control->owner)) {
        struct ftp_line line;
        size_t taken;
        enum ftp_line_status status = ftp_line_read(data + used, len - used, &line, &taken);
        if (status == FTP_LINE_MORE)
            break;
        if (status == FTP_LINE_TOO_LONG) {
            ftp_control_say(control, "500 The line is too long.\r\n");
            ftp_control_end(control, REASON_TOO_LONG, NULL);
            break;
        }
        if (status == FTP_LINE_BAD)
            line.len = 0; /* answered in its turn, as what it is: no command */
        line.text[line.len] = '\0';
        used += taken;
        control->untaken = len - used;
        take_line(control, &line);
    }
    return control->ended ? len : used;
}

static void backend_broken(struct ftp_control *control, const char *detail)
{
    ftp_transfer_lost(control, 421, REASON_BACKEND_FAILED);
    ftp_control_say(control, "421 The server behind this one does not speak FTP.\r\n");
    ftp_control_end(control, REASON_BACKEND_PROTOCOL, detail);
}

static void greeting_reply(struct ftp_control *control)
{
    if (control->reply.code != 220) {
        ftp_control_say(control, "421 The server behind this one is not available.\r\n");
        ftp_control_end(control, REASON_BACKEND_CLOSED, "its greeting refused us");
        return;
    }
    control->backend = FTP_BACKEND_READY;
    control->wait = FTP_WAIT_NOTHING;
}

static void plain_reply(struct ftp_control *control)
{
    control->wait = FTP_WAIT_NOTHING;
    if (control->asked->take_back && control->reply.code == 350)
        control->take_back = control->asked->take_back;
    ftp_control_pass_reply(control);
}

static void taken_back_reply(struct ftp_control *control)
{
    control->wait = FTP_WAIT_NOTHING;
    if (control->reply.code >= 400) /* the next file would land where nobody wants it */
        backend_broken(control, "it does not take a REST back");
}

static void quit_reply(struct ftp_control *control)
{
    ftp_control_pass_reply(control);
    ftp_control_end(control, REASON_QUIT, NULL);
}

/* Who gets a final reply. NULL: none is expected. */
static void (*const reply_handlers[FTP_WAITS])(struct ftp_control *) = {
    [FTP_WAIT_GREETING] = greeting_reply,
    [FTP_WAIT_REPLY] = plain_reply,
    [FTP_WAIT_LOGIN] = ftp_login_reply,
    [FTP_WAIT_FEAT] = ftp_feat_reply,
    [FTP_WAIT_QUIT] = quit_reply,
    [FTP_WAIT_SETUP] = ftp_setup_reply,
    [FTP_WAIT_MAPPED] = ftp_mapped_reply,
    [FTP_WAIT_DIRECTORY] = ftp_directory_reply,
    [FTP_WAIT_FINAL] = ftp_transfer_reply,
    [FTP_WAIT_SWALLOW] = ftp_transfer_swallow,
    [FTP_WAIT_TAKE_BACK] = taken_back_reply,
};

static void preliminary_reply(struct ftp_control *control)
{
    if (control->wait == FTP_WAIT_SWALLOW)
        ftp_transfer_ask_again(control);
    if (control->wait == FTP_WAIT_FINAL)
        control->transfer.begun = true;
    if (control->wait == FTP_WAIT_FINAL || control->wait == FTP_WAIT_REPLY)
        ftp_control_pass_reply(control);
}

static void take_reply(struct ftp_control *control)
{
    void (*handler)(struct ftp_control *) = reply_handlers[control->wait];
    if (control->reply.code == 421) {
        ftp_transfer_lost(control, 421, REASON_BACKEND_FAILED);
        ftp_control_pass_reply(control);
        ftp_control_end(control, REASON_BACKEND_CLOSED, "it said 421");
    } else if (!handler) {
        backend_broken(control, "a reply that nothing was asked for");
    } else if (control->reply.code < 200) {
        preliminary_reply(control);
    } else {
        handler(control);
    }
    if (control->wait != FTP_WAIT_DATA_END)
        ftp_reply_reset(&control->reply);
    ftp_control_go_on(control);
}

/* A reply may be a listing of any length (STAT of a folder): the lines that are there go on. */
static void pass_begun_reply(struct ftp_control *control)
{
    if (control->wait != FTP_WAIT_REPLY || buf_len(&control->reply.text) < REPLY_HELD_BYTES)
        return;
    ftp_control_pass_reply(control);
    buf_free(&control->reply.text);
}

size_t ftp_control_backend_data(struct ftp_control *control, const uint8_t *data, size_t len)
{
    size_t used = 0;
    unsigned number = control->backend_number;
    /* AUTH, waiting behind the command whose reply this is, drops the backend with all it has said. */
    while (!control->ended && used < len && control->wait != FTP_WAIT_DATA_END &&
           control->backend_number == number) {
        size_t taken, piece = len - used < REPLY_HELD_BYTES ? len - used : REPLY_HELD_BYTES;
        enum ftp_line_status status = ftp_reply_add(&control->reply, data + used, piece, &taken);
        used += taken;
        if (status == FTP_LINE_MORE && !taken)
            break;
        if (status == FTP_LINE_MORE)
            pass_begun_reply(control);
        else if (status == FTP_LINE_READY)
            take_reply(control);
        else
            backend_broken(control, status == FTP_LINE_BAD ? "not a reply" : "a reply that is too long");
    }
    return control->ended || control->backend_number != number ? len : used;
}

void ftp_control_open(struct ftp_control *control)
{
    const char *greeting = control->rules->greeting;
    control->ops->reply(control->owner, "220 ", 4);
    control->ops->reply(control->owner, greeting, strcspn(greeting, "\r\n"));
    control->ops->reply(control->owner, "\r\n", 2);
    if (control->secure)
        ftp_control_connect_backend(control);
}

bool ftp_control_logged_in(const struct ftp_control *control)
{
    return control->logged_in;
}
