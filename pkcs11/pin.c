#include "pin.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

enum { PIN_PAGE_BYTES = 4096 };

static bool pin_page(struct pin *pin, struct err *err)
{
    void *page = mmap(NULL, PIN_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED) {
        err_errno(err, "no memory for the PIN");
        return false;
    }
    /* RLIMIT_MEMLOCK may be 0: then the page could be swapped for the moment that it lives. */
    pin->locked = mlock(page, PIN_PAGE_BYTES) == 0;
    (void)madvise(page, PIN_PAGE_BYTES, MADV_DONTDUMP);
    (void)madvise(page, PIN_PAGE_BYTES, MADV_DONTFORK);
    pin->text = page;
    pin->len = 0;
    return true;
}

/* Bytes read, 0 at the end of the pipe, -1 with err. */
static ssize_t pin_read_some(int fd, char *out, size_t len, uint64_t deadline_ms, struct err *err)
{
    for (;;) {
        uint64_t now_ms = clock_monotonic_ms();
        struct pollfd waited = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (now_ms >= deadline_ms) {
            err_set(err, "the PIN did not come within %d s", PIN_TIMEOUT_MS / 1000);
            return -1;
        }
        (void)poll(&waited, 1, (int)(deadline_ms - now_ms));
        if (!waited.revents)
            continue;
        got = read(fd, out, len);
        if (got >= 0)
            return got;
        if (errno != EINTR && errno != EAGAIN) {
            err_errno(err, "reading the PIN");
            return -1;
        }
    }
}

static bool pin_fill(struct pin *pin, int fd, struct err *err)
{
    uint64_t deadline_ms = clock_monotonic_ms() + PIN_TIMEOUT_MS;
    ssize_t got;

    do {
        got = pin_read_some(fd, pin->text + pin->len, PIN_LEN_MAX + 3 - pin->len, deadline_ms, err);
        if (got < 0)
            return false;
        pin->len += (size_t)got;
    } while (got > 0 && pin->len < PIN_LEN_MAX + 3);
    return true;
}

static bool pin_trim(struct pin *pin, struct err *err)
{
    if (pin->len && pin->text[pin->len - 1] == '\n')
        pin->len--;
    if (pin->len && pin->text[pin->len - 1] == '\r')
        pin->len--;
    memset(pin->text + pin->len, 0, PIN_PAGE_BYTES - pin->len);
    if (pin->len == 0)
        err_set(err, "the PIN is empty: write it into the pin-file, on one line");
    else if (pin->len > PIN_LEN_MAX)
        err_set(err, "the PIN is longer than %d bytes: the pin-file must hold nothing else", PIN_LEN_MAX);
    else if (memchr(pin->text, '\n', pin->len) || memchr(pin->text, 0, pin->len))
        err_set(err, "the PIN has more than one line: the pin-file must hold nothing else");
    else
        return true;
    return false;
}

bool pin_read(struct pin *pin, int fd, struct err *err)
{
    bool done = pin_page(pin, err) && pin_fill(pin, fd, err) && pin_trim(pin, err);

    (void)close(fd);
    if (!done)
        pin_wipe(pin);
    return done;
}

/* One key at a time; false when the person gave up. */
static bool pin_type(struct pin *pin)
{
    enum { CONTROL_C = 3, CONTROL_D = 4, BACKSPACE = 8, CONTROL_U = 21, DELETE = 127 };
    char typed;

    while (read(STDIN_FILENO, &typed, 1) == 1 && typed != CONTROL_C && typed != CONTROL_D) {
        if (typed == '\n' || typed == '\r')
            return true;
        if (typed == CONTROL_U)
            pin->len = 0;
        else if (typed == BACKSPACE || typed == DELETE)
            pin->len -= pin->len > 0;
        else if (pin->len <= PIN_LEN_MAX)
            pin->text[pin->len++] = typed;
    }
    return false;
}

/* Signals too are only keys meanwhile: a process that ended here would leave the terminal blind. */
bool pin_ask(struct pin *pin, const char *token_label, struct err *err)
{
    struct termios before, blind;
    bool typed;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        err_errno(err, "no terminal to ask for the PIN");
        return false;
    }
    if (!pin_page(pin, err))
        return false;
    blind = before;
    blind.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &blind);
    (void)fprintf(stderr, "PIN of token \"%s\" (empty: public objects only): ", token_label);
    typed = pin_type(pin);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fputc('\n', stderr);
    if (!typed)
        err_set(err, "interrupted");
    if (typed && !pin->len)
        pin_wipe(pin);
    typed = typed && (!pin->text || pin_trim(pin, err));
    if (!typed)
        pin_wipe(pin);
    return typed;
}

void pin_wipe(struct pin *pin)
{
    if (!pin->text)
        return;
    explicit_bzero(pin->text, PIN_PAGE_BYTES);
    (void)munmap(pin->text, PIN_PAGE_BYTES);
    pin->text = NULL;
    pin->len = 0;
}
