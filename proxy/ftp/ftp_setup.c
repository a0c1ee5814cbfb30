/* How data connections are set up: PASV and EPSV, PORT and EPRT. Towards the backend it is passive in every
 * case; it is asked for its port here already, and not behind a REST, which its transfer must follow at once.
 */
#include "ftp_control_private.h"
#include "ftp_passive.h"
#include "ftp_port.h"
#include "text.h"

#include <string.h>

#define EPSV_ALL_SAID "503 EPSV ALL was said.\r\n"
#define NO_ACTIVE     "502 Active mode is not offered; say EPSV or PASV.\r\n"

static void ask_backend(struct ftp_control *control, bool epsv)
{
    control->asked_epsv = epsv;
    ftp_control_forward_text(control, epsv ? "EPSV\r\n" : "PASV\r\n", FTP_WAIT_SETUP);
}

/* The backend is asked as the client asked, unless only EPSV can work with its address (F9). */
static void begin_setup(struct ftp_control *control, enum ftp_setup setup)
{
    bool extended = setup == FTP_SETUP_EPSV || setup == FTP_SETUP_EPRT;
    control->ops->abort_data(control->owner, false);
    control->passive_port = 0;
    control->setup = setup;
    control->asked_twice = false;
    ask_backend(control, (extended && !control->no_epsv) || !control->rules->backend_is_v4);
}

void ftp_run_pasv(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    (void)command;
    if (control->epsv_all)
        ftp_control_say(control, EPSV_ALL_SAID);
    else if (!control->rules->client_is_v4)
        ftp_control_say(control, "425 PASV cannot name an IPv6 address; say EPSV.\r\n");
    else
        begin_setup(control, FTP_SETUP_PASV);
}

static void say_protocol(struct ftp_control *control)
{
    ftp_control_say(control, control->rules->client_is_v4 ? "522 Another network protocol; use (1)\r\n"
                                                          : "522 Another network protocol; use (2)\r\n");
}

void ftp_run_epsv(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    const char *argument = command->argument;
    (void)line;
    if (text_same(argument, "ALL")) {
        control->epsv_all = true;
        ftp_control_say(control, "200 EPSV ALL.\r\n");
    } else if (*argument && strcmp(argument, control->rules->client_is_v4 ? "1" : "2") != 0) {
        say_protocol(control);
    } else {
        begin_setup(control, FTP_SETUP_EPSV);
    }
}

static bool may_be_active(struct ftp_control *control)
{
    if (control->epsv_all)
        ftp_control_say(control, EPSV_ALL_SAID);
    else if (!control->rules->active_mode)
        ftp_control_say(control, NO_ACTIVE);
    return !control->epsv_all && control->rules->active_mode;
}

void ftp_run_port(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    if (!may_be_active(control))
        return;
    switch (ftp_port_read(command->argument, &control->rules->client, &control->active)) {
    case FTP_PORT_OK:
        begin_setup(control, FTP_SETUP_PORT);
        break;
    case FTP_PORT_MALFORMED:
        ftp_control_say(control, "501 PORT needs six numbers.\r\n");
        break;
    case FTP_PORT_PROTOCOL:
        ftp_control_say(control, "501 PORT cannot name an IPv6 address; say EPRT.\r\n");
        break;
    case FTP_PORT_FOREIGN:
        ftp_control_say(control, "501 Only your own address, and ports from 1024 on.\r\n");
        break;
    }
}

void ftp_run_eprt(struct ftp_control *control, const struct ftp_line *line, const struct ftp_command *command)
{
    (void)line;
    if (!may_be_active(control))
        return;
    switch (ftp_port_read_extended(command->argument, &control->rules->client, &control->active)) {
    case FTP_PORT_OK:
        begin_setup(control, FTP_SETUP_EPRT);
        break;
    case FTP_PORT_MALFORMED:
        ftp_control_say(control, "501 EPRT needs a protocol, an address and a port.\r\n");
        break;
    case FTP_PORT_PROTOCOL:
        say_protocol(control);
        break;
    case FTP_PORT_FOREIGN:
        ftp_control_say(control, "501 Only your own address, and ports from 1024 on.\r\n");
        break;
    }
}

/* ---- the backend's port is known ---- */

static bool read_port(struct ftp_control *control)
{
    const struct ftp_reply *reply = &control->reply;
    const char *text = (const char *)buf_data(&reply->text);
    size_t len = buf_len(&reply->text);
    if (control->asked_epsv)
        return reply->code == 229 && ftp_passive_read_229(text, len, &control->passive_port);
    return reply->code == 227 && ftp_passive_read_227(text, len, &control->passive_port);
}

static void give_up(struct ftp_control *control, const char *reply)
{
    control->passive_port = 0;
    ftp_control_say(control, reply);
}

static void offer_port(struct ftp_control *control)
{
    char reply[FTP_PASSIVE_LEN];
    struct addr address;
    uint16_t port;
    if (control->setup == FTP_SETUP_PASV && !control->ops->passive_address(control->owner, &address)) {
        give_up(control, "425 The address for PASV is not known now; say EPSV.\r\n");
        return;
    }
    if (!control->ops->listen_data(control->owner, control->protect, &port)) {
        give_up(control, "425 No passive port is free; try again later.\r\n");
        return;
    }
    if (control->setup == FTP_SETUP_EPSV)
        ftp_passive_write_229(port, reply);
    else
        ftp_passive_write_227(&address, port, reply);
    ftp_control_say(control, reply);
}

static void remember_client(struct ftp_control *control)
{
    if (!control->ops->dial_data(control->owner, &control->active, control->protect))
        give_up(control, "425 No data connection now; try again.\r\n");
    else if (control->setup == FTP_SETUP_EPRT)
        ftp_control_say(control, "200 EPRT is set.\r\n");
    else
        ftp_control_say(control, "200 PORT is set.\r\n");
}

void ftp_setup_reply(struct ftp_control *control)
{
    unsigned code = control->reply.code;
    if (code >= 500 && !control->asked_twice) {
        control->asked_twice = true;
        control->no_epsv = control->asked_epsv;
        ask_backend(control, !control->asked_epsv);
        return;
    }
    control->wait = FTP_WAIT_NOTHING;
    if (!read_port(control)) {
        control->passive_port = 0;
        if (code >= 400)
            ftp_control_pass_reply(control);
        else
            ftp_control_say(control, "425 The server behind named no passive port.\r\n");
    } else if (control->setup == FTP_SETUP_PASV || control->setup == FTP_SETUP_EPSV) {
        offer_port(control);
    } else {
        remember_client(control);
    }
}
