#include "module.h"

#include "ckr.h"
#include "crypto.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

struct module {
    PKCS11_CTX *context;
    PKCS11_SLOT *slots;
    unsigned slot_count;
    CK_FUNCTION_LIST *calls;
};

/* libp11 would say "unable to load PKCS#11 module" only; the loader knows which file is missing. */
static CK_FUNCTION_LIST *function_list(const char *path, struct err *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get_list = NULL;
    CK_FUNCTION_LIST *calls = NULL;
    void *symbol;

    if (!library) {
        err_set(err, "the module cannot be loaded (%s): set module to the token's PKCS#11 library",
                dlerror());
        return NULL;
    }
    symbol = dlsym(library, "C_GetFunctionList");
    if (!symbol) {
        err_set(err, "%.256s is no PKCS#11 module: it has no C_GetFunctionList", path);
        return NULL;
    }
    memcpy(&get_list, &symbol, sizeof get_list);
    if (get_list(&calls) == CKR_OK && calls && calls->version.major >= 2)
        return calls;
    err_set(err, "%.256s gives no list of functions of PKCS#11 2.x", path);
    return NULL;
}

/* What libp11 failed with: a return code of the module, or 0 when it was something else. */
static CK_RV libp11_code(void)
{
    unsigned long last = ERR_peek_last_error();

    return ERR_GET_LIB(last) == ERR_get_CKR_code() ? (CK_RV)ERR_GET_REASON(last) : CKR_OK;
}

static enum outcome libp11_failed(const char *function, struct err *err)
{
    CK_RV code = libp11_code();

    if (code == CKR_OK)
        crypto_err(err, function);
    else
        err_set(err, "%s: %s", function, ckr_name(code));
    ERR_clear_error();
    return code == CKR_ARGUMENTS_BAD ? OUTCOME_CONFIGURATION : OUTCOME_FAULTY;
}

static enum outcome module_initialize(struct module *module, const char *path, const char *init_args,
                                      struct err *err)
{
    enum outcome outcome;

    if (*init_args)
        PKCS11_CTX_init_args(module->context, init_args);
    ERR_clear_error();
    if (PKCS11_CTX_load(module->context, path) == 0)
        return OUTCOME_OK;
    outcome = libp11_failed("C_Initialize", err);
    err_context(err,
                "the module %.200s does not start (init-args, and the module's own settings as the "
                "signers' user sees them, decide)",
                path);
    return outcome;
}

/* p11-kit-proxy gives every caller of C_GetFunctionList an instance of its own: ours is new then. */
static enum outcome own_instance(struct module *module, struct err *err)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_INFO info;
    CK_RV code = module->calls->C_GetInfo(&info);

    if (code == CKR_CRYPTOKI_NOT_INITIALIZED)
        code = module->calls->C_Initialize(&args);
    if (code == CKR_OK)
        return OUTCOME_OK;
    err_set(err, "C_Initialize: %s", ckr_name(code));
    return OUTCOME_FAULTY;
}

enum outcome module_load(const char *path, const char *init_args, struct module **out, struct err *err)
{
    struct module *module = calloc(1, sizeof *module);
    enum outcome outcome = OUTCOME_FAULTY;

    err_set(err, "no memory for the module");
    if (!module || !(module->context = PKCS11_CTX_new()))
        goto fail;
    outcome = OUTCOME_CONFIGURATION;
    module->calls = function_list(path, err);
    if (!module->calls)
        goto fail;
    outcome = module_initialize(module, path, init_args, err);
    if (outcome == OUTCOME_OK)
        outcome = own_instance(module, err);
    if (outcome != OUTCOME_OK)
        goto fail;
    *out = module;
    return OUTCOME_OK;
fail:
    free(module);
    return outcome;
}

enum outcome module_find_slots(struct module *module, struct err *err)
{
    CK_ULONG count = 0;

    /* libp11 0.4.12 takes an empty list for a failure, and names no cause. */
    if (module->calls->C_GetSlotList(CK_FALSE, NULL, &count) == CKR_OK && !count)
        return OUTCOME_OK;
    ERR_clear_error();
    if (PKCS11_enumerate_slots(module->context, &module->slots, &module->slot_count) == 0)
        return OUTCOME_OK;
    module->slot_count = 0;
    return libp11_failed("C_GetSlotList", err);
}

unsigned module_slot_count(const struct module *module)
{
    return module->slot_count;
}

PKCS11_SLOT *module_slot(struct module *module, unsigned index)
{
    return &module->slots[index];
}

CK_FUNCTION_LIST *module_calls(struct module *module)
{
    return module->calls;
}
