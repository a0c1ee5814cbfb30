#include "switches.h"

#include "log.h"
#include "pack.h"
#include "setup.h"

#include <stdlib.h>
#include <string.h>

/* -- names that are off --------------------------------------------------------------------------- */

static size_t off_find(const struct switched_off *off, const char *name)
{
    size_t i = 0;

    while (i < off->count && strcmp(off->names[i], name) != 0)
        i++;
    return i;
}

/* False: there are too many. */
static bool off_set(struct switched_off *off, const char *name, bool on)
{
    size_t at = off_find(off, name);
    char *copy;

    if (on && at < off->count) {
        free(off->names[at]);
        off->names[at] = off->names[--off->count];
    }
    if (on || at < off->count)
        return true;
    copy = off->count < SWITCHES_MAX ? strdup(name) : NULL;
    if (copy)
        off->names[off->count++] = copy;
    return copy;
}

/* MESSAGE_BACKEND and MESSAGE_LISTENER: u8 enabled, text. */
static void pack_switch(struct buf *payload, bool on, const char *name)
{
    buf_init(payload, CHANNEL_PAYLOAD_MAX);
    (void)(pack_u8(payload, on) && pack_text(payload, name));
}

static void tell_all(struct supervisor *supervisor, uint32_t type, bool on, const char *name)
{
    struct crew *crew;
    struct buf payload;

    pack_switch(&payload, on, name);
    TAILQ_FOREACH(crew, &supervisor->crews, entry)
    {
        worker_pool_send(crew->workers, type, buf_data(&payload), buf_len(&payload));
    }
    buf_free(&payload);
}

static void log_switch(const char *what, bool on, const char *name)
{
    log_event(LOG_LEVEL_INFO, on ? "enabled" : "disabled", "%s%s", what, name);
}

/* -- backends ------------------------------------------------------------------------------------- */

static bool lists_backend(const struct conf_backends *backends, const char *name)
{
    for (size_t i = 0; i < backends->count; i++)
        if (strcmp(backends->items[i].text, name) == 0)
            return true;
    return false;
}

static bool listener_has_backend(const struct conf_listener *listener, const char *name)
{
    bool found = lists_backend(&listener->backends, name);

    for (size_t i = 0; i < listener->route_count && !found; i++)
        found = lists_backend(&listener->routes[i].backends, name);
    for (size_t i = 0; i < listener->server_name_count && !found; i++)
        found = lists_backend(&listener->server_names[i].backends, name);
    return found;
}

static bool is_backend(const struct supervisor *supervisor, const char *name)
{
    const struct conf *conf = supervisor->current->generation->conf;

    for (size_t i = 0; i < conf->listener_count; i++)
        if (listener_has_backend(&conf->listeners[i], name))
            return true;
    return false;
}

static bool turn_backend(struct supervisor *supervisor, bool on, const char *name, struct buf *answer)
{
    struct switched_off *off = &supervisor->switches.backends;

    if (!is_backend(supervisor, name) && off_find(off, name) == off->count) {
        (void)buf_printf(answer, "backend \"%s\" is not in the configuration\n", name);
        return false;
    }
    if (!off_set(off, name, on)) {
        (void)buf_printf(answer, "more than %d backends cannot be disabled\n", SWITCHES_MAX);
        return false;
    }
    tell_all(supervisor, MESSAGE_BACKEND, on, name);
    log_switch("backend:", on, name);
    return buf_printf(answer, "backend %s: %s\n", name, on ? "enabled" : "no new sessions");
}

/* -- listeners ------------------------------------------------------------------------------------ */

bool switches_listener_off(const struct switches *switches, const char *alias)
{
    return off_find(&switches->listeners, alias) < switches->listeners.count;
}

void switches_apply(const struct switches *switches, struct generation *generation)
{
    const struct conf *conf = generation->conf;

    for (size_t i = 0; i < conf->listener_count; i++)
        if (switches_listener_off(switches, conf->listeners[i].alias))
            generation_keep_closed(generation, i, true);
}

static bool open_again(struct generation *generation, size_t index, const struct generation *other,
                       struct err *err)
{
    generation_keep_closed(generation, index, false);
    if (generation_open(generation, index, other, err))
        return true;
    generation_keep_closed(generation, index, true);
    return false;
}

/* The generation that a reload is making; NULL: none. */
static struct generation *coming_generation(const struct supervisor *supervisor)
{
    return supervisor->reload.crew ? supervisor->reload.crew->generation : NULL;
}

/* It has bound already, and what it holds would stay open, or keep the address from being bound again. */
static bool turn_coming(struct supervisor *supervisor, bool on, const char *alias, struct err *err)
{
    struct generation *coming = coming_generation(supervisor);
    const struct conf *conf = coming ? coming->conf : NULL;

    for (size_t i = 0; conf && i < conf->listener_count; i++) {
        if (!conf->listeners[i].enabled || strcmp(conf->listeners[i].alias, alias) != 0)
            continue;
        if (on)
            return !coming->kept_closed[i] || open_again(coming, i, supervisor->current->generation, err);
        generation_keep_closed(coming, i, true);
    }
    return true;
}

/* Its sockets are new ones: nobody has waited in them. */
static bool listener_on(struct supervisor *supervisor, size_t index, struct err *err)
{
    struct generation *generation = supervisor->current->generation;

    if (!open_again(generation, index, coming_generation(supervisor), err))
        return false;
    worker_pool_listen_at(supervisor->current->workers, generation_first_bind(generation, index),
                          generation->conf->listeners[index].bind_count);
    return true;
}

static bool turn_listener(struct supervisor *supervisor, bool on, size_t index, struct buf *answer)
{
    struct switched_off *off = &supervisor->switches.listeners;
    struct generation *generation = supervisor->current->generation;
    const struct conf_listener *listener = &generation->conf->listeners[index];
    struct err err;

    if (!listener->enabled) {
        (void)buf_printf(answer, "listener %s: enabled = false in the configuration\n", listener->alias);
        return false;
    }
    if (on == !switches_listener_off(&supervisor->switches, listener->alias))
        return buf_printf(answer, "listener %s: is %s\n", listener->alias, on ? "enabled" : "disabled");
    if (on && !listener_on(supervisor, index, &err)) {
        (void)buf_printf(answer, "listener %s: %s\n", listener->alias, err.text);
        return false;
    }
    if (!off_set(off, listener->alias, on)) {
        (void)buf_printf(answer, "more than %d listeners cannot be disabled\n", SWITCHES_MAX);
        return false;
    }
    if (!on) {
        generation_keep_closed(generation, index, true);
        tell_all(supervisor, MESSAGE_LISTENER, false, listener->alias);
    }
    if (!turn_coming(supervisor, on, listener->alias, &err))
        reload_fail(supervisor, err.text);
    log_switch("", on, listener->alias);
    return buf_printf(answer, "listener %s: %s\n", listener->alias,
                      on ? "enabled" : "disabled; its sessions go on");
}

/* One of them, or all of a group. */
static bool turn_listeners(struct supervisor *supervisor, bool on, const char *what, struct buf *answer)
{
    static const char group[] = "group:";
    const struct conf *conf = supervisor->current->generation->conf;
    bool is_group = strncmp(what, group, sizeof group - 1) == 0, done = true;
    size_t found = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        const struct conf_listener *listener = &conf->listeners[i];

        if (strcmp(is_group ? listener->group : listener->alias, is_group ? what + sizeof group - 1 : what) !=
            0)
            continue;
        found++;
        done = turn_listener(supervisor, on, i, answer) && done;
    }
    if (!found)
        (void)buf_printf(answer, "\"%s\": no listener, no group:NAME of listeners, no backend:HOST:PORT\n",
                         what);
    return found && done;
}

/* -- all ------------------------------------------------------------------------------------------ */

bool switches_turn(struct supervisor *supervisor, bool on, const char *what, struct buf *answer)
{
    static const char backend[] = "backend:";

    if (strncmp(what, backend, sizeof backend - 1) == 0)
        return turn_backend(supervisor, on, what + sizeof backend - 1, answer);
    return turn_listeners(supervisor, on, what, answer);
}

void switches_tell(const struct supervisor *supervisor, struct child *worker)
{
    const struct switched_off *off = &supervisor->switches.backends;

    for (size_t i = 0; i < off->count; i++) {
        struct buf payload;

        pack_switch(&payload, false, off->names[i]);
        child_send(worker, MESSAGE_BACKEND, buf_data(&payload), buf_len(&payload));
        buf_free(&payload);
    }
}

void switches_clear(struct switches *switches)
{
    struct switched_off *both[] = {&switches->listeners, &switches->backends};

    for (size_t i = 0; i < 2; i++)
        while (both[i]->count)
            free(both[i]->names[--both[i]->count]);
}
