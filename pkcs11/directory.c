#include "directory.h"

#include "buf.h"
#include "crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 256 * 1024, LIST_BYTES_MAX = 256, NAME_MAX_LEN = 128 };

struct directory {
    struct key_source source;
    int fd;
};

/* NAME.key, ... for an error that says what there is. */
static void list_keys(const struct directory *directory, struct buf *out)
{
    int fd = openat(directory->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;

    while (listing && (entry = readdir(listing)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len > 4 && strcmp(entry->d_name + len - 4, ".key") == 0)
            (void)buf_printf(out, "%s\"%.*s\"", buf_len(out) ? ", " : "", (int)(len - 4), entry->d_name);
    }
    if (listing)
        (void)closedir(listing);
    else if (fd >= 0)
        (void)close(fd);
}

/* Everything in the file; false with err. A key's bytes are wiped by the caller. */
static bool read_file(const struct directory *directory, const char *name, struct buf *out, struct err *err)
{
    int fd = openat(directory->fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t got = -1;
    uint8_t *room;

    if (fd < 0) {
        err_errno(err, "%.200s/%.128s cannot be read", directory->source.label, name);
        return false;
    }
    /* All the room at once: growing would leave copies of a key behind. */
    while ((room = buf_reserve(out, FILE_BYTES_MAX - buf_len(out))) != NULL &&
           buf_len(out) < FILE_BYTES_MAX) {
        got = read(fd, room, FILE_BYTES_MAX - buf_len(out));
        if (got <= 0)
            break;
        buf_commit(out, (size_t)got);
    }
    (void)close(fd);
    if (got != 0)
        err_set(err, "%.200s/%.128s is no file of at most %d bytes", directory->source.label, name,
                (int)FILE_BYTES_MAX);
    return got == 0;
}

/* A name is one path element, and no file is hidden or above. */
static bool name_fits(const char *name, struct err *err)
{
    size_t len = strlen(name);

    if (len && len <= NAME_MAX_LEN && name[0] != '.' && !strchr(name, '/') &&
        strncmp(name, "pkcs11:", 7) != 0)
        return true;
    err_set(err, "a key of a directory is called by the name of its file without .key, with no path");
    return false;
}

static bool file_name(const char *name, const char *ending, char out[NAME_MAX_LEN + 8])
{
    struct buf text;
    bool fits;

    buf_init(&text, NAME_MAX_LEN + 8);
    fits = buf_printf(&text, "%s.%s", name, ending) && buf_add(&text, "", 1);
    if (fits)
        memcpy(out, buf_data(&text), buf_len(&text));
    buf_free(&text);
    return fits;
}

static int no_pass_phrase(char *out, int size, int writing, void *owner)
{
    (void)out, (void)size, (void)writing, (void)owner;
    return -1;
}

static EVP_PKEY *parse_key(const struct buf *pem, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(buf_data(pem), (int)buf_len(pem));
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;

    if (!key)
        crypto_err(err, "no private key in PEM form without a pass phrase is in it");
    BIO_free(bio);
    return key;
}

static enum outcome no_such_key(const struct directory *directory, struct err *err)
{
    struct err cause = *err;
    struct buf list;

    buf_init(&list, LIST_BYTES_MAX);
    list_keys(directory, &list);
    if (buf_len(&list))
        err_set(err, "%.250s; keys here: %.*s", cause.text, (int)buf_len(&list),
                (const char *)buf_data(&list));
    buf_free(&list);
    return OUTCOME_CONFIGURATION;
}

static enum outcome find_key(struct key_source *source, const char *name, struct signing_key *out,
                             struct err *err)
{
    const struct directory *directory = (struct directory *)source;
    char file[NAME_MAX_LEN + 8];
    static const uint32_t paddings[] = {[SIGNING_KEY_RSA] = 1u << SCHEME_PKCS1 | 1u << SCHEME_PSS,
                                        [SIGNING_KEY_EC] = 1u << SCHEME_ECDSA,
                                        [SIGNING_KEY_ED25519] = 1u << SCHEME_EDDSA};
    enum scheme_key kind;
    struct buf pem;

    if (!name_fits(name, err) || !file_name(name, "key", file))
        return OUTCOME_CONFIGURATION;
    buf_init(&pem, FILE_BYTES_MAX);
    if (!read_file(directory, file, &pem, err)) {
        buf_free(&pem);
        return no_such_key(directory, err);
    }
    out->private_key = parse_key(&pem, err);
    if (buf_len(&pem))
        explicit_bzero(buf_data(&pem), buf_len(&pem));
    buf_free(&pem);
    if (!out->private_key) {
        err_context(err, "%.200s/%s", source->label, file);
        return OUTCOME_CONFIGURATION;
    }
    if (!crypto_key_kind(out->private_key, &kind, err))
        return OUTCOME_CONFIGURATION;
    out->type = kind == SCHEME_KEY_RSA       ? SIGNING_KEY_RSA
                : kind == SCHEME_KEY_ED25519 ? SIGNING_KEY_ED25519
                                             : SIGNING_KEY_EC;
    out->paddings = paddings[out->type];
    (void)EVP_PKEY_up_ref(out->private_key);
    out->token_public = out->private_key;
    return OUTCOME_OK;
}

static enum outcome read_certificates(struct key_source *source, const char *name,
                                      const struct signing_key *key, struct certificates *out,
                                      struct err *err)
{
    char file[NAME_MAX_LEN + 8];
    struct buf pem;
    bool done;

    (void)key;
    if (!file_name(name, "crt", file))
        return OUTCOME_CONFIGURATION;
    buf_init(&pem, FILE_BYTES_MAX);
    done = read_file((struct directory *)source, file, &pem, err);
    if (done && !certificates_read_pem(out, buf_data(&pem), buf_len(&pem), err)) {
        err_context(err, "%.200s/%s", source->label, file);
        done = false;
    }
    buf_free(&pem);
    return done ? OUTCOME_OK : OUTCOME_CONFIGURATION;
}

static enum sign_status sign(struct key_source *source, const struct signing_key *key,
                             const struct scheme *scheme, const struct crypto_input *in,
                             struct signature *out)
{
    (void)source;
    out->len = sizeof out->bytes;
    out->function = "signing with OpenSSL";
    return crypto_sign(key->private_key, scheme, in, out->bytes, &out->len) ? SIGN_DONE : SIGN_FAILED;
}

static enum outcome probe(struct key_source *source, struct err *err)
{
    (void)source, (void)err;
    return OUTCOME_OK;
}

static const struct key_source_ops directory_ops = {find_key, read_certificates, sign, probe};

struct key_source *directory_new(const char *path, struct err *err)
{
    struct directory *directory = calloc(1, sizeof *directory);

    if (!directory) {
        err_set(err, "no memory for the directory's keys");
        return NULL;
    }
    directory->source.ops = &directory_ops;
    directory->source.label = path;
    directory->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->fd >= 0)
        return &directory->source;
    err_errno(err, "directory = \"%.200s\" cannot be opened by the signers' user", path);
    free(directory);
    return NULL;
}
