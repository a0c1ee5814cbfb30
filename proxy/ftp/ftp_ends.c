/* How a session ends when nobody has said QUIT: a side is gone, a time is over, the worker stops. */
#include "ftp_control_private.h"

void ftp_control_backend_lost(struct ftp_control *control, enum session_reason reason, const char *detail)
{
    if (control->wait == FTP_WAIT_QUIT) {
        ftp_control_say(control, "221 Goodbye.\r\n");
        ftp_control_end(control, REASON_QUIT, NULL);
        return;
    }
    ftp_transfer_lost(control, 421, REASON_BACKEND_FAILED);
    ftp_control_say(control, "421 The server behind this one is not available.\r\n");
    ftp_control_end(control, reason, detail);
}

void ftp_control_client_lost(struct ftp_control *control, enum session_reason reason, const char *detail)
{
    ftp_transfer_lost(control, 0, reason);
    ftp_control_end(control, reason, detail);
}

void ftp_control_drain(struct ftp_control *control)
{
    control->draining = true;
    ftp_control_go_on(control);
    if (!control->ended && !ftp_transfer_runs(control))
        control->ops->deadline(control->owner, control->rules->data_connect_timeout_ms);
}

void ftp_control_farewell(struct ftp_control *control, enum session_reason reason)
{
    if (control->ended || control->wait == FTP_WAIT_TLS)
        return;
    ftp_transfer_lost(control, 421, reason);
    if (reason == REASON_IDLE_TIMEOUT)
        ftp_control_say(control, "421 Idle for too long.\r\n");
    else if (reason == REASON_STOPPING)
        ftp_control_say(control, "421 The service is closing.\r\n");
    else
        ftp_control_say(control, "421 The connection is closing.\r\n");
}

void ftp_control_login_expired(struct ftp_control *control)
{
    if (control->wait != FTP_WAIT_TLS)
        ftp_control_say(control, "421 The login took too long.\r\n");
    ftp_control_end(control, REASON_LOGIN_TIMEOUT, NULL);
}

/* Behind QUIT nobody is left who would wait for the backend. */
bool ftp_control_awaits_backend(const struct ftp_control *control)
{
    switch (control->wait) {
    case FTP_WAIT_GREETING:
    case FTP_WAIT_REPLY:
    case FTP_WAIT_LOGIN:
    case FTP_WAIT_MAPPED:
    case FTP_WAIT_DIRECTORY:
    case FTP_WAIT_FEAT:
    case FTP_WAIT_SETUP:
    case FTP_WAIT_TAKE_BACK:
        return true;
    case FTP_WAIT_NOTHING:
    case FTP_WAIT_TLS:
    case FTP_WAIT_QUIT:
    case FTP_WAIT_DATA_CONNECT:
    case FTP_WAIT_FINAL:
    case FTP_WAIT_DATA_END:
    case FTP_WAIT_SWALLOW:
    case FTP_WAITS:
        break;
    }
    return false;
}

void ftp_control_backend_silent(struct ftp_control *control)
{
    ftp_control_say(control, "421 The server behind this one does not answer.\r\n");
    ftp_control_end(control, REASON_RESPONSE_TIMEOUT, NULL);
}
