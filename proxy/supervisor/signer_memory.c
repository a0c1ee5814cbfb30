#include "signer_memory.h"

#include "sealed.h"
#include "signer_start.h"

#include <stdlib.h>
#include <string.h>

struct gathering {
    const struct conf *conf;
    struct signer_start start;
    struct err where[SIGNER_START_KEYS_MAX], where_keystore;
    bool too_many;
};

static void gather_key(void *owner, const struct conf_listener *listener, const struct conf_key *key)
{
    struct gathering *gathering = owner;
    size_t at = gathering->start.wanted_count;

    if (at == SIGNER_START_KEYS_MAX) {
        gathering->too_many = true;
        return;
    }
    conf_where_listener(gathering->conf, listener, &gathering->where[at]);
    gathering->start.wanted[at] = (struct signer_wanted){
        .where = gathering->where[at].text,
        .name = key->alias,
        .certificates = (const uint8_t *)key->certificate_pem,
        .certificates_len = key->certificate_pem_len,
        .certificates_path = key->certificate_file,
        .client = key->client,
    };
    gathering->start.wanted_count++;
}

static int gathering_seal(const struct gathering *gathering, struct err *err)
{
    struct buf bytes;
    int fd = -1;

    buf_init(&bytes, SIGNER_START_BYTES_MAX);
    if (gathering->too_many)
        err_set(err, "%s: more than %d keys are wanted", gathering->where_keystore.text,
                SIGNER_START_KEYS_MAX);
    else if (!signer_start_write(&bytes, &gathering->start))
        err_set(err, "%s: its keys' certificates have more than %d bytes", gathering->where_keystore.text,
                SIGNER_START_BYTES_MAX);
    else
        fd = sealed_new("signer-start", buf_data(&bytes), buf_len(&bytes), err);
    buf_free(&bytes);
    return fd;
}

/* The workers together keep to max-signatures-per-second; what they asked for in time may come together,
 * after a fault: one more of each is still honest. */
static uint32_t signer_limit(const struct conf *conf, const struct conf_keystore *of)
{
    uint64_t all = (uint64_t)of->max_signatures_per_second + conf->workers;

    if (!of->max_signatures_per_second)
        return 0;
    return all < UINT32_MAX ? (uint32_t)all : UINT32_MAX;
}

int signer_memory_new(const struct conf *conf, size_t keystore, bool check, bool force_login, struct err *err)
{
    const struct conf_keystore *of = &conf->keystores[keystore];
    struct gathering *gathering = calloc(1, sizeof *gathering);
    int fd;

    if (!gathering) {
        err_set(err, "out of memory");
        return -1;
    }
    gathering->conf = conf;
    conf_where_keystore(conf, of, &gathering->where_keystore);
    gathering->start = (struct signer_start){
        .alias = of->alias,
        .where = gathering->where_keystore.text,
        .module = of->module,
        .init_args = of->init_args,
        .token = of->token,
        .directory = of->directory,
        .sign_timeout_ms = (uint32_t)of->sign_timeout_ms,
        .max_per_second = signer_limit(conf, of),
        .force_login = force_login,
        .check = check,
    };
    conf_wanted_keys(conf, keystore, gather_key, gathering);
    fd = gathering_seal(gathering, err);
    free(gathering);
    return fd;
}

/* Where something stands in the file is no news: a line was added above it. */
static bool read_without_places(int fd, struct buf *out)
{
    struct signer_start *start = calloc(1, sizeof *start);
    struct sealed sealed;
    struct err err;
    bool fine = false;

    if (start && sealed_map(fd, SIGNER_START_BYTES_MAX, &sealed, &err)) {
        fine = signer_start_read(sealed.data, sealed.len, start);
        start->where = "";
        for (size_t i = 0; i < start->wanted_count; i++)
            start->wanted[i].where = "";
        fine = fine && signer_start_write(out, start);
        sealed_unmap(&sealed);
    }
    free(start);
    return fine;
}

bool signer_memory_same(int a, int b)
{
    struct buf one, other;
    bool same;

    buf_init(&one, SIGNER_START_BYTES_MAX);
    buf_init(&other, SIGNER_START_BYTES_MAX);
    same = read_without_places(a, &one) && read_without_places(b, &other) &&
           buf_len(&one) == buf_len(&other) && memcmp(buf_data(&one), buf_data(&other), buf_len(&one)) == 0;
    buf_free(&one);
    buf_free(&other);
    return same;
}
