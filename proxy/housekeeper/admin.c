#include "admin.h"

#include "buf.h"
#include "http_library.h"
#include "metrics.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 32, SILENCE_S = 5, CONNECTION_BYTES_MAX = 16384 };

struct admin {
    const struct http_library *http;
    struct board *board;
    struct MHD_Daemon *daemon;
};

/* -- pages ----------------------------------------------------------------------------------------- */

struct admin_page {
    const char *path, *type;
    bool (*write)(struct board *board, struct buf *out);
    unsigned refused; /* the status when write says no */
};

static bool write_alive(struct board *board, struct buf *out)
{
    (void)board;
    return buf_add_text(out, "ok\n");
}

static const struct admin_page pages[] = {
    {"/healthz", "text/plain; charset=utf-8", write_alive, MHD_HTTP_INTERNAL_SERVER_ERROR},
    {"/readyz", "text/plain; charset=utf-8", board_ready, MHD_HTTP_SERVICE_UNAVAILABLE},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", board_metrics, MHD_HTTP_INTERNAL_SERVER_ERROR},
};

static const struct admin_page *page_find(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (!strcmp(path, pages[i].path))
            return &pages[i];
    return NULL;
}

/* -- answers --------------------------------------------------------------------------------------- */

static bool add_fields(const struct http_library *http, struct MHD_Response *response, unsigned status,
                       const char *type)
{
    return http->add_response_header(response, "Content-Type", type) == MHD_YES &&
           http->add_response_header(response, "Cache-Control", "no-store") == MHD_YES &&
           http->add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
           http->add_response_header(response, "Connection", "close") == MHD_YES &&
           (status != MHD_HTTP_METHOD_NOT_ALLOWED ||
            http->add_response_header(response, "Allow", "GET, HEAD") == MHD_YES);
}

/* MHD_NO closes the connection without an answer. */
static enum MHD_Result answer(const struct http_library *http, struct MHD_Connection *connection,
                              unsigned status, const char *type, const struct buf *body)
{
    struct MHD_Response *response =
        http->create_response_from_buffer(buf_len(body), buf_data(body), MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (add_fields(http, response, status, type))
        result = http->queue_response(connection, status, response);
    http->destroy_response(response);
    return result;
}

static enum MHD_Result answer_page(const struct admin *admin, struct MHD_Connection *connection,
                                   const struct admin_page *page)
{
    enum MHD_Result result;
    struct buf body;
    bool granted;

    buf_init(&body, METRICS_BYTES_MAX);
    granted = page->write(admin->board, &body);
    result = answer(admin->http, connection, granted ? MHD_HTTP_OK : page->refused, page->type, &body);
    buf_free(&body);
    return result;
}

static enum MHD_Result answer_refusal(const struct admin *admin, struct MHD_Connection *connection,
                                      unsigned status, const char *words)
{
    enum MHD_Result result;
    struct buf body;

    buf_init(&body, strlen(words));
    (void)buf_add_text(&body, words);
    result = answer(admin->http, connection, status, "text/plain; charset=utf-8", &body);
    buf_free(&body);
    return result;
}

/* The signature is the library's. Answered at once, a request body is never waited for. */
/* NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *owner, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **note)
{
    const struct admin *admin = owner;
    const struct admin_page *page = page_find(path);

    (void)version;
    (void)upload;
    (void)upload_len;
    (void)note;
    if (!page)
        return answer_refusal(admin, connection, MHD_HTTP_NOT_FOUND, "/metrics, /healthz, /readyz\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_refusal(admin, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    return answer_page(admin, connection, page);
}

/* -- making ---------------------------------------------------------------------------------------- */

static struct MHD_Daemon *start(struct admin *admin, int fd)
{
    return admin->http->start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, admin, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES_MAX,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

struct admin *admin_new(int fd, struct board *board, struct err *err)
{
    const struct http_library *http = http_library_load(err);
    struct admin *admin = http ? calloc(1, sizeof *admin) : NULL;
    int flags = fcntl(fd, F_GETFL);

    if (!http)
        goto refused;
    err_set(err, "out of memory, or no socket");
    if (!admin || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
        goto refused;
    admin->http = http;
    admin->board = board;
    admin->daemon = start(admin, fd);
    if (admin->daemon)
        return admin;
    err_set(err, "the HTTP server does not start");

refused:
    free(admin);
    close(fd);
    return NULL;
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    admin->http->stop_daemon(admin->daemon);
    free(admin);
}
