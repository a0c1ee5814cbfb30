#include "conf_check.h"

#include "conf_partners.h"

#include <netinet/in.h>
#include <string.h>

enum {
    BINDS_TOTAL_MAX = 150, /* they travel to a worker as descriptors of one message */
    SOCKET_PATH_MAX = 107  /* of struct sockaddr_un, with a NUL behind */
};

bool conf_is_present(enum conf_block_id id, const struct conf_given *given, const char *option)
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

/* Any of the lists: what all blocks with an alias or name, their first option, have in common. */
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
    const struct conf_option *option = &conf_block(aliases->id)->options[0];
    const void *at = (const char *)aliases_block(aliases, i) + option->offset;

    return conf_is_usable(aliases->id, aliases_block(aliases, i), option->name) ? *(const char *const *)at
                                                                                : NULL;
}

static void check_alias(struct conf_reader *reader, const struct aliases *aliases, size_t i)
{
    const struct conf_given *given = aliases_block(aliases, i);
    const char *option = conf_block(aliases->id)->options[0].name;
    const char *alias = aliases_text(aliases, i);

    for (size_t earlier = 0; alias && earlier < i; earlier++) {
        const struct conf_given *taken = aliases_block(aliases, earlier);
        const char *other = aliases_text(aliases, earlier);

        if (!other || strcmp(alias, other) != 0)
            continue;
        conf_report_add(&reader->report, conf_line_of(aliases->id, given, option), given->where,
                        "%s: the %s of line %d has the same", option, conf_block(aliases->id)->name,
                        taken->line);
        return;
    }
}

void conf_check_aliases(struct conf_reader *reader, enum conf_block_id id, const void *blocks, size_t count)
{
    const struct aliases aliases = {id, blocks, count};

    for (size_t i = 0; i < count; i++)
        check_alias(reader, &aliases, i);
}

static void check_keystore(struct conf_reader *reader, const struct conf_keystore_block *keystore)
{
    static const char *const token_only[] = {"module", "init-args", "token", "pin-file", "pin-credential"};
    const struct conf_given *given = &keystore->given;

    if (!conf_is_present(CONF_BLOCK_KEYSTORE, given, "directory")) {
        if (!conf_is_present(CONF_BLOCK_KEYSTORE, given, "token"))
            conf_report_add(&reader->report, given->line, given->where, "token or directory is missing");
        if (conf_is_present(CONF_BLOCK_KEYSTORE, given, "pin-file") &&
            conf_is_present(CONF_BLOCK_KEYSTORE, given, "pin-credential"))
            conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_KEYSTORE, given, "pin-credential"),
                            given->where, "pin-credential: not together with pin-file");
        return;
    }
    for (size_t i = 0; i < sizeof token_only / sizeof token_only[0]; i++)
        if (conf_is_present(CONF_BLOCK_KEYSTORE, given, token_only[i]))
            conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_KEYSTORE, given, token_only[i]),
                            given->where, "%s: not together with directory", token_only[i]);
}

static void check_truststore(struct conf_reader *reader, const struct conf_truststore_block *truststore)
{
    const struct conf_given *given = &truststore->given;

    if (conf_is_present(CONF_BLOCK_TRUSTSTORE, given, "crl-policy") &&
        !conf_is_present(CONF_BLOCK_TRUSTSTORE, given, "crl-file"))
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_TRUSTSTORE, given, "crl-policy"),
                        given->where, "crl-policy: crl-file is missing");
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

/* The listener that has the address of the admin pages; NULL: none has. */
static const struct conf_listener_block *listener_at(const struct conf_reader *reader,
                                                     const struct addr *addr)
{
    for (size_t i = 0; i < reader->listener_count; i++) {
        const struct conf_listener_block *listener = &reader->listeners[i];

        for (size_t k = 0; is_bound(listener) && k < listener->binds.count; k++)
            if (binds_collide(addr, &listener->binds.items[k]))
                return listener;
    }
    return NULL;
}

static void check_admin(struct conf_reader *reader)
{
    const struct conf_admin_block *admin = &reader->admin;
    const struct conf_listener_block *listener = NULL;
    char text[ADDR_TEXT_LEN], shown[CONF_SHOWN_LEN];

    if (admin->bind.set && conf_is_usable(CONF_BLOCK_ADMIN, &admin->given, "bind"))
        listener = listener_at(reader, &admin->bind.addr);
    if (listener) {
        addr_text(&admin->bind.addr, text);
        conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_ADMIN, &admin->given, "bind"),
                        admin->given.where, "bind = \"%s\": a bind of %s is in its way", text,
                        listener->given.where);
    }
    if (strlen(admin->control_socket) <= SOCKET_PATH_MAX)
        return;
    conf_shown(admin->control_socket, shown);
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_ADMIN, &admin->given, "control-socket"),
                    admin->given.where, "control-socket = \"%s\": the path of a socket has at most %d bytes",
                    shown, SOCKET_PATH_MAX);
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

static void check_listener(struct conf_reader *reader, size_t index)
{
    conf_check_listener(reader, &reader->listeners[index]);
    check_binds(reader, index);
}

void conf_check(struct conf_reader *reader)
{
    conf_check_aliases(reader, CONF_BLOCK_KEYSTORE, reader->keystores, reader->keystore_count);
    conf_check_aliases(reader, CONF_BLOCK_TRUSTSTORE, reader->truststores, reader->truststore_count);
    conf_check_aliases(reader, CONF_BLOCK_LISTENER, reader->listeners, reader->listener_count);
    conf_partners_check(reader);
    check_admin(reader);
    for (size_t i = 0; i < reader->keystore_count; i++)
        check_keystore(reader, &reader->keystores[i]);
    for (size_t i = 0; i < reader->truststore_count; i++)
        check_truststore(reader, &reader->truststores[i]);
    for (size_t i = 0; i < reader->listener_count; i++)
        check_listener(reader, i);
    check_enabled(reader);
}
