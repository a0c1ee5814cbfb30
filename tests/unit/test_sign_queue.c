/* The queue between workers and signers: a worker that ends it is noticed, traffic is not mistaken for it. */
#include "unit.h"

#include "sign_message.h"
#include "sign_queue.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_queue_in_use_is_whole(void **state)
{
    struct sign_queue queue;
    struct err err;
    char byte = 'x';

    (void)state;
    assert_true(sign_queue_open(&queue, &err));
    assert_false(sign_queue_broken(&queue));
    assert_int_equal(send(queue.near, &byte, 1, 0), 1);
    assert_false(sign_queue_broken(&queue));
    assert_int_equal(send(queue.far, &byte, 1, 0), 1);
    assert_false(sign_queue_broken(&queue));
    sign_queue_close(&queue);
    assert_int_equal(queue.near, -1);
}

/* A TLS 1.2 client's handshake with hundreds of CA names is one datagram. */
static void the_longest_request_fits(void **state)
{
    static uint8_t request[sizeof(struct sign_request) + SIGN_BYTES_MAX], taken[sizeof request];
    struct sign_queue queue;
    struct err err;

    (void)state;
    assert_true(sign_queue_open(&queue, &err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(queue.near, request, sizeof request, MSG_DONTWAIT), sizeof request);
        assert_int_equal(recv(queue.far, taken, sizeof taken, MSG_DONTWAIT), sizeof request);
    }
    sign_queue_close(&queue);
}

static void workers_never_block_and_signers_do(void **state)
{
    struct sign_queue queue;
    struct err err;

    (void)state;
    assert_true(sign_queue_open(&queue, &err));
    assert_int_equal(fcntl(queue.near, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(queue.far, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(fcntl(queue.near, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(queue.far, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    sign_queue_close(&queue);
}

static void a_shutdown_by_any_holder_breaks_it(void **state)
{
    static const struct {
        bool near;
        int how;
        const char *what;
    } rows[] = {
        {true, SHUT_RDWR, "a worker, both ways"}, {true, SHUT_WR, "a worker, writing"},
        {true, SHUT_RD, "a worker, reading"},     {false, SHUT_RDWR, "a signer, both ways"},
        {false, SHUT_RD, "a signer, reading"},    {false, SHUT_WR, "a signer, writing"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct sign_queue queue;
        struct err err;
        int held;

        assert_true(sign_queue_open(&queue, &err));
        held = dup(rows[i].near ? queue.near : queue.far);
        assert_int_equal(shutdown(held, rows[i].how), 0);
        close(held);
        if (!sign_queue_broken(&queue))
            fail_msg("not noticed: %s", rows[i].what);
        sign_queue_close(&queue);
    }
}

static void ending_it_wakes_whoever_waits(void **state)
{
    struct sign_queue queue;
    struct err err;
    char byte;

    (void)state;
    assert_true(sign_queue_open(&queue, &err));
    sign_queue_end(&queue);
    assert_int_equal(recv(queue.far, &byte, 1, 0), 0);
    assert_int_equal(send(queue.near, "x", 1, MSG_NOSIGNAL), -1);
    sign_queue_close(&queue);
    sign_queue_end(&queue);
    sign_queue_close(&queue);
}

static void a_new_one_takes_its_place_and_the_old_one_ends(void **state)
{
    struct sign_queue queue;
    struct err err;
    int worker, signer;
    char byte;

    (void)state;
    assert_true(sign_queue_open(&queue, &err));
    worker = dup(queue.near);
    signer = dup(queue.far);
    assert_true(sign_queue_renew(&queue, &err));
    assert_false(sign_queue_broken(&queue));
    assert_int_equal(recv(signer, &byte, 1, 0), 0);
    assert_int_equal(send(worker, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(send(queue.near, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(queue.far, &byte, 1, 0), 1);
    close(worker);
    close(signer);
    sign_queue_close(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_in_use_is_whole),
        cmocka_unit_test(the_longest_request_fits),
        cmocka_unit_test(workers_never_block_and_signers_do),
        cmocka_unit_test(a_shutdown_by_any_holder_breaks_it),
        cmocka_unit_test(ending_it_wakes_whoever_waits),
        cmocka_unit_test(a_new_one_takes_its_place_and_the_old_one_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
