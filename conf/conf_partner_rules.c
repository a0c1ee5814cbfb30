#include "conf_check.h"
#include "conf_content.h"
#include "conf_partners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_usable(const struct conf_partner_block *partner, const char *option)
{
    return conf_is_usable(CONF_BLOCK_PARTNER, &partner->given, option);
}

static void report(struct conf_reader *reader, const struct conf_partner_block *partner, const char *option,
                   const char *text)
{
    conf_report_in(&reader->report, partner->given.file);
    conf_report_add(&reader->report, conf_line_of(CONF_BLOCK_PARTNER, &partner->given, option),
                    partner->given.where, "%s", text);
    conf_report_in(&reader->report, NULL);
}

/* -- what only one partner may have -------------------------------------------------------------- */

struct claim {
    const char *text; /* borrowed; base64 of a certificate: ends with '-' or NUL, blanks in between */
    const struct conf_partner_block *partner;
    size_t number; /* of the partner: the earlier has the right */
};

struct claims {
    const char *option;
    size_t count;
    struct claim *items;
    int (*compare)(const char *a, const char *b);
};

static int compare_base64(const char *a, const char *b)
{
    static const char blanks[] = " \t\r\n";

    for (;; a++, b++) {
        a += strspn(a, blanks);
        b += strspn(b, blanks);
        if (*a != *b || !*a || *a == '-')
            return (unsigned char)*a - (unsigned char)*b;
    }
}

static int by_number(const struct claim *a, const struct claim *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

static int by_text(const void *a, const void *b)
{
    const struct claim *first = a, *second = b;
    int order = strcmp(first->text, second->text);

    return order ? order : by_number(first, second);
}

static int by_base64(const void *a, const void *b)
{
    const struct claim *first = a, *second = b;
    int order = compare_base64(first->text, second->text);

    return order ? order : by_number(first, second);
}

static void report_taken(struct conf_reader *reader, const struct claims *claims, const struct claim *owner,
                         const struct claim *other)
{
    char shown[CONF_SHOWN_LEN], value[CONF_SHOWN_LEN + 8] = "";
    struct err text;

    conf_shown(other->text, shown);
    if (claims->compare == strcmp)
        (void)snprintf(value, sizeof value, " = \"%s\"", shown);
    if (owner->partner == other->partner)
        err_set(&text, "%s%s: named twice", claims->option, value);
    else if (owner->partner->given.file)
        err_set(&text, "%s%s: %s of %.200s has the same", claims->option, value, owner->partner->given.where,
                owner->partner->given.file);
    else
        err_set(&text, "%s%s: %s of line %d has the same", claims->option, value, owner->partner->given.where,
                owner->partner->given.line);
    report(reader, other->partner, claims->option, text.text);
}

static void check_claims(struct conf_reader *reader, struct claims *claims)
{
    bool is_text = claims->compare == strcmp;

    qsort(claims->items, claims->count, sizeof claims->items[0], is_text ? by_text : by_base64);
    for (size_t owner = 0, i = 1; i < claims->count; i++) {
        if (claims->compare(claims->items[owner].text, claims->items[i].text) == 0)
            report_taken(reader, claims, &claims->items[owner], &claims->items[i]);
        else
            owner = i;
    }
}

static void claim(struct claims *claims, const struct conf_partner_block *partner, size_t number,
                  const char *text)
{
    claims->items[claims->count++] = (struct claim){text, partner, number};
}

/* Room for what every partner may claim under an option; false: reported. */
static bool claims_make(struct conf_reader *reader, struct claims *claims, size_t room)
{
    claims->items = conf_memory_array(reader->place.memory, room, sizeof claims->items[0]);
    if (!claims->items)
        conf_report_add(&reader->report, 0, "", "out of memory");
    return claims->items;
}

static void check_aliases(struct conf_reader *reader)
{
    struct claims claims = {.option = "alias", .compare = strcmp};

    if (!claims_make(reader, &claims, reader->partner_count))
        return;
    for (size_t i = 0; i < reader->partner_count; i++)
        if (is_usable(reader->partners[i], "alias"))
            claim(&claims, reader->partners[i], i, reader->partners[i]->value.alias);
    check_claims(reader, &claims);
}

static void check_as2_ids(struct conf_reader *reader)
{
    struct claims claims = {.option = "as2-id", .compare = strcmp};
    size_t room = 0;

    for (size_t i = 0; i < reader->partner_count; i++)
        room += reader->partners[i]->as2_ids.count;
    if (!claims_make(reader, &claims, room))
        return;
    for (size_t i = 0; i < reader->partner_count; i++)
        for (size_t k = 0; k < reader->partners[i]->as2_ids.count; k++)
            claim(&claims, reader->partners[i], i, reader->partners[i]->as2_ids.items[k]);
    check_claims(reader, &claims);
}

/* The certificate that a file begins with, which is a partner's own; what follows may be its chain. */
static void check_certificates(struct conf_reader *reader, const struct conf *conf)
{
    static const char begin[] = "CERTIFICATE-----";
    struct claims claims = {.option = "certificate-file", .compare = compare_base64};
    size_t room = 0;

    for (size_t i = 0; i < conf->partner_count; i++)
        room += conf->partners[i].certificate_count;
    if (!claims_make(reader, &claims, room))
        return;
    for (size_t i = 0; i < conf->partner_count; i++) {
        for (size_t k = 0; k < conf->partners[i].certificate_count; k++) {
            const char *pem = conf->partners[i].certificates[k].pem;
            const char *body = pem ? strstr(pem, begin) : NULL;

            if (body)
                claim(&claims, reader->partners[i], i, body + sizeof begin - 1);
        }
    }
    check_claims(reader, &claims);
}

static void check_ftp(struct conf_reader *reader, const struct conf_partner_block *partner)
{
    if (!is_usable(partner, "ftp-user") || !is_usable(partner, "ftp-password-file"))
        return;
    if (partner->value.ftp_user[0] && !partner->value.ftp_password_file[0])
        report(reader, partner, "ftp-user", "ftp-user: ftp-password-file is missing");
    if (!partner->value.ftp_user[0] && partner->value.ftp_password_file[0])
        report(reader, partner, "ftp-password-file", "ftp-password-file: ftp-user is missing");
}

void conf_partners_check(struct conf_reader *reader)
{
    check_aliases(reader);
    check_as2_ids(reader);
    for (size_t i = 0; i < reader->partner_count; i++)
        check_ftp(reader, reader->partners[i]);
}

/* -- what they are made of ----------------------------------------------------------------------- */

static void resolve_certificates(struct conf_reader *reader, const struct conf_partner_block *block,
                                 struct conf_partner *out)
{
    const struct conf_strings *files = &block->certificate_files;

    out->certificates = conf_memory_array(reader->place.memory, files->count, sizeof out->certificates[0]);
    if (!out->certificates) {
        conf_report_add(&reader->report, block->given.line, block->given.where, "out of memory");
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        const struct conf_content content = {CONF_BLOCK_PARTNER, &block->given, "certificate-file",
                                             files->items[i]};
        struct conf_pem *pem = &out->certificates[i];

        pem->file = files->items[i];
        pem->pem = conf_content_certificates(reader, &content, &pem->len);
    }
    out->certificate_count = files->count;
}

static void resolve_partner(struct conf_reader *reader, const struct conf_partner_block *block,
                            struct conf_partner *out)
{
    const struct conf_content password = {CONF_BLOCK_PARTNER, &block->given, "ftp-password-file",
                                          block->value.ftp_password_file};

    *out = block->value;
    out->line = block->given.line;
    out->file = block->given.file ? block->given.file : "";
    out->as2_ids = block->as2_ids.items;
    out->as2_id_count = block->as2_ids.count;
    out->ftp_password = "";
    resolve_certificates(reader, block, out);
    if (password.path[0])
        out->ftp_password = conf_content_password(reader, &password);
}

void conf_partners_resolve(struct conf_reader *reader, struct conf *conf)
{
    conf->partners = conf_memory_array(reader->place.memory, reader->partner_count, sizeof conf->partners[0]);
    if (!conf->partners) {
        conf_report_add(&reader->report, 0, "", "out of memory");
        return;
    }
    for (size_t i = 0; i < reader->partner_count; i++) {
        conf_report_in(&reader->report, reader->partners[i]->given.file);
        resolve_partner(reader, reader->partners[i], &conf->partners[i]);
        conf_report_in(&reader->report, NULL);
    }
    conf->partner_count = reader->partner_count;
    check_certificates(reader, conf);
}
