#include "feed.h"

#include "setup.h"

/* A crew that does not serve so far is nobody's business: a reload may fail. */
static const struct crew *first_shown_with(const struct supervisor *supervisor,
                                           const struct keystore *keystore)
{
    const struct crew *crew;

    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        if (crew->shown && crew_index(crew, keystore) >= 0)
            return crew;
    }
    return NULL;
}

static void grant_one(struct supervisor *supervisor, enum grant_kind kind, uint32_t index, int fd)
{
    const struct grant grant = {kind, index, fd};

    log_keeper_grant(supervisor->logs, &grant, 1);
}

/* In one message, where they fit: configuration, its workers, and those signers that no older crew has. */
static void feed_pages(struct supervisor *supervisor, const struct crew *crew, bool with_history)
{
    static struct grant grants[4096];
    const size_t max = sizeof grants / sizeof grants[0];
    size_t count = 0;

    grants[count++] = (struct grant){.kind = GRANT_CONFIGURATION, .fd = crew->generation->configuration};
    if (with_history)
        grants[count++] = (struct grant){.kind = GRANT_HISTORY_PAGE, .fd = supervisor->history_fd};
    count += worker_pool_pages(crew->workers, grants + count, max - count);
    for (size_t i = 0; i < crew->keystore_count; i++)
        if (first_shown_with(supervisor, crew->keystores[i]) == crew)
            count += keystore_pages(crew->keystores[i], i, grants + count, max - count);
    log_keeper_grant(supervisor->logs, grants, count);
}

static void feed_keystores(struct supervisor *supervisor, const struct crew *crew)
{
    for (size_t i = 0; i < crew->keystore_count; i++)
        log_keeper_keystore(supervisor->logs, (uint32_t)i, keystore_can_sign(crew->keystores[i]));
}

void feed_all(struct supervisor *supervisor)
{
    const struct crew *crew;
    bool first = true;

    if (!supervisor->history || !supervisor->current)
        return;
    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        if (!crew->shown)
            continue;
        feed_pages(supervisor, crew, first);
        first = false;
    }
    feed_keystores(supervisor, supervisor->current);
    if (supervisor->current->generation->admin >= 0)
        grant_one(supervisor, GRANT_ADMIN, 0, supervisor->current->generation->admin);
}

static bool same_admin(const struct conf *a, const struct conf *b)
{
    return a->admin_enabled && b->admin_enabled && addr_same_host(&a->admin_bind, &b->admin_bind) &&
           addr_port(&a->admin_bind) == addr_port(&b->admin_bind);
}

void feed_crew(struct supervisor *supervisor, const struct crew *crew, const struct crew *before)
{
    const struct conf *conf = crew->generation->conf;

    feed_pages(supervisor, crew, false);
    feed_keystores(supervisor, crew);
    if (same_admin(conf, before->generation->conf))
        return;
    if (conf->admin_enabled)
        grant_one(supervisor, GRANT_ADMIN, 0, crew->generation->admin);
    else
        log_keeper_gone(supervisor->logs, GRANT_ADMIN, 0);
}

void feed_crew_gone(struct supervisor *supervisor, const struct crew *crew)
{
    struct grant pages[64];
    size_t count;

    if (!supervisor->history || !crew->workers || !crew->shown)
        return;
    count = worker_pool_pages(crew->workers, pages, sizeof pages / sizeof pages[0]);
    for (size_t i = 0; i < count; i++)
        log_keeper_gone(supervisor->logs, GRANT_WORKER_PAGE, pages[i].index);
}

void feed_signer(struct supervisor *supervisor, const struct keystore *keystore, uint32_t index, int fd)
{
    if (!supervisor->history || !supervisor->logs)
        return;
    if (fd < 0)
        log_keeper_gone(supervisor->logs, GRANT_SIGNER_PAGE, index);
    else if (first_shown_with(supervisor, keystore))
        grant_one(supervisor, GRANT_SIGNER_PAGE, index, fd);
}

void feed_keystore(struct supervisor *supervisor, const struct keystore *keystore)
{
    int index = supervisor->current ? crew_index(supervisor->current, keystore) : -1;

    if (index >= 0 && supervisor->logs)
        log_keeper_keystore(supervisor->logs, (uint32_t)index, keystore_can_sign(keystore));
}
