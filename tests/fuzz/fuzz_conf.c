/*
 * The reader of configurations, from memory only. An input is the text of the file; one that begins
 * with a byte 1 is packed memory, as a worker gets it.
 */
#include "conf.h"

#include "pack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char certificate[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
static const char other[] = "-----BEGIN CERTIFICATE-----\nMAAB\n-----END CERTIFICATE-----\n";
static const char crl[] = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
static const char partner[] = "{ alias = \"p\"; certificate-file = \"p.pem\"; as2-id = \"P\"; }";
static const char ocsp[] = {0x30, 0x03, 0x0a, 0x01, 0x00};

static void visit(void *owner, const struct conf_listener *listener, const struct conf_key *key)
{
    uint32_t *next = owner;

    if (key->wanted != (*next)++ || !listener->enabled)
        abort();
}

static void check_keys(const struct conf_listener *listener, const struct conf_key *keys, size_t count)
{
    if (!count)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!keys[i].alias[0] || (keys[i].wanted == UINT32_MAX) == listener->enabled ||
            !keys[i].certificate_file[0] != !keys[i].certificate_pem_len ||
            !keys[i].ocsp_file[0] != !keys[i].ocsp_der_len)
            abort();
}

static void check_server_names(const struct conf_listener *listener)
{
    if (listener->strict_server_name && !listener->server_name_count)
        abort();
    for (size_t i = 0; i < listener->server_name_count; i++) {
        const struct conf_server_name *name = &listener->server_names[i];

        check_keys(listener, name->keys, name->key_count);
        if (!name->name[0] || strpbrk(name->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ /:"))
            abort();
        for (size_t k = 0; k < i; k++)
            if (strcmp(name->name, listener->server_names[k].name) == 0)
                abort();
    }
}

static void check_backends(const struct conf_backends *backends)
{
    for (size_t i = 0; i < backends->count; i++) {
        const struct conf_backend *backend = &backends->items[i];

        if (!backend->text[0] || !addr_port(&backend->addr) || strchr(backend->host, ':') ||
            strlen(backend->host) > 253)
            abort();
    }
}

static void check_networks(const struct conf_networks *networks)
{
    for (size_t i = 0; i < networks->count; i++)
        if (networks->items[i].prefix > (addr_is_v4(&networks->items[i].addr) ? 32 : 128) ||
            addr_port(&networks->items[i].addr))
            abort();
}

static void check_host(const struct conf_host_name *host)
{
    if (host->set && !host->host[0] && !addr_is_v4(&host->addr))
        abort();
}

static void check_ftp(const struct conf_listener *listener)
{
    check_host(&listener->passive_host);
    for (size_t i = 0; i < listener->passive_for_count; i++) {
        check_host(&listener->passive_for[i].address);
        if (!listener->passive_for[i].address.set ||
            (i && listener->passive_for[i - 1].network.prefix < listener->passive_for[i].network.prefix))
            abort();
    }
    if (listener->passive_first > listener->passive_last || !listener->passive_first ||
        (listener->advertised_first && listener->advertised_last - listener->advertised_first !=
                                           listener->passive_last - listener->passive_first) ||
        listener->quirks > 7 || strpbrk(listener->login_directory, "\r\n") ||
        strpbrk(listener->greeting, "\r\n"))
        abort();
    for (size_t i = 0; i < listener->deny_commands_count; i++)
        if (strpbrk(listener->deny_commands[i], "abcdefghijklmnopqrstuvwxyz \r\n"))
            abort();
}

static void check_routes(const struct conf_listener *listener)
{
    for (size_t i = 0; i < listener->route_count; i++) {
        const struct conf_route *route = &listener->routes[i];

        check_backends(&route->backends);
        if (route->path[0] != '/' || !route->backends.count ||
            (i && strlen(listener->routes[i - 1].path) < strlen(route->path)))
            abort();
    }
    if (!listener->backends.count && !listener->route_count)
        abort();
}

static void check_backend_tls(const struct conf *conf, const struct conf_listener *listener)
{
    const struct conf_backend_tls *tls = &listener->backend_tls;

    if (!tls->set && listener->protocol == CONF_HTTP)
        abort();
    if (!tls->set)
        return;
    if (tls->truststore < 0 || (size_t)tls->truststore >= conf->truststore_count || !tls->server_name[0] ||
        (tls->keystore < 0) != !tls->key_count || tls->keystore >= (int)conf->keystore_count)
        abort();
    if (tls->key_count)
        check_keys(listener, tls->keys, tls->key_count);
}

static void check_partners(const struct conf *conf)
{
    for (size_t i = 0; i < conf->partner_count; i++) {
        const struct conf_partner *one = &conf->partners[i];

        if (!one->alias[0] || !one->certificate_count || strpbrk(one->ftp_user, "\r\n") ||
            strpbrk(one->ftp_password, "\r\n") || !one->ftp_user[0] != !one->ftp_password[0])
            abort();
        check_networks(&one->allow);
        for (size_t k = 0; k < one->certificate_count; k++)
            if (!one->certificates[k].pem || !one->certificates[k].len)
                abort();
    }
}

static void check_listener(const struct conf *conf, const struct conf_listener *listener)
{
    bool is_plain = listener->protocol == CONF_HTTP;

    if (!is_plain)
        check_keys(listener, listener->keys, listener->key_count);
    check_server_names(listener);
    check_networks(&listener->access.allow);
    check_networks(&listener->access.deny);
    check_networks(&listener->accept_proxy_from);
    check_networks(&listener->ban_exempt);
    check_backends(&listener->backends);
    check_ftp(listener);
    check_routes(listener);
    check_backend_tls(conf, listener);
    if (!listener->bind_count || (listener->keystore < 0) != is_plain ||
        listener->keystore >= (int)conf->keystore_count ||
        (listener->client_certificate != CONF_CLIENT_NONE && listener->truststore < 0 &&
         !conf->partner_count) ||
        (listener->cert_map && !conf->partner_count) || !listener->alias[0] || !listener->greeting[0] ||
        !listener->tls_versions[0])
        abort();
    for (size_t i = 0; i < listener->ticket_secrets.count; i++)
        if (listener->ticket_secrets.items[i].len != 48 && listener->ticket_secrets.items[i].len != 80)
            abort();
}

/* What the rest of p11gate takes for granted. */
static void check(const struct conf *conf)
{
    size_t enabled = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        const struct conf_listener *listener = &conf->listeners[i];

        enabled += listener->enabled;
        check_listener(conf, listener);
    }
    if (!enabled || !conf->workers || !conf->max_generations || !conf->admin_group[0] ||
        strlen(conf->control_socket) > 107 || (conf->admin_enabled && !addr_port(&conf->admin_bind)))
        abort();
    check_partners(conf);
    if (strlen(conf->shape) < 100)
        abort();
    for (size_t i = 0; i < conf->keystore_count; i++) {
        const struct conf_keystore *keystore = &conf->keystores[i];
        uint32_t next = 0;

        if ((keystore->pin_file[0] && keystore->pin_credential[0]) ||
            !keystore->token[0] == !keystore->directory[0])
            abort();
        conf_wanted_keys(conf, i, visit, &next);
    }
}

static void read_files(struct conf_files *files)
{
    static struct conf_errors errors;
    const char *path = files ? conf_files_first(files) : NULL;
    struct conf *conf = path ? conf_read(files, path, &errors) : NULL;

    if (path && (conf == NULL) != (errors.count > 0))
        abort();
    if (conf)
        check(conf);
    conf_free(conf);
    conf_files_free(files);
}

static void read_text(const uint8_t *data, size_t len)
{
    struct buf packed;

    buf_init(&packed, 2 * len + 4096);
    if (!pack_u32(&packed, 8) || !pack_text(&packed, "fuzz.conf") || !pack_bytes(&packed, data, len) ||
        !pack_text(&packed, "ca.pem") || !pack_bytes(&packed, certificate, strlen(certificate)) ||
        !pack_text(&packed, "ca.crl") || !pack_bytes(&packed, crl, strlen(crl)) ||
        !pack_text(&packed, "a.pw") || !pack_bytes(&packed, "secret\n", 7) ||
        !pack_text(&packed, "partners.d") || !pack_bytes(&packed, "p.conf\n", 7) ||
        !pack_text(&packed, "partners.d/p.conf") || !pack_bytes(&packed, partner, strlen(partner)) ||
        !pack_text(&packed, "partners.d/p.pem") || !pack_bytes(&packed, other, strlen(other)) ||
        !pack_text(&packed, "e.ocsp") || !pack_bytes(&packed, ocsp, sizeof ocsp))
        abort();
    read_files(conf_files_from_memory(buf_data(&packed), buf_len(&packed)));
    buf_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len && data[0] == 1)
        read_files(conf_files_from_memory(data + 1, len - 1));
    else
        read_text(data, len);
    return 0;
}
