/*
 * What a reload decides with: what a signer offers against what was granted, messages that wait, listening
 * sockets that are taken over, and what the control socket says as text.
 */
#include "unit.h"

#include "ctl_status.h"
#include "generation.h"
#include "inventory.h"
#include "notes.h"
#include "offer.h"
#include "sealed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- offers -------------------------------------------------------------------------------------- */

static const uint8_t old_certificate[] = "one certificate", new_certificate[] = "a renewed one";

/* Sealed memory with one key. */
static int inventory_of(uint8_t name, uint32_t schemes, const uint8_t *certificate, size_t len)
{
    struct inventory_key key = {.schemes = schemes, .chain_len = 1};
    struct buf bytes;
    struct err err;
    int fd;

    memset(key.name, name, sizeof key.name);
    key.chain[0].der = certificate;
    key.chain[0].len = len;
    buf_init(&bytes, INVENTORY_BYTES_MAX);
    assert_true(inventory_write(&bytes, &key, 1));
    fd = sealed_new("inventory", buf_data(&bytes), buf_len(&bytes), &err);
    buf_free(&bytes);
    assert_true(fd >= 0);
    return fd;
}

static enum offer_news offer(int *granted, int fd)
{
    static struct channel_message message;
    enum offer_news news;

    message = (struct channel_message){.type = MESSAGE_INVENTORY, .fd_count = 1};
    message.fds[0] = fd;
    news = offer_take(granted, &message);
    channel_close_fds(&message);
    return news;
}

static void what_signers_offer_is_compared(void **state)
{
    int granted = -1, unsealed = memfd_create("unsealed", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(offer(&granted, unsealed), OFFER_REFUSED);
    assert_int_equal(granted, -1);
    assert_int_equal(
        offer(&granted, inventory_of(1, INVENTORY_ECDSA, old_certificate, sizeof old_certificate)),
        OFFER_FIRST);
    assert_true(granted >= 0);
    assert_int_equal(
        offer(&granted, inventory_of(1, INVENTORY_ECDSA, old_certificate, sizeof old_certificate)),
        OFFER_SAME);
    assert_int_equal(
        offer(&granted, inventory_of(1, INVENTORY_ECDSA, new_certificate, sizeof new_certificate)),
        OFFER_CERTIFICATES);
    assert_int_equal(
        offer(&granted, inventory_of(2, INVENTORY_ECDSA, old_certificate, sizeof old_certificate)),
        OFFER_KEYS);
    assert_int_equal(
        offer(&granted, inventory_of(1, INVENTORY_RSA_PKCS1, old_certificate, sizeof old_certificate)),
        OFFER_KEYS);
    close(granted);
}

static void a_malformed_offer_is_other_keys(void **state)
{
    int granted = inventory_of(1, INVENTORY_ECDSA, old_certificate, sizeof old_certificate);
    struct err err;

    (void)state;
    assert_int_equal(offer(&granted, sealed_new("odd", "\1\0\0", 3, &err)), OFFER_KEYS);
    assert_int_equal(offer(&granted, sealed_new("empty", "", 0, &err)), OFFER_KEYS);
    close(granted);
}

/* -- notes --------------------------------------------------------------------------------------- */

static void notes_keep_the_newest_about_a_thing(void **state)
{
    struct notes *notes = calloc(1, sizeof *notes);

    (void)state;
    assert_non_null(notes);
    assert_true(notes_add(notes, MESSAGE_KEYSTORE, 1, 0));
    assert_true(notes_add(notes, MESSAGE_GONE, GRANT_SIGNER_PAGE, 7));
    assert_true(notes_add(notes, MESSAGE_GONE, GRANT_WORKER_PAGE, 7));
    assert_true(notes_add(notes, MESSAGE_KEYSTORE, 1, 1));
    assert_int_equal(notes->count, 3);
    assert_int_equal(notes->waiting[2].type, MESSAGE_KEYSTORE);
    assert_int_equal(notes->waiting[2].more, 1);
    notes_forget_gone(notes, GRANT_SIGNER_PAGE, 7);
    assert_int_equal(notes->count, 2);
    assert_int_equal(notes->waiting[0].about, GRANT_WORKER_PAGE);
    for (uint32_t i = 0; notes->count < NOTES_MAX; i++)
        assert_true(notes_add(notes, MESSAGE_GONE, GRANT_SIGNER_PAGE, 1000 + i));
    assert_false(notes_add(notes, MESSAGE_GONE, GRANT_SIGNER_PAGE, 1));
    free(notes);
}

/* What a full channel does not take stays, in order. */
static void notes_wait_for_room(void **state)
{
    static struct channel_message message;
    struct notes *notes = calloc(1, sizeof *notes);
    struct child child = {.pid = 1};
    struct err err;
    uint32_t next = 0;
    int ends[2];

    (void)state;
    assert_non_null(notes);
    assert_true(channel_pair(ends, &err));
    child.channel = ends[0];
    for (uint32_t i = 0; i < NOTES_MAX; i++)
        assert_true(notes_add(notes, MESSAGE_GONE, GRANT_SIGNER_PAGE, i));
    notes_send(notes, &child);
    assert_true(notes->count > 0 && notes->count < NOTES_MAX);
    while (next < NOTES_MAX) {
        uint32_t index;

        while (channel_receive(ends[1], &message, &err) == CHANNEL_OK) {
            assert_int_equal(message.len, 8);
            memcpy(&index, message.payload + 4, sizeof index);
            assert_int_equal(index, next++);
        }
        notes_send(notes, &child);
    }
    assert_int_equal(notes->count, 0);
    close(ends[0]);
    close(ends[1]);
    free(notes);
}

/* -- listening sockets --------------------------------------------------------------------------- */

static struct generation *read_generation(const char *binds, const struct generation *before)
{
    static struct conf_errors errors;
    char path[] = "/tmp/test-generation-XXXXXX";
    struct generation *generation;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_true(dprintf(fd,
                        "admin = { bind = \"\"; control-socket = \"\"; };\n"
                        "keystores = ( { alias = \"k\"; directory = \"/tmp\"; } );\n"
                        "listeners = ( { alias = \"l\"; protocol = \"tls\"; bind = %s; keystore = \"k\";"
                        " key-alias = \"a\"; backend = \"127.0.0.1:9\"; } );\n",
                        binds) > 0);
    close(fd);
    generation = generation_read(path, before, &errors);
    (void)unlink(path);
    if (!generation)
        print_error("%s\n", errors.items[0].text);
    assert_non_null(generation);
    return generation;
}

static bool same_file(int a, int b)
{
    struct stat one, two;

    return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_ino == two.st_ino;
}

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
    } name = {.v4 = at};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, &name.any, len), 0);
    assert_int_equal(getsockname(fd, &name.any, &len), 0);
    close(fd);
    return ntohs(name.v4.sin_port);
}

static void sockets_are_taken_over(void **state)
{
    unsigned kept = free_port(), dropped = free_port(), added = free_port();
    struct generation *before, *after;
    char binds[128];
    struct err err;

    (void)state;
    (void)snprintf(binds, sizeof binds, "[ \"127.0.0.1:%u\", \"127.0.0.1:%u\" ]", dropped, kept);
    before = read_generation(binds, NULL);
    (void)snprintf(binds, sizeof binds, "[ \"127.0.0.1:%u\", \"127.0.0.1:%u\" ]", kept, added);
    after = read_generation(binds, before);
    assert_true(generation_bind(before, NULL, &err));
    assert_true(generation_bind(after, before, &err));
    assert_int_equal(after->number, 2);
    assert_true(same_file(after->binds[0], before->binds[1]));
    assert_false(same_file(after->binds[1], before->binds[0]));
    generation_leave(before);
    generation_leave(after);
}

static bool can_connect(unsigned port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    assert_true(fd >= 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return connected;
}

/* Workers have the same sockets: one that is taken over may shut them, for all. */
static void a_socket_that_was_shut_listens_again(void **state)
{
    unsigned port = free_port();
    struct generation *generation;
    char binds[64];
    struct err err;

    (void)state;
    (void)snprintf(binds, sizeof binds, "[ \"127.0.0.1:%u\" ]", port);
    generation = read_generation(binds, NULL);
    assert_true(generation_bind(generation, NULL, &err));
    assert_int_equal(shutdown(generation->binds[0], SHUT_RDWR), 0);
    assert_false(can_connect(port));
    generation_watch_binds(generation);
    assert_true(can_connect(port));
    generation_leave(generation);
}

/* A second bind of the same address is what a reload without the old generation would be. */
static void a_busy_address_is_all_or_nothing(void **state)
{
    unsigned first = free_port(), busy = free_port();
    struct generation *before, *after;
    char binds[128];
    struct err err;

    (void)state;
    (void)snprintf(binds, sizeof binds, "[ \"127.0.0.1:%u\" ]", busy);
    before = read_generation(binds, NULL);
    assert_true(generation_bind(before, NULL, &err));
    (void)snprintf(binds, sizeof binds, "[ \"127.0.0.1:%u\", \"127.0.0.1:%u\" ]", first, busy);
    after = read_generation(binds, NULL);
    assert_false(generation_bind(after, NULL, &err));
    assert_non_null(strstr(err.text, "Address already in use"));
    assert_int_equal(after->binds[0], -1);
    generation_leave(after);
    generation_leave(before);
}

static void a_generation_lives_as_long_as_it_is_held(void **state)
{
    struct generation *generation = read_generation("[ \"127.0.0.1:1\" ]", NULL);

    (void)state;
    generation_hold(generation);
    generation_leave(generation);
    assert_string_equal(generation->conf->listeners[0].alias, "l");
    assert_string_equal(generation->names.keystores[0], "k");
    generation_leave(generation);
    generation_leave(NULL);
}

/* -- ctl ----------------------------------------------------------------------------------------- */

static void status_becomes_text(void **state)
{
    static const struct {
        const char *json, *expected; /* NULL: refused */
    } rows[] = {
        {"", NULL},
        {"[1", NULL},
        {"{\"version\": \"1\", \"pid\": 7, \"state\": \"running\", \"uptime_s\": 3700, \"configuration\": "
         "\"c\", "
         "\"reload\": \"idle\", \"generations\": [{\"number\": 2, \"state\": \"draining\", \"age_s\": 90000, "
         "\"drains_for_s\": 61, \"workers\": [{\"pid\": 8, \"state\": \"ready\", \"sessions\": 3}]}], "
         "\"keystores\": [{\"alias\": \"k\", \"can_sign\": false, \"reason\": \"away\", \"signers\": "
         "{\"absent\": 1, \"down\": 2}, \"waiting\": 4, \"in_flight\": 5}]}",
         "p11gate 1, pid 7, running for 1h 1m\nconfiguration c, reload idle\n"
         "generation 2: draining, 1d 1h, at most 1m 1s more\n  worker 8: ready, 3 sessions\n"
         "keystore k: cannot sign; signers: 1 absent, 2 down; 4 waiting, 5 in flight\n  away\n"},
        {"{\"generations\": 5, \"keystores\": [7], \"listeners\": {}}",
         "p11gate , pid 0,  for 0s\nconfiguration , reload \n"
         "keystore : cannot sign; signers:; 0 waiting, 0 in flight\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct buf out;
        bool made;

        buf_init(&out, 1 << 16);
        made = ctl_status_text(rows[i].json, strlen(rows[i].json), &out);
        assert_int_equal(made, rows[i].expected != NULL);
        if (made) {
            assert_true(buf_add(&out, "", 1));
            assert_string_equal((const char *)buf_data(&out), rows[i].expected);
        }
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_signers_offer_is_compared),
        cmocka_unit_test(a_malformed_offer_is_other_keys),
        cmocka_unit_test(notes_keep_the_newest_about_a_thing),
        cmocka_unit_test(notes_wait_for_room),
        cmocka_unit_test(sockets_are_taken_over),
        cmocka_unit_test(a_socket_that_was_shut_listens_again),
        cmocka_unit_test(a_busy_address_is_all_or_nothing),
        cmocka_unit_test(a_generation_lives_as_long_as_it_is_held),
        cmocka_unit_test(status_becomes_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
