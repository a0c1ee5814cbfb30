#include "control.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

enum {
    CLIENTS_MAX = 16,
    REQUEST_MAX = 512,
    REQUEST_MS = 10000, /* to ask, and to take the answer */
    RELOAD_MS = 600000, /* two reloads, one behind the other, are over by then */
    ANSWER_MAX = 4 * 1024 * 1024,
};

struct client {
    LIST_ENTRY(client) entry;
    struct control *control;
    ev_io input, output;
    ev_timer deadline;
    char request[REQUEST_MAX];
    size_t len;
    uint64_t reload; /* waits for the end of this one; 0: does not */
    struct buf answer;
};

LIST_HEAD(client_list, client);

struct control {
    struct ev_loop *loop;
    const struct control_user *user;
    void *owner;
    struct control_socket socket;
    ev_io accepting;
    struct client_list clients;
    size_t client_count;
};

/* -- one client ---------------------------------------------------------------------------------- */

static void client_free(struct client *client)
{
    struct control *control = client->control;

    ev_io_stop(control->loop, &client->input);
    ev_io_stop(control->loop, &client->output);
    ev_timer_stop(control->loop, &client->deadline);
    close(client->input.fd);
    buf_free(&client->answer);
    LIST_REMOVE(client, entry);
    control->client_count--;
    free(client);
}

static void client_deadline(struct client *client, uint64_t span_ms)
{
    ev_timer_stop(client->control->loop, &client->deadline);
    ev_timer_set(&client->deadline, (double)span_ms / 1000., 0.);
    ev_timer_start(client->control->loop, &client->deadline);
}

static void on_client_late(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    client_free(watcher->data);
}

static void on_client_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    ssize_t sent = send(watcher->fd, buf_data(&client->answer), buf_len(&client->answer), MSG_NOSIGNAL);

    (void)loop;
    (void)events;
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent > 0)
        buf_take(&client->answer, (size_t)sent);
    if (sent < 0 || !buf_len(&client->answer))
        client_free(client);
}

static void client_answer(struct client *client, bool done, const char *text, size_t len)
{
    (void)(buf_add_text(&client->answer, done ? "ok\n" : "error\n") && buf_add(&client->answer, text, len));
    client->reload = 0;
    client_deadline(client, REQUEST_MS);
    ev_io_start(client->control->loop, &client->output);
}

static void client_status(struct client *client)
{
    struct buf text;

    buf_init(&text, ANSWER_MAX);
    if (client->control->user->status(client->control->owner, &text))
        client_answer(client, true, (const char *)buf_data(&text), buf_len(&text));
    else
        client_answer(client, false, "out of memory\n", sizeof "out of memory\n" - 1);
    buf_free(&text);
}

static void client_reload(struct client *client)
{
    client->reload = client->control->user->reload(client->control->owner);
    client_deadline(client, RELOAD_MS);
}

/* The rest is done at once by whoever knows it. */
static void client_order(struct client *client)
{
    const struct control *control = client->control;
    char *argument = strchr(client->request, ' ');
    struct buf text;
    bool done;

    if (argument)
        *argument++ = '\0';
    buf_init(&text, ANSWER_MAX);
    done = control->user->order(control->owner, client->request, argument ? argument : "", &text);
    client_answer(client, done, buf_len(&text) ? (const char *)buf_data(&text) : "", buf_len(&text));
    buf_free(&text);
}

static void client_act(struct client *client)
{
    if (strcmp(client->request, "status") == 0)
        client_status(client);
    else if (strcmp(client->request, "reload") == 0)
        client_reload(client);
    else
        client_order(client);
}

static void on_client_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    ssize_t got =
        recv(watcher->fd, client->request + client->len, REQUEST_MAX - 1 - client->len, MSG_DONTWAIT);
    char *end;

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        /* Nobody is there to be answered: a reload goes on. */
        client_free(client);
        return;
    }
    client->len += (size_t)got;
    client->request[client->len] = '\0';
    end = strchr(client->request, '\n');
    if (!end && client->len < REQUEST_MAX - 1)
        return;
    if (end)
        *end = '\0';
    ev_io_stop(loop, watcher);
    client_act(client);
}

static void client_new(struct control *control, int fd)
{
    struct client *client = calloc(1, sizeof *client);

    if (!client) {
        close(fd);
        return;
    }
    client->control = control;
    buf_init(&client->answer, ANSWER_MAX);
    ev_io_init(&client->input, on_client_readable, fd, EV_READ);
    ev_io_init(&client->output, on_client_writable, fd, EV_WRITE);
    ev_init(&client->deadline, on_client_late);
    client->input.data = client->output.data = client->deadline.data = client;
    LIST_INSERT_HEAD(&control->clients, client, entry);
    control->client_count++;
    ev_io_start(control->loop, &client->input);
    client_deadline(client, REQUEST_MS);
}

/* -- the socket ---------------------------------------------------------------------------------- */

static void on_accepting(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct control *control = watcher->data;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)loop;
    (void)events;
    if (fd < 0)
        return;
    if (control->client_count >= CLIENTS_MAX) {
        close(fd);
    } else if (!control_socket_allows(&control->socket, fd)) {
        log_event(LOG_LEVEL_WARNING, "control-refused", "a user that is neither root nor in admin.group");
        close(fd);
    } else {
        client_new(control, fd);
    }
}

struct control *control_new(struct ev_loop *loop, const struct control_user *user, void *owner,
                            struct err *err)
{
    struct control *control = calloc(1, sizeof *control);

    if (!control) {
        err_set(err, "out of memory");
        return NULL;
    }
    *control = (struct control){.loop = loop, .user = user, .owner = owner, .socket = CONTROL_SOCKET_NONE};
    LIST_INIT(&control->clients);
    ev_init(&control->accepting, on_accepting);
    control->accepting.data = control;
    return control;
}

void control_free(struct control *control)
{
    struct client *client, *next;

    if (!control)
        return;
    for (client = LIST_FIRST(&control->clients); client; client = next) {
        next = LIST_NEXT(client, entry);
        client_free(client);
    }
    ev_io_stop(control->loop, &control->accepting);
    control_socket_close(&control->socket);
    free(control);
}

void control_listen(struct control *control, const struct control_socket *socket)
{
    ev_io_stop(control->loop, &control->accepting);
    control_socket_close(&control->socket);
    control->socket = *socket;
    if (socket->fd < 0)
        return;
    ev_io_set(&control->accepting, socket->fd, EV_READ);
    ev_io_start(control->loop, &control->accepting);
}

struct control_socket *control_listening(struct control *control)
{
    return &control->socket;
}

void control_reload_over(struct control *control, uint64_t number, bool done, const char *text)
{
    struct client *client;

    LIST_FOREACH(client, &control->clients, entry)
    {
        if (client->reload == number && number)
            client_answer(client, done, text, strlen(text));
    }
}
