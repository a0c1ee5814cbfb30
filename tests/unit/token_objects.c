#include "token_objects.h"

#include "unit.h"

#include "signer_fixture.h"

#include <dlfcn.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOKENS_MAX = 8, ATTRIBUTES_MAX = 16, NUMBER_BYTES = 32 };

/* One object that is being put together. */
struct object {
    CK_ULONG count;
    CK_ATTRIBUTE attributes[ATTRIBUTES_MAX];
};

struct access {
    CK_FUNCTION_LIST *calls;
    CK_SESSION_HANDLE session;
};

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "token_objects: %s failed\n", what);
    _exit(1);
}

static void add(struct object *object, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    CK_ATTRIBUTE *attribute = &object->attributes[object->count++];

    attribute->type = type;
    memcpy(&attribute->pValue, &value, sizeof value); /* the token only reads it */
    attribute->ulValueLen = len;
}

static bool is_edge(struct access *access, CK_SLOT_ID slot)
{
    CK_TOKEN_INFO info;

    return access->calls->C_GetTokenInfo(slot, &info) == CKR_OK && memcmp(info.label, "edge ", 5) == 0;
}

static void log_in(struct access *access)
{
    void *library = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "C_GetFunctionList") : NULL;
    CK_C_GetFunctionList get_list = NULL;
    CK_SLOT_ID slots[TOKENS_MAX];
    CK_ULONG count = TOKENS_MAX, at = 0;
    char pin[] = FIXTURE_PIN;

    must(symbol, "loading SoftHSM2");
    memcpy(&get_list, &symbol, sizeof get_list);
    must(get_list(&access->calls) == CKR_OK && access->calls->C_Initialize(NULL) == CKR_OK, "C_Initialize");
    must(access->calls->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "C_GetSlotList");
    while (at < count && !is_edge(access, slots[at]))
        at++;
    must(at < count, "finding the token edge");
    must(access->calls->C_OpenSession(slots[at], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                      &access->session) == CKR_OK,
         "C_OpenSession");
    must(access->calls->C_Login(access->session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)) == CKR_OK,
         "C_Login");
}

static void create(struct access *access, struct object *object)
{
    CK_OBJECT_HANDLE handle;

    must(access->calls->C_CreateObject(access->session, object->attributes, object->count, &handle) == CKR_OK,
         "C_CreateObject");
}

static void create_key(struct access *access, const void *what)
{
    static const uint8_t p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
    const struct token_object_key *key = what;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    uint8_t secret[NUMBER_BYTES];
    struct object object = {0};
    BIGNUM *number = NULL;

    must(EVP_PKEY_get_bn_param(key->key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
             BN_bn2binpad(number, secret, sizeof secret) == NUMBER_BYTES,
         "reading the key");
    add(&object, CKA_CLASS, &class, sizeof class);
    add(&object, CKA_KEY_TYPE, &type, sizeof type);
    add(&object, CKA_TOKEN, &yes, sizeof yes);
    add(&object, CKA_PRIVATE, &yes, sizeof yes);
    add(&object, CKA_SENSITIVE, &yes, sizeof yes);
    add(&object, CKA_EXTRACTABLE, &no, sizeof no);
    add(&object, CKA_SIGN, &yes, sizeof yes);
    add(&object, CKA_ALWAYS_AUTHENTICATE, key->always_authenticate ? &yes : &no, sizeof yes);
    add(&object, CKA_ID, &key->id, 1);
    add(&object, CKA_EC_PARAMS, p256, sizeof p256);
    add(&object, CKA_VALUE, secret, sizeof secret);
    if (key->label)
        add(&object, CKA_LABEL, key->label, strlen(key->label));
    create(access, &object);
}

struct certificate_list {
    X509 *const *certificates;
    size_t count;
    uint8_t id;
};

static void create_certificate(struct access *access, X509 *certificate, uint8_t id)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    unsigned char *der = NULL, *subject = NULL;
    int len = i2d_X509(certificate, &der);
    int subject_len = i2d_X509_NAME(X509_get_subject_name(certificate), &subject);
    struct object object = {0};

    must(len > 0 && subject_len > 0, "writing the certificate");
    add(&object, CKA_CLASS, &class, sizeof class);
    add(&object, CKA_CERTIFICATE_TYPE, &type, sizeof type);
    add(&object, CKA_TOKEN, &yes, sizeof yes);
    add(&object, CKA_PRIVATE, &no, sizeof no);
    add(&object, CKA_ID, &id, 1);
    add(&object, CKA_SUBJECT, subject, (size_t)subject_len);
    add(&object, CKA_VALUE, der, (size_t)len);
    create(access, &object);
}

static void create_certificates(struct access *access, const void *what)
{
    const struct certificate_list *list = what;

    for (size_t i = 0; i < list->count; i++)
        create_certificate(access, list->certificates[i], list->id);
}

static void create_data(struct access *access, const void *what)
{
    const char *label = what;
    CK_OBJECT_CLASS class = CKO_DATA;
    struct object object = {0};

    add(&object, CKA_CLASS, &class, sizeof class);
    add(&object, CKA_TOKEN, &yes, sizeof yes);
    add(&object, CKA_PRIVATE, &no, sizeof no);
    add(&object, CKA_LABEL, label, strlen(label));
    create(access, &object);
}

/* In a process of its own: the module must not live in the one that starts signers. */
static void in_child(void (*work)(struct access *, const void *), const void *what)
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct access access = {0};

        log_in(&access);
        work(&access, what);
        (void)access.calls->C_Finalize(NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

void token_objects_add_key(const struct token_object_key *key)
{
    in_child(create_key, key);
}

void token_objects_add_certificates(X509 *const *certificates, size_t count, uint8_t id)
{
    const struct certificate_list list = {certificates, count, id};

    in_child(create_certificates, &list);
}

void token_objects_add_data(const char *label)
{
    in_child(create_data, label);
}

static void copy_object(const char *from, char *to, size_t count)
{
    char bytes[16384];
    FILE *file = fopen(from, "re");
    size_t len;

    assert_non_null(file);
    len = fread(bytes, 1, sizeof bytes, file);
    assert_true(len && len < sizeof bytes);
    fclose(file);
    for (size_t i = 0; i < count; i++) {
        char path[256];

        (void)snprintf(path, sizeof path, "%s-%zu.object", to, i);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
    }
}

void token_objects_copy(const char *text, size_t count)
{
    char from[200], to[200];
    FILE *list;

    fixture_command("grep -l '%s' %s/*/*.object | tee %s", text, fixture_path("tokens"),
                    fixture_path("found"));
    list = fopen(fixture_path("found"), "re");
    assert_non_null(list);
    assert_non_null(fgets(from, sizeof from, list));
    fclose(list);
    from[strcspn(from, "\n")] = 0;
    (void)snprintf(to, sizeof to, "%.*s-copy", (int)(strlen(from) - strlen(".object")), from);
    copy_object(from, to, count);
}
