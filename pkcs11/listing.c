#include "listing.h"

#include "crypto.h"
#include "listing_objects.h"
#include "message.h"
#include "objects.h"
#include "pin.h"
#include "signer_start.h"
#include "token.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, URI_BYTES = 512, MECHANISMS_BYTES = 160 };

static const char usage[] =
    "usage: p11gate keys [--module FILE] [--init-args TEXT] [--token URI] [--force-login]\n"
    "\n"
    "  Lists tokens, keys and certificates as settings to paste into the configuration.\n"
    "  A PIN is asked for on the terminal; without a terminal only public objects are shown.\n"
    "\n"
    "      --module FILE     the token's PKCS#11 library (p11-kit-proxy.so)\n"
    "      --init-args TEXT  for its C_Initialize\n"
    "      --token URI       pkcs11: URI: only the tokens that it fits\n"
    "      --force-login     log in although a token warns of its last tries\n";

enum { OPTION_MODULE = 256, OPTION_INIT_ARGS, OPTION_TOKEN, OPTION_FORCE_LOGIN, OPTION_HELP };

static const struct option long_options[] = {
    {"module", required_argument, NULL, OPTION_MODULE},
    {"init-args", required_argument, NULL, OPTION_INIT_ARGS},
    {"token", required_argument, NULL, OPTION_TOKEN},
    {"force-login", no_argument, NULL, OPTION_FORCE_LOGIN},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the exit code. */
static int read_options(int argc, char **argv, struct signer_start *out)
{
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
        switch (option) {
        case OPTION_MODULE:
            out->module = optarg;
            break;
        case OPTION_INIT_ARGS:
            out->init_args = optarg;
            break;
        case OPTION_TOKEN:
            out->token = optarg;
            break;
        case OPTION_FORCE_LOGIN:
            out->force_login = true;
            break;
        case OPTION_HELP:
            (void)fputs(usage, stdout);
            return 0;
        default:
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

static void mechanisms_text(const struct token_mechanisms *can, struct buf *out)
{
    const struct {
        bool there;
        const char *name;
    } all[] = {{can->rsa_pkcs, "CKM_RSA_PKCS"},
               {can->rsa_pss, "CKM_RSA_PKCS_PSS"},
               {can->rsa_raw, "CKM_RSA_X_509"},
               {can->ecdsa, "CKM_ECDSA"},
               {can->eddsa, "CKM_EDDSA"}};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].there)
            (void)buf_printf(out, " %s", all[i].name);
}

static void print_token(struct token *token, const char *module)
{
    char uri[URI_BYTES] = "pkcs11:";
    struct buf mechanisms;

    buf_init(&mechanisms, MECHANISMS_BYTES);
    mechanisms_text(token_mechanisms(token), &mechanisms);
    (void)object_uri(token, CK_INVALID_HANDLE, uri, sizeof uri);
    printf("# token \"%s\", slot %lu; it signs with%.*s\n", token_label(token), token_slot(token),
           (int)buf_len(&mechanisms), (const char *)buf_data(&mechanisms));
    printf("    module = \"%s\";\n    token = \"%s\";\n", module, uri);
    buf_free(&mechanisms);
}

static void complain(const char *label, const struct err *err)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "p11gate keys: token \"%s\": %s\n", label, err->text);
}

/* False: nobody is asked, or nothing was typed, or *code says what was wrong. */
static bool ask(struct token *token, struct pin *pin, int *code)
{
    struct err err;

    if (!isatty(STDIN_FILENO))
        return false;
    if (token_has_pin_pad(token))
        return true;
    if (pin_ask(pin, token_label(token), &err))
        return pin->text != NULL;
    complain(token_label(token), &err);
    *code = CHILD_EXIT_CONFIGURATION;
    return false;
}

/* May private keys be seen? */
static bool log_in(struct token *token, int *code)
{
    struct pin pin = {0};
    enum outcome outcome;
    struct err err;

    (void)fflush(stdout);
    if (!token_needs_login(token))
        return true;
    if (!ask(token, &pin, code))
        return false;
    outcome = token_login(token, &pin, &err);
    pin_wipe(&pin);
    if (outcome == OUTCOME_OK)
        return true;
    complain(token_label(token), &err);
    *code = outcome == OUTCOME_PIN ? CHILD_EXIT_PIN : CHILD_EXIT_CONFIGURATION;
    return false;
}

static void list_slot(struct token *token, const char *module, int *code)
{
    bool logged_in;
    struct err err;

    print_token(token, module);
    logged_in = log_in(token, code);
    if (listing_objects(token, logged_in, &err) != OUTCOME_OK) {
        complain(token_label(token), &err);
        *code = CHILD_EXIT_CONFIGURATION;
    }
    printf("\n");
    token_close(token);
}

static int list(struct token *token, const struct signer_start *start)
{
    unsigned shown = 0;
    struct err err;
    int code = 0;

    if (token_load(token, &err) != OUTCOME_OK || token_find_slots(token, &err) != OUTCOME_OK)
        goto fail;
    for (unsigned i = 0; i < token_slot_count(token); i++) {
        enum outcome outcome = token_open_slot(token, i, &err);

        if (outcome == OUTCOME_CONFIGURATION)
            goto fail;
        if (outcome == OUTCOME_FAULTY || outcome == OUTCOME_FULL)
            (void)fprintf(stderr, "p11gate keys: slot number %u: %s\n", i, err.text);
        if (outcome != OUTCOME_OK)
            continue;
        list_slot(token, start->module, &code);
        shown++;
    }
    if (shown)
        return code;
    err_set(&err, "of the %u slots of %.200s, none has an initialised token%s", token_slot_count(token),
            start->module, *start->token ? " that fits --token" : "");
fail:
    (void)fprintf(stderr, "p11gate keys: %s\n", err.text);
    return CHILD_EXIT_CONFIGURATION;
}

int listing_main(int argc, char **argv)
{
    static struct signer_start start = {.module = "p11-kit-proxy.so", .init_args = "", .token = ""};
    static char name[] = "p11gate keys";
    struct token *token;
    struct err err;
    int code;

    argv[0] = name;
    code = read_options(argc, argv, &start);
    if (code >= 0)
        return code;
    token = token_new(&start);
    if (!token || !crypto_setup(&err)) {
        (void)fprintf(stderr, "p11gate keys: OpenSSL does not start\n");
        return CHILD_EXIT_CONFIGURATION;
    }
    code = list(token, &start);
    (void)fflush(stdout);
    /* Several modules crash when a process that used them ends in order. */
    _exit(code);
}
