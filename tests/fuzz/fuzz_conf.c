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

/* What the rest of p11gate takes for granted. */
static void check(const struct conf *conf)
{
    size_t enabled = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        const struct conf_listener *listener = &conf->listeners[i];

        enabled += listener->enabled;
        check_keys(listener, listener->keys, listener->key_count);
        check_server_names(listener);
        if (!listener->bind_count || listener->keystore < 0 ||
            (size_t)listener->keystore >= conf->keystore_count || !addr_port(&listener->backend) ||
            (listener->client_certificate != CONF_CLIENT_NONE && listener->truststore < 0) ||
            listener->passive_first > listener->passive_last || !listener->alias[0] ||
            !listener->greeting[0] || !listener->tls_versions[0])
            abort();
    }
    if (!enabled || !conf->workers || !conf->max_generations || !conf->admin_group[0] ||
        strlen(conf->control_socket) > 107 || (conf->admin_enabled && !addr_port(&conf->admin_bind)))
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
    if (!pack_u32(&packed, 3) || !pack_text(&packed, "fuzz.conf") || !pack_bytes(&packed, data, len) ||
        !pack_text(&packed, "ca.pem") || !pack_bytes(&packed, certificate, strlen(certificate)) ||
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
