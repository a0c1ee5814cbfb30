#include "conf_content.h"

#include "conf_check.h"
#include "conf_words.h"

#include <stdint.h>
#include <string.h>

enum { SECRET_SHORT = 48, SECRET_LONG = 80 };
enum { OCSP_BYTES_MAX = 64 * 1024, DER_SEQUENCE = 0x30, DER_ENUMERATED = 0x0a };

static void report(struct conf_reader *reader, const struct conf_content *content, const char *reason)
{
    char shown[CONF_SHOWN_LEN];

    conf_shown(content->path, shown);
    conf_report_add(&reader->report, conf_line_of(content->id, content->given, content->option),
                    content->given->where, "%s = \"%s\": %s", content->option, shown, reason);
}

/* The bytes of a file; NULL: reported. Borrowed. */
static const char *read_bytes(struct conf_reader *reader, const struct conf_content *content, size_t *len)
{
    struct err err;
    const char *bytes = conf_files_get(reader->files, content->path, len, &err);

    if (!bytes)
        report(reader, content, err.text);
    return bytes;
}

/* A copy that lives as long as the configuration; or what is wrong with it is reported. */
static const char *keep(struct conf_reader *reader, const struct conf_content *content, const char *bytes,
                        size_t len, const char *wrong)
{
    const char *copy = wrong ? NULL : conf_memory_bytes(reader->place.memory, bytes, len);

    if (!copy)
        report(reader, content, wrong ? wrong : "out of memory");
    return copy;
}

const char *conf_content_certificates(struct conf_reader *reader, const struct conf_content *content,
                                      size_t *len)
{
    const char *bytes = read_bytes(reader, content, len);
    const char *wrong = NULL;

    if (!bytes)
        return NULL;
    if (memmem(bytes, *len, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")))
        wrong = "holds a private key, which does not belong here: certificates only";
    else if (!memmem(bytes, *len, "CERTIFICATE-----", strlen("CERTIFICATE-----")))
        wrong = "holds no certificate in PEM form";
    return keep(reader, content, bytes, *len, wrong);
}

const char *conf_content_crl(struct conf_reader *reader, const struct conf_content *content, size_t *len)
{
    static const char begin[] = "BEGIN X509 CRL-----";
    const char *bytes = read_bytes(reader, content, len);
    const char *wrong = NULL;

    if (!bytes)
        return NULL;
    if (!memmem(bytes, *len, begin, sizeof begin - 1))
        wrong = "holds no CRL in PEM form (openssl crl -inform DER makes it of the other form)";
    return keep(reader, content, bytes, *len, wrong);
}

static const char *read_secret(struct conf_reader *reader, const struct conf_content *content, size_t *len)
{
    struct err err;
    const char *bytes = conf_files_secret(reader->files, content->path, len, &err);

    if (!bytes)
        report(reader, content, err.text);
    return bytes;
}

const char *conf_content_secret(struct conf_reader *reader, const struct conf_content *content, size_t *len)
{
    const char *bytes = read_secret(reader, content, len);
    bool good = bytes && (*len == SECRET_SHORT || *len == SECRET_LONG);

    return bytes ? keep(reader, content, bytes, *len,
                        good ? NULL : "holds not 80 (or 48) bytes: openssl rand -out FILE 80 makes it")
                 : NULL;
}

const char *conf_content_password(struct conf_reader *reader, const struct conf_content *content)
{
    size_t len = 0;
    const char *bytes = read_secret(reader, content, &len);
    const char *copy;

    if (!bytes)
        return "";
    if (len && bytes[len - 1] == '\n')
        len--;
    if (len && bytes[len - 1] == '\r')
        len--;
    copy = conf_memory_bytes(reader->place.memory, bytes, len);
    if (copy && strlen(copy) == len && conf_is_ftp_word(copy))
        return copy;
    report(reader, content,
           copy ? "does not hold one line with a password of 1 to 255 bytes" : "out of memory");
    return "";
}

/* How many bytes the head of a DER value takes whose content reaches exactly to the end; 0: it does not. */
static size_t der_head(const uint8_t *der, size_t len)
{
    size_t content = len > 1 ? der[1] : 0, head = 2;

    if (content >= 0x80) {
        size_t digits = content & 0x7f;

        if (digits < 1 || digits > sizeof(uint32_t) || len < head + digits)
            return 0;
        for (content = 0; digits; digits--)
            content = content << 8 | der[head++];
    }
    return len >= head && content == len - head ? head : 0;
}

/*
 * RFC 6960 section 4.2.1: OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] OPTIONAL
 * }. No private key looks like that: in DER they begin with a number, SEQUENCE { version INTEGER, ... }.
 */
static const char *ocsp_wrong(const uint8_t *der, size_t len)
{
    size_t head = len && der[0] == DER_SEQUENCE ? der_head(der, len) : 0;

    if (len > OCSP_BYTES_MAX)
        return "larger than 64 KB, and every handshake would carry it";
    if (!head || len < head + 3 || der[head] != DER_ENUMERATED || der[head + 1] != 1)
        return "is no OCSP response in DER form";
    if (der[head + 2] != 0)
        return "an OCSP response that says nothing about a certificate: its status is not successful";
    return NULL;
}

const char *conf_content_ocsp(struct conf_reader *reader, const struct conf_content *content, size_t *len)
{
    const char *bytes = read_bytes(reader, content, len);

    return bytes ? keep(reader, content, bytes, *len, ocsp_wrong((const uint8_t *)bytes, *len)) : NULL;
}
