/* Transfers: what is asked of the backend and of the data channel, and what the client is told of it. */
#include "ftp_control_private.h"

#include <string.h>

struct ftp_outcome {
    const char *reply;
    enum session_reason reason;
};

static const struct ftp_outcome outcomes[FTP_DATA_FAILURES] = {
    [FTP_DATA_OK] = {"", REASON_DONE},
    [FTP_DATA_NO_BACKEND] = {"425 The data connection to the server behind failed.\r\n",
                             REASON_BACKEND_UNREACHABLE},
    [FTP_DATA_ABSENT] = {"425 No data connection came.\r\n", REASON_CLIENT_ABSENT},
    [FTP_DATA_TLS] = {"522 TLS on the data connection failed.\r\n", REASON_DATA_TLS_FAILED},
    [FTP_DATA_NOT_RESUMED] =
        {"522 The data connection must resume the TLS session of the control connection.\r\n",
         REASON_DATA_NOT_RESUMED},
    [FTP_DATA_CERTIFICATE] = {"522 The client certificate is not that of the control connection.\r\n",
                              REASON_CERTIFICATE_REFUSED},
    [FTP_DATA_CUT] = {"426 The data connection was cut; the transfer is incomplete.\r\n", REASON_CLIENT_CUT},
    [FTP_DATA_INCOMPLETE] = {"426 The server ended the transfer before its data.\r\n",
                             REASON_BACKEND_PROTOCOL},
    [FTP_DATA_BACKEND_FAILED] = {"426 The data connection of the server behind was cut.\r\n",
                                 REASON_BACKEND_FAILED},
    [FTP_DATA_STALLED] = {"426 Nothing moved on the data connection; the transfer is incomplete.\r\n",
                          REASON_STALL_TIMEOUT},
    [FTP_DATA_NO_MEMORY] = {"425 No data connection now; try again.\r\n", REASON_NO_MEMORY},
};

bool ftp_transfer_runs(const struct ftp_control *control)
{
    return control->transfer.row != NULL;
}

/* ---- transfers ---- */

/* The one place where a transfer ends: its line in the log, and the session is free again. */
static void end_transfer(struct ftp_control *control, unsigned code, enum session_reason reason)
{
    struct ftp_command command;
    ftp_line_parse(&control->transfer.line, &command);
    struct ftp_transfer_report report = {
        .verb = command.verb,
        .path = command.argument,
        .code = code,
        .reason = reason,
        .done = reason == REASON_DONE && code < 400,
    };
    control->ops->deadline(control->owner, 0);
    control->ops->transfer_ended(control->owner, &report);
    control->transfer.row = NULL;
    control->passive_port = 0;
    control->wait = FTP_WAIT_NOTHING;
}

static unsigned code_of(const char *reply)
{
    return (unsigned)(reply[0] - '0') * 100 + (unsigned)(reply[1] - '0') * 10 + (unsigned)(reply[2] - '0');
}

/* A REST is for the next transfer that the backend hears of. One that is refused here takes it along, or a
 * file that the client sends from its beginning then would land in the middle. */
static void take_back(struct ftp_control *control)
{
    if (!control->take_back)
        return;
    ftp_control_forward_text(control, control->take_back, FTP_WAIT_TAKE_BACK);
    control->take_back = NULL;
}

void ftp_transfer_forbid(struct ftp_control *control, const struct ftp_command_row *row, const char *verb)
{
    ftp_control_forbid(control, verb);
    if (row->carriage == FTP_UPLOAD || row->carriage == FTP_DOWNLOAD)
        take_back(control);
}

static void fail_transfer(struct ftp_control *control, const char *reply, enum session_reason reason)
{
    ftp_control_say(control, reply);
    end_transfer(control, code_of(reply), reason);
    take_back(control);
}

/* The backend has the command and will say a last word about it, which is awaited before ours. */
static void swallow(struct ftp_control *control, const char *verdict, enum session_reason reason)
{
    control->transfer.verdict = verdict;
    control->transfer.reason = reason;
    control->wait = FTP_WAIT_SWALLOW;
    control->ops->deadline(control->owner, FTP_FINAL_REPLY_MS);
}

/* While no key can sign, a handshake may succeed later (F5). */
static const struct ftp_outcome no_key = {"431 TLS is not available now; try again later.\r\n",
                                          REASON_TOKEN_DOWN};

static void data_failed(struct ftp_control *control, enum ftp_data_failure failure)
{
    bool lacks_key = failure == FTP_DATA_TLS && !control->ops->can_secure(control->owner);
    /* ProFTPD resets its data connection in front of a 550: nothing was cut for the client. */
    bool never_begun = failure == FTP_DATA_BACKEND_FAILED && !control->transfer.begun;
    const struct ftp_outcome *outcome = lacks_key ? &no_key : &outcomes[failure];
    control->ops->abort_data(control->owner, !never_begun);
    if (control->wait == FTP_WAIT_FINAL) {
        control->transfer.own_error_passes = failure == FTP_DATA_BACKEND_FAILED;
        swallow(control, outcome->reply, outcome->reason);
        return;
    }
    ftp_reply_reset(&control->reply);
    fail_transfer(control, outcome->reply, outcome->reason);
}

void ftp_control_data_failed(struct ftp_control *control, enum ftp_data_failure failure)
{
    if (control->wait != FTP_WAIT_DATA_CONNECT && control->wait != FTP_WAIT_FINAL &&
        control->wait != FTP_WAIT_DATA_END)
        return;
    data_failed(control, failure);
    ftp_control_go_on(control);
}

void ftp_transfer_begin(struct ftp_control *control, const struct ftp_command_row *row,
                        const struct ftp_line *line)
{
    control->transfer = (struct ftp_transfer){.row = row, .line = *line};
    control->ops->transfer_began(control->owner);
    if (!control->ops->still_welcome(control->owner)) {
        fail_transfer(control, "421 Your access has ended.\r\n", REASON_CERTIFICATE_REFUSED);
        ftp_control_end(control, REASON_CERTIFICATE_REFUSED, "judged again at a transfer");
        return;
    }
    if (control->rules->require_data_tls && !control->protect) {
        fail_transfer(control, "521 Data connections must be protected: say PROT P.\r\n", REASON_REFUSED);
        return;
    }
    if (!control->passive_port) {
        fail_transfer(control,
                      control->rules->active_mode ? "425 Say EPSV, PASV, EPRT or PORT first.\r\n"
                                                  : "425 Say EPSV or PASV first.\r\n",
                      REASON_REFUSED);
        return;
    }
    enum ftp_data_failure failure = control->ops->connect_data(control->owner, control->passive_port,
                                                               control->protect, row->carriage == FTP_UPLOAD);
    control->wait = FTP_WAIT_DATA_CONNECT;
    if (failure != FTP_DATA_OK)
        data_failed(control, failure);
}

void ftp_control_data_connected(struct ftp_control *control)
{
    if (control->wait != FTP_WAIT_DATA_CONNECT)
        return;
    ftp_control_forward(control, &control->transfer.line, FTP_WAIT_FINAL);
    control->take_back = NULL;
    control->ops->start_data(control->owner);
}

void ftp_transfer_reply(struct ftp_control *control)
{
    unsigned code = control->reply.code;
    if (code < 300 && !control->ops->complete_data(control->owner)) {
        control->wait = FTP_WAIT_DATA_END;
        return;
    }
    if (code >= 300)
        control->ops->abort_data(control->owner, control->transfer.begun);
    ftp_control_pass_reply(control);
    end_transfer(control, code, code < 300 ? REASON_DONE : REASON_REFUSED);
}

void ftp_control_data_done(struct ftp_control *control)
{
    if (control->wait != FTP_WAIT_DATA_END)
        return;
    unsigned code = control->reply.code;
    ftp_control_pass_reply(control);
    ftp_reply_reset(&control->reply);
    end_transfer(control, code, REASON_DONE);
    ftp_control_go_on(control);
}

/* Pure-FTPd's last word about a download that was cut is a second 150. Whether more comes is not known: NOOP
 * is asked, and its reply comes behind all that there is to say about the transfer. */
void ftp_transfer_ask_again(struct ftp_control *control)
{
    if (control->transfer.begun && !control->transfer.asked_again) {
        control->transfer.asked_again = true;
        ftp_control_forward_text(control, "NOOP\r\n", FTP_WAIT_SWALLOW);
    }
    control->transfer.begun = true;
}

static bool answers_noop(unsigned code)
{
    return code == 200 || code == 500 || code == 501 || code == 502;
}

void ftp_transfer_swallow(struct ftp_control *control)
{
    unsigned code = control->reply.code;
    if (control->transfer.asked_again && !answers_noop(code))
        return;
    if (control->transfer.own_error_passes && code >= 400) {
        ftp_control_pass_reply(control);
        end_transfer(control, code, control->transfer.reason);
        return;
    }
    fail_transfer(control, control->transfer.verdict, control->transfer.reason);
}

void ftp_control_expired(struct ftp_control *control)
{
    if (control->wait != FTP_WAIT_SWALLOW) {
        control->overdue = control->draining;
        ftp_control_go_on(control);
        return;
    }
    fail_transfer(control, control->transfer.verdict, control->transfer.reason);
    ftp_control_say(control, "421 The server behind this one does not answer.\r\n");
    ftp_control_end(control, REASON_BACKEND_PROTOCOL, "no final reply to an aborted transfer");
}

void ftp_transfer_lost(struct ftp_control *control, unsigned code, enum session_reason reason)
{
    if (!ftp_transfer_runs(control))
        return;
    control->ops->abort_data(control->owner, true);
    /* What has ended it already is the reason, whoever leaves before the last word about it. */
    end_transfer(control, code, control->wait == FTP_WAIT_SWALLOW ? control->transfer.reason : reason);
}

/* ---- ABOR ---- */

static const char aborted[] = "426 The transfer is aborted.\r\n226 ABOR is done.\r\n";

void ftp_run_abor(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    (void)command;
    switch (control->wait) {
    case FTP_WAIT_DATA_CONNECT:
    case FTP_WAIT_DATA_END:
        control->ops->abort_data(control->owner, true);
        ftp_reply_reset(&control->reply);
        fail_transfer(control, aborted, REASON_ABORTED);
        break;
    case FTP_WAIT_FINAL:
        control->ops->abort_data(control->owner, true);
        swallow(control, aborted, REASON_ABORTED);
        break;
    case FTP_WAIT_NOTHING:
        ftp_control_say(control, "226 Nothing to abort.\r\n");
        break;
    case FTP_WAIT_SWALLOW:
    case FTP_WAIT_TLS:
    case FTP_WAIT_GREETING:
    case FTP_WAIT_REPLY:
    case FTP_WAIT_LOGIN:
    case FTP_WAIT_MAPPED:
    case FTP_WAIT_DIRECTORY:
    case FTP_WAIT_FEAT:
    case FTP_WAIT_QUIT:
    case FTP_WAIT_SETUP:
    case FTP_WAIT_TAKE_BACK:
    case FTP_WAITS:
        break; /* commands wait in these: it does not come here */
    }
}
