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

static void visit(void *owner, const struct conf_listener *listener, const struct conf_key *key)
{
    uint32_t *next = owner;

    if (key->wanted != (*next)++ || !listener->enabled)
        abort();
}

/* What the rest of p11gate takes for granted. */
static void check(const struct conf *conf)
{
    size_t enabled = 0;

    for (size_t i = 0; i < conf->listener_count; i++) {
        const struct conf_listener *listener = &conf->listeners[i];

        enabled += listener->enabled;
        if (!listener->bind_count || !listener->key_count || listener->keystore < 0 ||
            (size_t)listener->keystore >= conf->keystore_count || !addr_port(&listener->backend) ||
            (listener->client_certificate != CONF_CLIENT_NONE && listener->truststore < 0) ||
            listener->passive_first > listener->passive_last || !listener->alias[0] ||
            !listener->greeting[0] || !listener->tls_versions[0])
            abort();
    }
    if (!enabled || !conf->workers)
        abort();
    for (size_t i = 0; i < conf->keystore_count; i++) {
        uint32_t next = 0;

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
    if (!pack_u32(&packed, 2) || !pack_text(&packed, "fuzz.conf") || !pack_bytes(&packed, data, len) ||
        !pack_text(&packed, "ca.pem") || !pack_bytes(&packed, certificate, strlen(certificate)))
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
