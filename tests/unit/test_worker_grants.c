/* What a worker does with a message of grants of which some cannot be used. */
#include "unit.h"

#include "message.h"
#include "sealed.h"
#include "worker_setup.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct channel_message message;

static int null_device(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static int secret_memory(void)
{
    static const uint8_t secret[TLS_TICKET_SECRET_LEN] = {7};
    struct err err;
    int fd = sealed_new("secrets", secret, sizeof secret, &err);

    assert_true(fd >= 0);
    return fd;
}

/* The grants as the worker finds them; its copies of the descriptors. */
static bool take(struct worker *worker, const struct grant *grants, size_t count, struct err *err)
{
    int pair[2];

    assert_true(channel_pair(pair, err));
    assert_int_equal(message_send_grants(pair[0], grants, count), CHANNEL_OK);
    assert_int_equal(channel_receive(pair[1], &message, err), CHANNEL_OK);
    close(pair[0]);
    close(pair[1]);
    return worker_take_grants(worker, &message, err);
}

static void one_that_fails_harms_no_other(void **state)
{
    int null = null_device(), secrets = secret_memory();
    /* /dev/null is no page of counters, and no sealed memory. */
    const struct {
        struct grant grants[4];
        size_t count;
        const char *complaint; /* NULL: all can be used */
    } rows[] = {
        {{{GRANT_SECRETS, 0, secrets}}, 1, NULL},
        {{{GRANT_PEER_PAGE, 1, null}, {GRANT_SECRETS, 0, secrets}}, 2, "not sealed"},
        {{{GRANT_SECRETS, 0, secrets}, {GRANT_PEER_PAGE, 1, null}}, 2, "not sealed"},
        {{{GRANT_PEER_PAGE, 1, null}, {GRANT_PEER_PAGE, 2, null}, {GRANT_SECRETS, 0, secrets}},
         3,
         "not sealed"},
        {{{GRANT_PIN, 0, null}, {GRANT_SECRETS, 0, secrets}}, 2, NULL}, /* nothing that a worker takes */
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        static struct worker worker;
        struct err err = {.text = ""};

        worker_init(&worker);
        worker.started = true;
        if (take(&worker, rows[i].grants, rows[i].count, &err) != !rows[i].complaint)
            fail_msg("row %zu: \"%s\"", i, err.text);
        if (rows[i].complaint && !strstr(err.text, rows[i].complaint))
            fail_msg("row %zu: \"%s\"", i, err.text);
        if (!worker.ticket_secrets || worker.ticket_secrets->count != 1)
            fail_msg("row %zu: the secrets are lost", i);
        close(worker.secrets);
        worker_clear(&worker);
    }
    close(null);
    close(secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_fails_harms_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
