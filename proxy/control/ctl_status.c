#include "ctl_status.h"

#include <jansson.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool say_span(struct buf *out, long long seconds)
{
    if (seconds >= 86400)
        return buf_printf(out, "%lldd %lldh", seconds / 86400, seconds % 86400 / 3600);
    if (seconds >= 3600)
        return buf_printf(out, "%lldh %lldm", seconds / 3600, seconds % 3600 / 60);
    if (seconds >= 60)
        return buf_printf(out, "%lldm %llds", seconds / 60, seconds % 60);
    return buf_printf(out, "%llds", seconds);
}

static bool say_generation(struct buf *out, const json_t *generation)
{
    const json_t *workers = json_object_get(generation, "workers"), *drains;
    const json_t *worker;
    size_t i;
    bool fine = buf_printf(out, "generation %lld: %s, ", number_of(generation, "number"),
                           text_of(generation, "state")) &&
                say_span(out, number_of(generation, "age_s"));

    drains = json_object_get(generation, "drains_for_s");
    if (drains)
        fine = fine && buf_add_text(out, ", at most ") && say_span(out, json_integer_value(drains)) &&
               buf_add_text(out, " more");
    fine = fine && buf_add_text(out, "\n");
    json_array_foreach(workers, i, worker)
    {
        fine = fine && buf_printf(out, "  worker %lld: %s, %lld sessions\n", number_of(worker, "pid"),
                                  text_of(worker, "state"), number_of(worker, "sessions"));
    }
    return fine;
}

static bool say_keystore(struct buf *out, const json_t *keystore)
{
    json_t *signers = json_object_get(keystore, "signers"), *count;
    const char *state, *reason = text_of(keystore, "reason");
    bool first = true;
    bool fine = buf_printf(out, "keystore %s: %s; signers:", text_of(keystore, "alias"),
                           json_is_true(json_object_get(keystore, "can_sign")) ? "can sign" : "cannot sign");

    json_object_foreach(signers, state, count)
    {
        fine = fine &&
               buf_printf(out, "%s %lld %s", first ? "" : ",", (long long)json_integer_value(count), state);
        first = false;
    }
    fine = fine && buf_printf(out, "; %lld waiting, %lld in flight\n", number_of(keystore, "waiting"),
                              number_of(keystore, "in_flight"));
    return fine && (!reason[0] || buf_printf(out, "  %s\n", reason));
}

static bool say_listener(struct buf *out, const json_t *listener)
{
    return buf_printf(
        out,
        "listener %s: %lld sessions (%lld in all), %lld full and %lld resumed handshakes, %lld failed, "
        "%lld bytes in, %lld out%s\n",
        text_of(listener, "alias"), number_of(listener, "sessions"), number_of(listener, "sessions_total"),
        number_of(listener, "handshakes_full"), number_of(listener, "handshakes_resumed"),
        number_of(listener, "handshakes_failed"), number_of(listener, "bytes_in"),
        number_of(listener, "bytes_out"),
        json_is_true(json_object_get(listener, "enabled")) ? "" : ", disabled");
}

static bool say_each(struct buf *out, const json_t *list, bool (*say)(struct buf *out, const json_t *one))
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        if (!say(out, one))
            return false;
    }
    return true;
}

bool ctl_status_text(const char *json, size_t len, struct buf *out)
{
    json_t *all = json_loadb(json, len, 0, NULL);
    bool fine = all &&
                buf_printf(out, "p11gate %s, pid %lld, %s for ", text_of(all, "version"),
                           number_of(all, "pid"), text_of(all, "state")) &&
                say_span(out, number_of(all, "uptime_s")) &&
                buf_printf(out, "\nconfiguration %s, reload %s\n", text_of(all, "configuration"),
                           text_of(all, "reload")) &&
                say_each(out, json_object_get(all, "generations"), say_generation) &&
                say_each(out, json_object_get(all, "keystores"), say_keystore) &&
                say_each(out, json_object_get(all, "listeners"), say_listener);

    json_decref(all);
    return fine;
}

bool ctl_sessions_text(const char *json, size_t len, struct buf *out)
{
    json_t *all = json_loadb(json, len, 0, NULL);
    const json_t *one;
    bool fine = all;
    size_t i;

    json_array_foreach(all, i, one)
    {
        fine = fine &&
               buf_printf(out, "%s %s %s ", text_of(one, "id"), text_of(one, "listener"),
                          text_of(one, "client")) &&
               say_span(out, number_of(one, "age_s")) &&
               buf_printf(out, " worker %lld\n", number_of(one, "worker"));
    }
    json_decref(all);
    return fine;
}
