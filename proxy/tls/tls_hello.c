/* The ClientHello, as soon as it is read: whose keys it asks for, and what these keys can do. */
#include "tls_private.h"

#include <stdlib.h>
#include <string.h>

static int refuse(struct tls *tls, int *alert, int description)
{
    tls->cause_known = true;
    *alert = description;
    return SSL_CLIENT_HELLO_ERROR;
}

static void asked_name(SSL *ssl, char out[SERVER_NAME_LEN])
{
    const unsigned char *data;
    size_t len;

    out[0] = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len))
        server_name_read(data, len, out);
}

bool tls_set_name_wanted(struct tls *tls, const char *name)
{
    char folded[SERVER_NAME_LEN];

    if (!server_name_fold(name, folded))
        return false;
    free(tls->name_wanted);
    tls->name_wanted = folded[0] ? strdup(folded) : NULL;
    return !folded[0] || tls->name_wanted;
}

const char *tls_name(const struct tls *tls)
{
    const char *name =
        tls->name_wanted ? tls->name_wanted : SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);

    return name ? name : "";
}

/* Who names somebody in the hello means that one, whatever was said in clear before. */
static void choose_name(struct tls *tls, char name[SERVER_NAME_LEN])
{
    if (!name[0] && tls->name_wanted) {
        (void)server_name_fold(tls->name_wanted, name);
    } else if (!tls->hello_taken) {
        free(tls->name_wanted);
        tls->name_wanted = NULL;
    }
}

static bool keep_name(struct tls *tls, const char *name)
{
    if (!name[0])
        return true;
    tls->server_name = strdup(name);
    if (!tls->server_name)
        err_set(&tls->err, "out of memory");
    return tls->server_name;
}

/* After a HelloRetryRequest the client says it all again, and must not say another thing (RFC 8446 4.1.2). */
static bool is_the_same(const struct tls *tls, const char *name)
{
    return !strcmp(tls->server_name ? tls->server_name : "", name);
}

/* Resumption, ticket or not, comes later: a strict listener is strict to everybody. */
static bool is_served(const struct tls *tls, const char *name)
{
    return !tls->ctx->strict_server_name || tls_keys_named(tls->ctx, name);
}

/* 0: taken; else the alert. */
static int take_name(struct tls *tls, SSL *ssl)
{
    char name[SERVER_NAME_LEN];

    asked_name(ssl, name);
    choose_name(tls, name);
    if (tls->hello_taken) {
        if (is_the_same(tls, name))
            return 0;
        err_set(&tls->err, "client changed the server name that it asks for");
        return SSL_AD_ILLEGAL_PARAMETER;
    }
    tls->hello_taken = true;
    if (!is_served(tls, name)) {
        if (name[0])
            err_set(&tls->err, "client asked for the unknown server name \"%s\"", name);
        else
            err_set(&tls->err, "client asked for no server name");
        return SSL_AD_UNRECOGNIZED_NAME;
    }
    return keep_name(tls, name) ? 0 : SSL_AD_INTERNAL_ERROR;
}

int tls_hello_take(SSL *ssl, int *alert, void *unused)
{
    struct tls *tls = SSL_get_app_data(ssl);
    int description;

    (void)unused;
    /* A data channel has its control channel's name, whatever the client says there (F6). */
    description = tls->role == TLS_MAIN ? take_name(tls, ssl) : 0;
    if (description)
        return refuse(tls, alert, description);
    if (tls_keys_limit(tls))
        return SSL_CLIENT_HELLO_SUCCESS;
    err_set(&tls->err, "OpenSSL does not take the limits of the keys");
    return refuse(tls, alert, SSL_AD_INTERNAL_ERROR);
}
