#include "housekeeper.h"

#include "admin.h"
#include "board.h"
#include "buf.h"
#include "channel.h"
#include "err.h"
#include "json_line.h"
#include "line_source.h"
#include "log.h"
#include "message.h"
#include "pack.h"
#include "sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

enum { EXPIRY_FIRST_SECONDS = 2, EXPIRY_SECONDS = 60 };
enum { READ_BYTES = 65536, OUT_BYTES_MAX = 1024 * 1024, START_TIMEOUT_MS = 15000 };

struct housekeeper;

/* The log socket of one process. */
struct source {
    struct housekeeper *housekeeper;
    struct line_source lines;
    ev_io watcher;
    LIST_ENTRY(source) entry;
};

LIST_HEAD(source_list, source);

struct housekeeper {
    struct ev_loop *loop;
    ev_io channel;
    ev_timer expiry;
    struct source_list sources;
    struct buf out;
    int target;
    bool started, as_json;
    unsigned long lost; /* writes that failed since the last that did not */
    struct board *board;
    struct admin *admin; /* NULL: no pages over HTTP */
};

/* -- writing ----------------------------------------------------------------------------------- */

/* A line of the housekeeper's own, as it is to be written. */
static void add_line(const struct housekeeper *housekeeper, const struct log_line *line, struct buf *out)
{
    if (housekeeper->as_json)
        (void)json_line_add(line->text, line->len, out);
    else
        (void)(buf_add(out, line->text, line->len) && buf_add(out, "\n", 1));
}

/* May block: that is what this process is for. False when the target takes nothing now. */
static bool target_write(struct housekeeper *housekeeper, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t written = write(housekeeper->target, data, len);

        if (written < 0 && errno == EAGAIN) {
            /* Somebody else made our standard error non-blocking. */
            struct pollfd waiting = {.fd = housekeeper->target, .events = POLLOUT};
            (void)poll(&waiting, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            return false;
        } else if (written > 0) {
            data += written;
            len -= (size_t)written;
        }
    }
    return true;
}

static void write_out(struct housekeeper *housekeeper)
{
    struct buf *out = &housekeeper->out;

    if (!buf_len(out))
        return;
    if (!target_write(housekeeper, buf_data(out), buf_len(out))) {
        housekeeper->lost++;
    } else if (housekeeper->lost) {
        struct log_line line;

        log_begin(&line, LOG_LEVEL_ERROR, "log-lines-lost");
        log_number(&line, "writes", (int64_t)housekeeper->lost);
        log_text(&line, "reason", "the target refused them");
        buf_take(out, buf_len(out));
        add_line(housekeeper, &line, out);
        if (target_write(housekeeper, buf_data(out), buf_len(out)))
            housekeeper->lost = 0;
    }
    buf_take(out, buf_len(out));
}

/* A line of the housekeeper's own. */
static void say(struct housekeeper *housekeeper, enum log_level level, const char *event, const char *reason)
{
    struct log_line line;

    log_begin(&line, level, event);
    log_text(&line, "reason", reason);
    add_line(housekeeper, &line, &housekeeper->out);
    write_out(housekeeper);
}

/* -- reading ----------------------------------------------------------------------------------- */

static void source_free(struct source *source)
{
    struct housekeeper *housekeeper = source->housekeeper;

    (void)line_source_end(&source->lines, &housekeeper->out);
    write_out(housekeeper);
    ev_io_stop(housekeeper->loop, &source->watcher);
    close(source->watcher.fd);
    LIST_REMOVE(source, entry);
    line_source_free(&source->lines);
    free(source);
}

/* One read; false when there is nothing (more) to read. */
static bool source_read(struct source *source, bool *ended)
{
    static uint8_t data[READ_BYTES];
    ssize_t got = recv(source->watcher.fd, data, sizeof data, MSG_DONTWAIT);

    *ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (got <= 0)
        return false;
    (void)line_source_take(&source->lines, data, (size_t)got, &source->housekeeper->out);
    write_out(source->housekeeper);
    return true;
}

static void on_source(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct source *source = watcher->data;
    bool ended;

    (void)loop;
    (void)events;
    if (!source_read(source, &ended) && ended)
        source_free(source);
}

static void source_new(struct housekeeper *housekeeper, int fd)
{
    struct source *source = calloc(1, sizeof *source);

    if (!source) {
        close(fd);
        return;
    }
    source->housekeeper = housekeeper;
    line_source_init(&source->lines, &housekeeper->as_json);
    ev_io_init(&source->watcher, on_source, fd, EV_READ);
    source->watcher.data = source;
    ev_io_start(housekeeper->loop, &source->watcher);
    LIST_INSERT_HEAD(&housekeeper->sources, source, entry);
}

/* Everything that has been said already. */
static void drain(struct housekeeper *housekeeper)
{
    struct source *source, *next;

    for (source = LIST_FIRST(&housekeeper->sources); source; source = next) {
        bool ended;

        next = LIST_NEXT(source, entry);
        while (source_read(source, &ended))
            ;
        source_free(source);
    }
}

/* -- the supervisor ---------------------------------------------------------------------------- */

static void use_target(struct housekeeper *housekeeper, int fd)
{
    if (housekeeper->target >= 0)
        close(housekeeper->target);
    housekeeper->target = fd;
}

static void take_target(struct housekeeper *housekeeper, const struct grant *grant)
{
    use_target(housekeeper, grant->fd);
    housekeeper->as_json = grant->index == 1;
}

static void take_admin(struct housekeeper *housekeeper, int fd)
{
    struct err err;

    admin_free(housekeeper->admin);
    housekeeper->admin = admin_new(fd, housekeeper->board, &err);
    if (!housekeeper->admin)
        say(housekeeper, LOG_LEVEL_ERROR, "admin-failed", err.text);
}

/* What the board is told; the descriptor is closed. */
static void take_for_board(struct housekeeper *housekeeper, const struct grant *grant)
{
    struct err err;
    bool taken = grant->kind == GRANT_CONFIGURATION ? board_configure(housekeeper->board, grant->fd, &err)
                                                    : board_add_page(housekeeper->board, grant, &err);

    close(grant->fd);
    if (taken && grant->kind == GRANT_CONFIGURATION)
        housekeeper->as_json = board_log_json(housekeeper->board);
    if (!taken)
        say(housekeeper, LOG_LEVEL_WARNING, "page-refused", err.text);
}

static void take_grants(struct housekeeper *housekeeper, struct channel_message *message)
{
    struct grant grants[CHANNEL_FDS_MAX];
    size_t count;

    if (!message_read_grants(message, grants, CHANNEL_FDS_MAX, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        if (grants[i].kind == GRANT_LOG_TARGET)
            take_target(housekeeper, &grants[i]);
        else if (grants[i].kind == GRANT_LOG_SOURCE)
            source_new(housekeeper, grants[i].fd);
        else if (grants[i].kind == GRANT_ADMIN)
            take_admin(housekeeper, grants[i].fd);
        else
            take_for_board(housekeeper, &grants[i]);
    }
}

static void take_keystore(struct housekeeper *housekeeper, const struct channel_message *message)
{
    struct unpack in;
    uint32_t keystore;
    uint8_t can_sign;

    unpack_start(&in, message->payload, message->len);
    keystore = unpack_u32(&in);
    can_sign = unpack_u8(&in);
    if (unpack_done(&in))
        board_set_keystore(housekeeper->board, keystore, can_sign);
}

static void take_gone(struct housekeeper *housekeeper, const struct channel_message *message)
{
    struct unpack in;
    uint32_t kind, index;

    unpack_start(&in, message->payload, message->len);
    kind = unpack_u32(&in);
    index = unpack_u32(&in);
    if (!unpack_done(&in))
        return;
    if (kind != GRANT_ADMIN) {
        board_remove_page(housekeeper->board, kind, index);
        return;
    }
    admin_free(housekeeper->admin);
    housekeeper->admin = NULL;
}

static void take_message(struct housekeeper *housekeeper, struct channel_message *message)
{
    if (message->type == MESSAGE_GRANT) {
        take_grants(housekeeper, message);
    } else if (message->type == MESSAGE_TARGET && message->fd_count == 1) {
        use_target(housekeeper, message->fds[0]);
        message->fd_count = 0;
    } else if (message->type == MESSAGE_KEYSTORE) {
        take_keystore(housekeeper, message);
    } else if (message->type == MESSAGE_GONE) {
        take_gone(housekeeper, message);
    } else if (message->type == MESSAGE_START) {
        housekeeper->started = true;
    } else if (message->type == MESSAGE_STOP) {
        ev_break(housekeeper->loop, EVBREAK_ALL);
    }
    channel_close_fds(message);
}

/* -- certificates ------------------------------------------------------------------------------ */

static void on_expiring(void *owner, const char *listener, const char *alias, int64_t days)
{
    struct housekeeper *housekeeper = owner;
    struct log_line line;

    log_begin(&line, LOG_LEVEL_WARNING, "certificate-expires");
    log_text(&line, "listener", listener);
    log_text(&line, "key", alias);
    log_number(&line, "days", days);
    log_text(&line, "reason", days ? "it ends soon, and clients will refuse it" : "it has expired");
    add_line(housekeeper, &line, &housekeeper->out);
}

static void on_expiry_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
    struct housekeeper *housekeeper = watcher->data;

    (void)loop;
    (void)events;
    board_tell_expiry(housekeeper->board, on_expiring, housekeeper);
    write_out(housekeeper);
}

static void on_channel(struct ev_loop *loop, ev_io *watcher, int events)
{
    static struct channel_message message;
    struct err err;

    (void)events;
    switch (channel_receive(watcher->fd, &message, &err)) {
    case CHANNEL_OK:
        take_message(watcher->data, &message);
        break;
    case CHANNEL_AGAIN:
        break;
    case CHANNEL_CLOSED:
    case CHANNEL_FAILED:
        ev_break(loop, EVBREAK_ALL);
        break;
    }
}

static bool collect(struct housekeeper *housekeeper, struct err *err)
{
    static struct channel_message message;

    while (!housekeeper->started) {
        if (channel_wait(CHANNEL_FD, START_TIMEOUT_MS, &message, err) != CHANNEL_OK)
            return false;
        take_message(housekeeper, &message);
    }
    if (housekeeper->target < 0)
        err_set(err, "the housekeeper was given no log target");
    return housekeeper->target >= 0;
}

int housekeeper_main(void)
{
    static struct housekeeper housekeeper = {.target = -1};
    struct err err;

    sandbox_hide();
    LIST_INIT(&housekeeper.sources);
    buf_init(&housekeeper.out, OUT_BYTES_MAX);
    housekeeper.loop = ev_default_loop(EVFLAG_NOENV);
    housekeeper.board = board_new(&err);
    if (!housekeeper.loop || !housekeeper.board)
        return CHILD_EXIT_AGAIN;
    if (!collect(&housekeeper, &err)) {
        (void)message_send_text(CHANNEL_FD, MESSAGE_FAULT, CHILD_EXIT_AGAIN, err.text);
        return CHILD_EXIT_AGAIN;
    }
    ev_io_init(&housekeeper.channel, on_channel, CHANNEL_FD, EV_READ);
    housekeeper.channel.data = &housekeeper;
    /* Before the sources: what was said after a new target was sent belongs to the new target. */
    ev_set_priority(&housekeeper.channel, EV_MAXPRI);
    ev_io_start(housekeeper.loop, &housekeeper.channel);
    ev_timer_init(&housekeeper.expiry, on_expiry_timer, EXPIRY_FIRST_SECONDS, EXPIRY_SECONDS);
    housekeeper.expiry.data = &housekeeper;
    ev_timer_start(housekeeper.loop, &housekeeper.expiry);
    (void)channel_send(CHANNEL_FD, MESSAGE_READY, NULL, 0, NULL, 0);
    ev_run(housekeeper.loop, 0);
    admin_free(housekeeper.admin);
    board_free(housekeeper.board);
    drain(&housekeeper);
    buf_free(&housekeeper.out);
    close(housekeeper.target);
    ev_loop_destroy(housekeeper.loop);
    return CHILD_EXIT_OK;
}
