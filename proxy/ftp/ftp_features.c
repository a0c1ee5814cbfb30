/* What a backend of each listener last answered to FEAT, in this worker: for FEAT before the login, when no
 * backend may hear of the client (F2). Services live as long as their worker. */
#include "ftp_private.h"

#include <stdlib.h>
#include <string.h>

enum { SERVICES_MAX = 128, REPLY_MAX_BYTES = 8 * 1024 };

static struct seen {
    const struct service *service;
    size_t len;
    char *reply;
} seen[SERVICES_MAX];

static struct seen *find(const struct ftp *ftp)
{
    const struct service *service = session_service(ftp->session);
    for (size_t i = 0; i < SERVICES_MAX; i++)
        if (!seen[i].service || seen[i].service == service)
            return &seen[i];
    return NULL;
}

const char *ftp_op_features(void *owner, size_t *len)
{
    const struct seen *found = find(owner);
    *len = found && found->service ? found->len : 0;
    return *len ? found->reply : NULL;
}

void ftp_op_keep_features(void *owner, const char *reply, size_t len)
{
    const struct ftp *ftp = owner;
    struct seen *found = find(ftp);
    if (!found || len > REPLY_MAX_BYTES || (found->len == len && memcmp(found->reply, reply, len) == 0))
        return;
    char *copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, reply, len);
    free(found->reply);
    *found = (struct seen){.service = session_service(ftp->session), .len = len, .reply = copy};
}
