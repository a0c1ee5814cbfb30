/*
 * What stands in the files that options name, as far as a reader of configurations can tell whether it
 * belongs there. Everything read here is given to workers. Errors go to the report. Only conf/ sees it.
 */
#pragma once

#include "conf_reader.h"

#include <stddef.h>

/* An option and the file that it names. */
struct conf_content {
    enum conf_block_id id;
    const struct conf_given *given;
    const char *option, *path;
};

/* The certificates (PEM) of a file, in memory of the configuration; NULL: reported. */
const char *conf_content_certificates(struct conf_reader *reader, const struct conf_content *content,
                                      size_t *len);

/* The certificate revocation lists (PEM) of a file, likewise. */
const char *conf_content_crl(struct conf_reader *reader, const struct conf_content *content, size_t *len);

/* The secret of tickets, 48 or 80 bytes. Nobody else may read the file. */
const char *conf_content_secret(struct conf_reader *reader, const struct conf_content *content, size_t *len);

/* The one line of a file, without what ends it. Nobody else may read the file. */
const char *conf_content_password(struct conf_reader *reader, const struct conf_content *content);

/* The OCSP response (DER) of a file, likewise. Who signed it, for which certificate and until when is not
 * looked at. */
const char *conf_content_ocsp(struct conf_reader *reader, const struct conf_content *content, size_t *len);
