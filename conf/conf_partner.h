/*
 * Partners, known by their own certificates: a part of struct conf (conf.h), which owns all of it. Texts are
 * never NULL ("" when not set). Never changed after it was read.
 */
#pragma once

#include "conf_network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Certificates in PEM form: a file's bytes. */
struct conf_pem {
    const char *file;
    const char *pem;
    size_t len;
};

struct conf_partner {
    int line;
    const char *file; /* of partners-dir; "" : the configuration itself */
    const char *alias;
    bool enabled;
    size_t certificate_count;
    struct conf_pem *certificates; /* each counts in its own dates: overlap rotates */
    size_t as2_id_count;
    const char **as2_ids; /* AS2-From values that its certificates may use */
    const char *ftp_user, *ftp_password_file;
    const char *ftp_password;   /* what the file holds, without one newline at its end */
    struct conf_networks allow; /* empty: from anywhere */
    uint32_t max_sessions;      /* 0: no limit of its own */
};
