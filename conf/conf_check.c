#include "conf_check.h"

#include <netinet/in.h>
#include <string.h>

enum { BINDS_TOTAL_MAX = 150 }; /* they travel to a worker as descriptors of one message */

static bool is_present(enum conf_block_id id, const struct conf_given *given, const char *option)
{
    return given->present >> conf_option_index(conf_block(id), option) & 1;
}

bool conf_is_usable(enum conf_block_id id, const struct conf_given *given, const char *option)
{
    return !(given->refused >> conf_option_index(conf_block(id), option) & 1);
}

int conf_line_of(enum conf_block_id id, const struct conf_given *given, const char *option)
{
    int line = given->lines[conf_option_index(conf_block(id), option)];

    return line ? line : given->line;
}

static bool listener_usable(const struct conf_listener_block *listener, const char *option)
{
    return conf_is_usable(CONF_BLOCK_LISTENER, &listener->given, option);
}

/* Any of the lists: what all blocks with an alias have in common. */
struct aliases {
    enum conf_block_id id;
    const void *blocks;
    size_t count;
};

static const void *aliases_block(const struct aliases *aliases, size_t i)
{
    return (const char *)aliases->blocks + i * conf_block(aliases->id)->size;
}

static const char *aliases_text(const struct aliases *aliases, size_t i)
{
    const struct conf_block *block = conf_block(aliases->id);
    const struct conf_option *option = &block->options[conf_option_index(block, "alias")];
    const void *at = (const char *)aliases_block(aliases, i) + option->offset;

    return conf_is_usable(aliases->id, aliases_block(aliases, i), "alias") ? *(const char *const *)at : NULL;
}

static void check_alias(struct conf_reader *reader, const struct aliases *aliases, size_t i)
{
    const struct conf_given *given = aliases_block(aliases, i);
    const char *alias = aliases_text(aliases, i);

    for (size_t earlier = 0; alias && earlier < i; earlier++) {
        const struct conf_given *taken = aliases_block(aliases, earlier);
        const char *other = aliases_text(aliases, earlier);

        if (!other || strcmp(alias, other) != 0)
            continue;
        conf_report_add(&reader->report, conf_line_of(aliases->id, given, "alias"), given->where,
                        "alias: the %s of line %d has the same", conf_block(aliases->id)->name, taken->line);
        return;
    }
}

static void check_aliases(struct conf_reader *reader)
{
    const struct aliases lists[] = {
        {CONF_BLOCK_KEYSTORE, reader->keystores, reader->keystore_count},
        {CONF_BLOCK_TRUSTSTORE, reader->truststores, reader->truststore_count},
        {CONF_BLOCK_LISTENER, reader->listeners, reader->listener_count},
    };

    for (size_t list = 0; list < sizeof lists / sizeof lists[0]; list++)
        for (size_t i = 0; i < lists[list].count; i++)
            check_alias(reader, &lists[list], i);
}

static void check_keystore(struct conf_reader *reader, const struct conf_keystore_block *keystore)
{
    static const char *const token_only[] = {"module", "init-args", "token", "pin-file"};
    const struct conf_given *given = &keystore->given;

    if (!is_present(CONF_BLOCK_KEYSTORE, given, "directory")) {
        if (!is_present(CONF_BLOCK_KEYSTORE, given, "token"))
            conf_report_add(&reader->report, given->line, given->where, "token or directory is missing");
        return;
    }
    for (size_t i = 0; i < sizeof token_only / sizeof token_only[0]; i++)
        if (is_present(CONF_BLOCK_KEYSTORE, given, token_only[i]))
            conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_KEYSTORE, given, token_only[i]),
                            given->where, "%s: not together with directory", token_only[i]);
}

static bool is_wildcard(const struct addr *addr)
{
    return addr_is_v4(addr) ? addr->sa.v4.sin_addr.s_addr == htonl(INADDR_ANY)
                            : IN6_IS_ADDR_UNSPECIFIED(&addr->sa.v6.sin6_addr);
}

/* The kernel refuses the second of them. IPv6 sockets are V6ONLY, so the families do not meet. */
static bool binds_collide(const struct addr *a, const struct addr *b)
{
    return addr_port(a) == addr_port(b) && addr_is_v4(a) == addr_is_v4(b) &&
           (is_wildcard(a) || is_wildcard(b) || addr_same_host(a, b));
}

static bool is_bound(const struct conf_listener_block *listener)
{
    return listener->value.enabled && listener_usable(listener, "enabled") &&
           listener_usable(listener, "bind");
}

/* true: reported. Looks at the first `count` binds of other. */
static bool check_bind_against(struct conf_reader *reader, const struct conf_listener_block *listener,
                               const struct addr *bind, const struct conf_listener_block *other, size_t count)
{
    char text[ADDR_TEXT_LEN], other_text[ADDR_TEXT_LEN];

    for (size_t i = 0; i < count; i++) {
        if (!binds_collide(bind, &other->binds.items[i]))
            continue;
        addr_text(bind, text);
        addr_text(&other->binds.items[i], other_text);
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, &listener->given, "bind"),
                        listener->given.where, "bind = \"%s\": \"%s\" of %s is in its way", text, other_text,
                        other == listener ? "this listener" : other->given.where);
        return true;
    }
    return false;
}

static void check_binds(struct conf_reader *reader, size_t index)
{
    const struct conf_listener_block *listener = &reader->listeners[index];

    if (!is_bound(listener))
        return;
    for (size_t i = 0; i < listener->binds.count; i++) {
        const struct addr *bind = &listener->binds.items[i];
        bool reported = check_bind_against(reader, listener, bind, listener, i);

        for (size_t earlier = 0; !reported && earlier < index; earlier++)
            if (is_bound(&reader->listeners[earlier]))
                reported = check_bind_against(reader, listener, bind, &reader->listeners[earlier],
                                              reader->listeners[earlier].binds.count);
    }
}

static void check_enabled(struct conf_reader *reader)
{
    size_t binds = 0, enabled = 0;

    for (size_t i = 0; i < reader->listener_count; i++) {
        const struct conf_listener_block *listener = &reader->listeners[i];

        enabled += listener->value.enabled || !listener_usable(listener, "enabled");
        binds += is_bound(listener) ? listener->binds.count : 0;
    }
    if (!enabled)
        conf_report_add(&reader->report, 0, "", "no listener is enabled");
    if (binds > BINDS_TOTAL_MAX)
        conf_report_add(&reader->report, 0, "", "%zu binds of enabled listeners, and at most %d are possible",
                        binds, BINDS_TOTAL_MAX);
}

static void check_client_certificate(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_given *given = &listener->given;

    if (listener->client_certificate == CONF_CLIENT_NONE ||
        !listener_usable(listener, "client-certificate") ||
        is_present(CONF_BLOCK_LISTENER, given, "truststore"))
        return;
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, given, "client-certificate"),
                    given->where, "client-certificate = \"%s\": truststore is missing",
                    listener->client_certificate == CONF_CLIENT_REQUEST ? "request" : "require");
}

/* C6: an IPv6 client is never told an address, so the option would do nothing. */
static void check_passive_address(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    if (!listener->passive_address.set || !listener_usable(listener, "bind"))
        return;
    for (size_t i = 0; i < listener->binds.count; i++)
        if (addr_is_v4(&listener->binds.items[i]))
            return;
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, &listener->given, "passive-address"),
                    listener->given.where, "passive-address: every bind is IPv6, where no address is told");
}

static void check_keys(struct conf_reader *reader, const struct conf_listener_block *listener)
{
    const struct conf_strings *aliases = &listener->key_aliases, *files = &listener->certificate_files;
    const struct conf_given *given = &listener->given;
    char shown[CONF_SHOWN_LEN];

    if (!listener_usable(listener, "key-alias"))
        return;
    for (size_t i = 1; i < aliases->count; i++) {
        for (size_t earlier = 0; earlier < i; earlier++) {
            if (strcmp(aliases->items[i], aliases->items[earlier]) != 0)
                continue;
            conf_shown(aliases->items[i], shown);
            conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, given, "key-alias"),
                            given->where, "key-alias = \"%s\": named twice", shown);
        }
    }
    if (files->count && listener_usable(listener, "certificate-file") && files->count != aliases->count)
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_LISTENER, given, "certificate-file"),
                        given->where, "certificate-file: %zu of them for %zu of key-alias: as many, or none",
                        files->count, aliases->count);
}

void conf_check(struct conf_reader *reader)
{
    check_aliases(reader);
    for (size_t i = 0; i < reader->keystore_count; i++)
        check_keystore(reader, &reader->keystores[i]);
    for (size_t i = 0; i < reader->listener_count; i++) {
        check_client_certificate(reader, &reader->listeners[i]);
        check_passive_address(reader, &reader->listeners[i]);
        check_keys(reader, &reader->listeners[i]);
        check_binds(reader, i);
    }
    check_enabled(reader);
}
