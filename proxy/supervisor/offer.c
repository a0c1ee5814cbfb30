#include "offer.h"

#include "inventory.h"
#include "sealed.h"

static enum offer_news offer_compare(int granted, int fd)
{
    struct sealed before, after;
    enum offer_news news = OFFER_REFUSED;
    struct err err;

    if (!sealed_map(granted, INVENTORY_BYTES_MAX, &before, &err))
        return OFFER_REFUSED;
    if (sealed_map(fd, INVENTORY_BYTES_MAX, &after, &err)) {
        news = inventory_same_keys(before.data, before.len, after.data, after.len) ? OFFER_CERTIFICATES
                                                                                   : OFFER_KEYS;
        sealed_unmap(&after);
    }
    sealed_unmap(&before);
    return news;
}

enum offer_news offer_take(int *granted, struct channel_message *message)
{
    struct sealed sealed;
    struct err err;

    if (message->type != MESSAGE_INVENTORY || message->fd_count != 1 ||
        !sealed_map(message->fds[0], INVENTORY_BYTES_MAX, &sealed, &err))
        return OFFER_REFUSED;
    sealed_unmap(&sealed);
    if (*granted < 0) {
        *granted = message->fds[0];
        message->fd_count = 0;
        return OFFER_FIRST;
    }
    if (sealed_same(*granted, message->fds[0], INVENTORY_BYTES_MAX))
        return OFFER_SAME;
    return offer_compare(*granted, message->fds[0]);
}
