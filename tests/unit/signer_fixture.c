#include "signer_fixture.h"

#include "unit.h"

#include "clock.h"
#include "sealed.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 20000, YEAR_S = 365 * 24 * 3600 };

struct fixture fixture;

static const struct {
    const char *label, *type;
} key_kinds[FIXTURE_KEYS] = {
    {"ftps-rsa", "RSA"}, {"ftps-ec", "P-256"}, {"p384", "P-384"}, {"p521", "P-521"},
    {"twin", "P-256"},   {"twin", "P-256"},    {"ed", "ED25519"},
};

const char *fixture_path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", fixture.folder, name);
    return path;
}

void fixture_write(const char *name, const void *data, size_t len)
{
    FILE *file = fopen(fixture_path(name), "we");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void fixture_command(const char *format, ...)
{
    char command[1024];
    size_t used;
    va_list args;

    va_start(args, format);
    used = (size_t)vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_true(used + 32 < sizeof command);
    (void)snprintf(command + used, sizeof command - used, " >>%s/commands 2>&1", fixture.folder);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

void fixture_control(const char *lines)
{
    fixture_write("control.new", lines, strlen(lines));
    assert_int_equal(rename(fixture_path("control.new"), fixture_path("control")), 0);
}

static EVP_PKEY *make_key(const char *type)
{
    EVP_PKEY *key = strcmp(type, "RSA") == 0       ? EVP_RSA_gen(2048)
                    : strcmp(type, "ED25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                   : EVP_EC_gen(type);

    assert_non_null(key);
    return key;
}

X509 *fixture_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);

    assert_true(X509_set_version(certificate, 2) && X509_set_pubkey(certificate, key));
    assert_true(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial));
    assert_true(
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0));
    assert_true(X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : subject));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), YEAR_S));
    assert_true(X509_sign(certificate, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    return certificate;
}

char *fixture_pem(X509 *const *certificates, size_t count, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *copy;

    for (size_t i = 0; i < count; i++)
        assert_true(PEM_write_bio_X509(bio, certificates[i]));
    *len = (size_t)BIO_get_mem_data(bio, &data);
    copy = malloc(*len);
    assert_non_null(copy);
    memcpy(copy, data, *len);
    BIO_free(bio);
    return copy;
}

static void put_key(enum fixture_key number)
{
    BIO *bio = BIO_new_file(fixture_path("import.pem"), "w");

    assert_non_null(bio);
    assert_true(PEM_write_bio_PKCS8PrivateKey(bio, fixture.keys[number], NULL, NULL, 0, NULL, NULL));
    BIO_free(bio);
    fixture_command("softhsm2-util --import %s --token edge --label %s --id %02d --pin %s",
                    fixture_path("import.pem"), key_kinds[number].label, number + 1, FIXTURE_PIN);
}

static void put_certificate(X509 *certificate, const char *label, int id)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);

    fixture_write("certificate.der", der, (size_t)len);
    OPENSSL_free(der);
    fixture_command(
        "pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label edge --login --pin %s "
        "--write-object %s --type cert --label %s --id %02d",
        FIXTURE_PIN, fixture_path("certificate.der"), label, id);
}

static void make_token(void)
{
    char conf[256];

    assert_int_equal(mkdir(fixture_path("tokens"), 0700), 0);
    (void)snprintf(conf, sizeof conf, "directories.tokendir = %s\nlog.level = ERROR\n",
                   fixture_path("tokens"));
    fixture_write("softhsm2.conf", conf, strlen(conf));
    assert_int_equal(setenv("SOFTHSM2_CONF", fixture_path("softhsm2.conf"), 1), 0);
    assert_int_equal(setenv("P11GATE_FAKE_CONTROL", fixture_path("control"), 1), 0);
    fixture_command("softhsm2-util --init-token --free --label edge --so-pin so-pin-1 --pin %s", FIXTURE_PIN);
    fixture_command("softhsm2-util --init-token --free --label other --so-pin so-pin-1 --pin %s",
                    FIXTURE_PIN);
}

int fixture_setup(void **state)
{
    (void)state;
    (void)snprintf(fixture.folder, sizeof fixture.folder, "/tmp/p11gate-signer-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    make_token();
    fixture_control("");
    fixture.root_key = make_key("P-256");
    fixture.intermediate_key = make_key("P-256");
    fixture.root = fixture_certificate("root", fixture.root_key, NULL, NULL);
    fixture.intermediate =
        fixture_certificate("intermediate", fixture.intermediate_key, fixture.root, fixture.root_key);
    for (int i = 0; i < FIXTURE_KEYS; i++) {
        fixture.keys[i] = make_key(key_kinds[i].type);
        fixture.certificates[i] = fixture_certificate(key_kinds[i].label, fixture.keys[i],
                                                      fixture.intermediate, fixture.intermediate_key);
        put_key((enum fixture_key)i);
    }
    put_certificate(fixture.certificates[FIXTURE_RSA], "ftps-rsa", 1);
    put_certificate(fixture.certificates[FIXTURE_EC], "ftps-ec", 2);
    put_certificate(fixture.intermediate, "intermediate", 77);
    put_certificate(fixture.root, "root", 78);
    return 0;
}

int fixture_teardown(void **state)
{
    char command[128];

    (void)state;
    for (int i = 0; i < FIXTURE_KEYS; i++) {
        EVP_PKEY_free(fixture.keys[i]);
        X509_free(fixture.certificates[i]);
    }
    EVP_PKEY_free(fixture.root_key);
    EVP_PKEY_free(fixture.intermediate_key);
    X509_free(fixture.root);
    X509_free(fixture.intermediate);
    (void)snprintf(command, sizeof command, "rm -rf %s", fixture.folder);
    return system(command);
}

void fixture_start(struct signer_start *out, const char *key)
{
    *out = (struct signer_start){.alias = "edge",
                                 .where = "p11gate.conf:7: keystore \"edge\"",
                                 .module = "/usr/lib/softhsm/libsofthsm2.so",
                                 .init_args = "",
                                 .token = "pkcs11:token=edge",
                                 .directory = "",
                                 .sign_timeout_ms = 2000};
    if (!key)
        return;
    out->wanted_count = 1;
    out->wanted[0] = (struct signer_wanted){.where = "p11gate.conf:31: listener \"ftps-edge\"",
                                            .name = key,
                                            .certificates = (const uint8_t *)"",
                                            .certificates_path = ""};
}

char *fixture_want(struct signer_start *start, const char *name, X509 *certificate)
{
    size_t len;
    X509 *const chain[] = {certificate, fixture.intermediate, fixture.root};
    char *pem = fixture_pem(chain, 3, &len);
    struct signer_wanted *wanted = &start->wanted[start->wanted_count++];

    *wanted = (struct signer_wanted){.where = "p11gate.conf:40: listener \"as2\"",
                                     .name = name,
                                     .certificates = (const uint8_t *)pem,
                                     .certificates_len = len,
                                     .certificates_path = "as2.pem"};
    return pem;
}

static void write_key(const char *name, EVP_PKEY *key, const char *pass_phrase)
{
    BIO *bio = BIO_new_file(fixture_path(name), "w");

    assert_non_null(bio);
    assert_true(PEM_write_bio_PrivateKey(bio, key, pass_phrase ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                         (void *)(uintptr_t)pass_phrase));
    BIO_free(bio);
}

static void write_certificate(const char *name, X509 *certificate)
{
    X509 *const chain[] = {fixture.intermediate, certificate}; /* the wrong way round */
    size_t len;
    char *pem = fixture_pem(chain, 2, &len);

    fixture_write(name, pem, len);
    free(pem);
}

static void make_directory(void)
{
    if (mkdir(fixture_path("keys"), 0700) != 0)
        return;
    write_key("keys/rsa.key", fixture.keys[FIXTURE_RSA], NULL);
    write_certificate("keys/rsa.crt", fixture.certificates[FIXTURE_RSA]);
    write_key("keys/ec.key", fixture.keys[FIXTURE_EC], NULL);
    write_certificate("keys/ec.crt", fixture.certificates[FIXTURE_EC]);
    write_key("keys/ed.key", fixture.keys[FIXTURE_ED], NULL);
    write_certificate("keys/ed.crt", fixture.certificates[FIXTURE_ED]);
    write_key("keys/locked.key", fixture.keys[FIXTURE_EC], "secret");
    write_key("keys/lonely.key", fixture.keys[FIXTURE_EC], NULL);
    write_key("keys/wrong.key", fixture.keys[FIXTURE_EC], NULL);
    write_certificate("keys/wrong.crt", fixture.certificates[FIXTURE_RSA]);
    fixture_write("keys/empty.key", "", 0);
}

void fixture_start_directory(struct signer_start *start)
{
    make_directory();
    fixture_start(start, "rsa");
    start->module = start->token = "";
    start->directory = fixture_path("keys");
}

static pid_t spawn(int channel)
{
    char *const arguments[] = {strdup("p11gate-signer"), NULL};
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)dup2(channel, CHANNEL_FD);
        (void)fcntl(CHANNEL_FD, F_SETFD, 0);
        (void)execv(SIGNER_PROGRAM, arguments);
        _exit(126);
    }
    free(arguments[0]);
    return pid;
}

static int pin_pipe(const char *pin)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], pin, strlen(pin)), strlen(pin));
    assert_int_equal(close(ends[1]), 0);
    return ends[0];
}

static int start_memory(const struct signer_start *start)
{
    struct buf bytes;
    struct err err;
    int fd;

    buf_init(&bytes, SIGNER_START_BYTES_MAX);
    assert_true(signer_start_write(&bytes, start));
    fd = sealed_new("start", buf_data(&bytes), buf_len(&bytes), &err);
    assert_true(fd >= 0);
    buf_free(&bytes);
    return fd;
}

static void grant(struct running *running, const struct signer_start *start, const char *pin, int log,
                  int page)
{
    struct grant grants[5] = {{GRANT_SIGNER_START, 0, start_memory(start)},
                              {GRANT_QUEUE, 0, running->far_queue},
                              {GRANT_COUNTERS, 0, page},
                              {GRANT_LOG, 0, log}};
    size_t count = 4;

    if (pin)
        grants[count++] = (struct grant){GRANT_PIN, 0, pin_pipe(pin)};
    assert_int_equal(message_send_grants(running->channel, grants, count), CHANNEL_OK);
    assert_int_equal(channel_send(running->channel, MESSAGE_START, NULL, 0, NULL, 0), CHANNEL_OK);
    assert_int_equal(close(grants[0].fd), 0);
    if (pin)
        assert_int_equal(close(grants[4].fd), 0);
}

static void take_inventory(struct running *running, struct channel_message *message)
{
    struct sealed sealed;
    struct err err;

    assert_int_equal(message->fd_count, 1);
    assert_true(sealed_map(message->fds[0], sizeof running->inventory, &sealed, &err));
    memcpy(running->inventory, sealed.data, sealed.len);
    assert_true(inventory_read(running->inventory, sealed.len, running->keys, 16, &running->key_count));
    sealed_unmap(&sealed);
}

static void follow(struct running *running, struct channel_message *message)
{
    const char *text = "";
    uint32_t number = 0;

    switch (message->type) {
    case MESSAGE_SIGNER_STATE:
        assert_true(message_read_text(message, &number, &text));
        assert_true(running->state_count < 8);
        running->states[running->state_count++] = number;
        (void)snprintf(running->last_state_text, sizeof running->last_state_text, "%s", text);
        break;
    case MESSAGE_FAULT:
        assert_true(message_read_text(message, &running->fault_code, &text));
        (void)snprintf(running->fault, sizeof running->fault, "%s", text);
        break;
    case MESSAGE_INVENTORY:
        take_inventory(running, message);
        break;
    case MESSAGE_READY:
        running->ready = true;
        break;
    default:
        fail_msg("message %u", message->type);
    }
    channel_close_fds(message);
}

static void follow_until(struct running *running, bool stop_when_ready)
{
    static struct channel_message message;
    struct err err;

    while (!(stop_when_ready && running->ready)) {
        enum channel_result result = channel_wait(running->channel, WAIT_MS, &message, &err);

        if (result == CHANNEL_CLOSED)
            return;
        if (result != CHANNEL_OK)
            fail_msg("waiting for the signer: %s", err.text);
        follow(running, &message);
    }
}

static void begin(struct running *running, const struct signer_start *start, const char *pin)
{
    int channel[2], log[2], page;
    struct err err;

    assert_true(channel_pair(channel, &err));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, log), 0);
    page = counters_new("page", sizeof *running->page, &err);
    running->page = counters_map(page, sizeof *running->page, &err);
    assert_non_null(running->page);
    running->channel = channel[0];
    running->log = log[0];
    running->pid = spawn(channel[1]);
    assert_int_equal(close(channel[1]), 0);
    grant(running, start, pin, log[1], page);
    assert_int_equal(close(log[1]), 0);
    assert_int_equal(close(page), 0);
}

void running_begin(struct running *running, const struct signer_start *start, const char *pin)
{
    int queue[2];

    memset(running, 0, sizeof *running);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, queue), 0);
    running->queue = queue[0];
    running->far_queue = queue[1];
    begin(running, start, pin);
}

void running_start(struct running *running, const struct signer_start *start, const char *pin)
{
    running_begin(running, start, pin);
    follow_until(running, true);
}

void running_start_beside(struct running *running, const struct running *first,
                          const struct signer_start *start, const char *pin)
{
    memset(running, 0, sizeof *running);
    running->queue = fcntl(first->queue, F_DUPFD_CLOEXEC, 0);
    running->far_queue = fcntl(first->far_queue, F_DUPFD_CLOEXEC, 0);
    begin(running, start, pin);
    follow_until(running, true);
}

const char *running_log(struct running *running)
{
    size_t used = strlen(running->log_text);
    ssize_t got;

    while ((got = recv(running->log, running->log_text + used, sizeof running->log_text - 1 - used, 0)) > 0)
        used += (size_t)got;
    running->log_text[used] = 0;
    return running->log_text;
}

int running_end(struct running *running)
{
    int status = 0;

    follow_until(running, false);
    assert_int_equal(waitpid(running->pid, &status, 0), running->pid);
    (void)running_log(running);
    assert_null(strstr(running->log_text, FIXTURE_PIN));
    assert_null(strstr(running->fault, FIXTURE_PIN));
    close(running->channel);
    close(running->queue);
    close(running->far_queue);
    close(running->log);
    munmap(running->page, sizeof *running->page);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

void running_stop(struct running *running)
{
    assert_int_equal(shutdown(running->queue, SHUT_RDWR), 0);
    assert_int_equal(running_end(running), 0);
}

bool running_saw(const struct running *running, enum signer_state state)
{
    for (size_t i = 0; i < running->state_count; i++)
        if (running->states[i] == state)
            return true;
    return false;
}
