#include "pin_terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A signal ends the reading, so that the terminal gets its echo back first. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* Signals whose default would leave the terminal without echo. */
static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

enum { CAUGHT_COUNT = sizeof caught / sizeof caught[0] };

static void catch_signals(struct sigaction before[CAUGHT_COUNT])
{
    const struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: read returns */

    interrupted = 0;
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        (void)sigaction(caught[i], &action, &before[i]);
}

static void release_signals(const struct sigaction before[CAUGHT_COUNT])
{
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        (void)sigaction(caught[i], &before[i], NULL);
}

/* One line; a terminal hands it over whole. */
static bool read_line(struct pin *pin, struct err *err)
{
    ssize_t got;

    do
        got = read(STDIN_FILENO, pin->memory, PIN_BYTES_MAX + 2);
    while (got < 0 && errno == EINTR && !interrupted);
    if (interrupted || got <= 0) {
        err_set(err, "no PIN was typed");
        return false;
    }
    if (pin->memory[got - 1] == '\n')
        got--;
    if (got > PIN_BYTES_MAX || memchr(pin->memory, 0, (size_t)got)) {
        err_set(err, "a PIN has at most %d bytes", PIN_BYTES_MAX);
        return false;
    }
    pin->len = (size_t)got;
    return true;
}

static bool read_silently(struct pin *pin, struct err *err)
{
    struct sigaction before[CAUGHT_COUNT];
    struct termios shown, hidden;
    bool done;

    if (tcgetattr(STDIN_FILENO, &shown)) {
        err_errno(err, "cannot ask at the terminal");
        return false;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    catch_signals(before);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    done = read_line(pin, err);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    release_signals(before);
    (void)fputc('\n', stderr);
    return done;
}

bool pin_terminal_ask(const char *keystore, const char *token, struct pin *out, struct err *err)
{
    bool done;

    if (!pin_new(out, err))
        return false;
    (void)fprintf(stderr, "PIN of keystore \"%s\" (%s): ", keystore, token);
    (void)fflush(stderr);
    done = read_silently(out, err);
    if (!done || !out->len)
        pin_wipe(out);
    return done;
}
