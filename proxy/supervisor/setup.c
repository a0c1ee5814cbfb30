#include "setup.h"

#include "clock.h"
#include "json_line.h"
#include "log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SETUP_FILES = 8192 };

/* A descriptor 0, 1 or 2 that is closed would become some socket, and get our error messages. */
static void setup_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR); /* inherited, as the ones they stand for */
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* Three descriptors for each child: the usual 1024 are not enough for the largest configuration. */
static void setup_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= SETUP_FILES)
        return;
    files.rlim_cur = files.rlim_max < SETUP_FILES ? files.rlim_max : SETUP_FILES;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

/* PINs are read next. Children inherit the limit, and hide by themselves after exec. */
static void setup_hide_memory(void)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

static void warn_of_accounts(const struct generation *generation)
{
    if (!generation->user.change)
        log_event(LOG_LEVEL_WARNING, "unprivileged",
                  "not started as root: all processes share one user id, and ports, files and PINs are no "
                  "better protected than that");
    else if (generation->user.uid == generation->signer_user.uid)
        log_event(LOG_LEVEL_WARNING, "same-user",
                  "user and signer-user are the same: workers are not kept away from the signers' files");
}

static bool setup_logs(struct supervisor *supervisor, const struct generation *generation,
                       const struct setup_users *users, struct err *err)
{
    const struct log_keeper_setup setup = {
        .family = &supervisor->family,
        .programs = &supervisor->programs,
        .account = &generation->user,
        /* A check speaks to the terminal only. */
        .target = supervisor->options->check ? "stderr" : generation->conf->log_target,
        .ready = users->logs_ready,
        .gone = users->logs_gone,
        .feed = users->logs_feed,
        .owner = supervisor,
    };

    supervisor->logs = log_keeper_new(&setup, err);
    if (!supervisor->logs)
        err_context(err, "%s", generation->conf->path);
    else
        log_keeper_format(supervisor->logs, !supervisor->options->check && generation->conf->log_json);
    return supervisor->logs;
}

static bool setup_history(struct supervisor *supervisor, struct err *err)
{
    supervisor->history_fd = counters_new("counters-history", sizeof *supervisor->history, err);
    if (supervisor->history_fd >= 0)
        supervisor->history = counters_map(supervisor->history_fd, sizeof *supervisor->history, err);
    return supervisor->history;
}

static const struct keystore *alike(const struct supervisor *supervisor, const struct keystore *keystore)
{
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++) {
        const struct keystore *other = supervisor->keystores[i];

        if (other && other != keystore && keystore_is_alike(keystore, other))
            return other;
    }
    return NULL;
}

struct keystore *setup_keystore(struct supervisor *supervisor, struct keystore_setup *setup, struct err *err)
{
    const struct keystore *other;
    struct keystore *keystore;

    setup->slot = 0;
    while (setup->slot < KEYSTORE_SLOTS_MAX && supervisor->keystores[setup->slot])
        setup->slot++;
    if (setup->slot == KEYSTORE_SLOTS_MAX) {
        err_set(err, "too many keystores of earlier generations are still in use");
        return NULL;
    }
    keystore = keystore_new(setup, err);
    other = keystore ? alike(supervisor, keystore) : NULL;
    if (other && !keystore_share_gate(keystore, other, err)) {
        keystore_free(keystore);
        return NULL;
    }
    supervisor->keystores[setup->slot] = keystore;
    return keystore;
}

/* -- the control socket -------------------------------------------------------------------------- */

bool setup_control_open(const struct conf *conf, struct control_socket *out, struct err *err)
{
    *out = CONTROL_SOCKET_NONE;
    if (!conf->control_socket[0])
        return true;
    if (!control_socket_open(conf->control_socket, conf->admin_group, out, err)) {
        err_context(err, "%s: admin.control-socket", conf->path);
        return false;
    }
    if (!out->has_group)
        log_event(LOG_LEVEL_WARNING, "control-without-group",
                  "admin.group = \"%s\": there is no such group, only root may use the control socket",
                  conf->admin_group);
    return true;
}

void setup_control_change(struct supervisor *supervisor, struct control_socket *fresh)
{
    const struct conf *conf = supervisor->current->generation->conf;
    struct control_socket *now = control_listening(supervisor->control);

    if (fresh->fd >= 0 || !conf->control_socket[0]) {
        control_listen(supervisor->control, fresh);
        *fresh = CONTROL_SOCKET_NONE;
    } else if (now->fd >= 0) {
        control_socket_regroup(now, conf->admin_group);
    }
}

/* Without root its usual place cannot be made: p11gate goes on without. */
static bool setup_control(struct supervisor *supervisor, const struct setup_users *users, struct err *err)
{
    struct control_socket socket;

    supervisor->control = control_new(supervisor->loop, users->control, supervisor, err);
    if (!supervisor->control)
        return false;
    if (setup_control_open(supervisor->current->generation->conf, &socket, err)) {
        control_listen(supervisor->control, &socket);
        return true;
    }
    if (supervisor->current->generation->user.change)
        return false;
    log_event(LOG_LEVEL_WARNING, "control-absent", "%s", err->text);
    return true;
}

/* -- all of it ----------------------------------------------------------------------------------- */

static bool setup_parts(struct supervisor *supervisor, struct generation *generation,
                        const struct setup_users *users, struct err *err)
{
    bool check = supervisor->options->check;

    if (!programs_open(&supervisor->programs, err) || (!check && !generation_bind(generation, NULL, err)) ||
        (!check && !setup_history(supervisor, err)) || !setup_logs(supervisor, generation, users, err)) {
        generation_leave(generation);
        return false;
    }
    supervisor->bans = check ? NULL : ban_keeper_new(err);
    if ((!check && !supervisor->bans) ||
        !ticket_ring_open(&supervisor->tickets, supervisor->started_ms, err)) {
        generation_leave(generation);
        return false;
    }
    supervisor->current = crew_new(supervisor, generation, NULL, err);
    if (!supervisor->current)
        return false;
    supervisor->current->shown = true;
    return (check || setup_control(supervisor, users, err)) && account_drop_power(err);
}

static struct generation *first_generation(const char *path)
{
    static struct conf_errors errors;
    struct generation *generation = generation_read(path, NULL, &errors);

    for (size_t i = 0; !generation && i < errors.count; i++)
        (void)fprintf(stderr, "%s\n", errors.items[i].text);
    return generation;
}

bool setup_make(struct supervisor *supervisor, const struct supervisor_options *options,
                const struct setup_users *users)
{
    struct generation *generation;
    struct err err = {.text = ""};

    memset(supervisor, 0, sizeof *supervisor);
    supervisor->options = options;
    supervisor->started_ms = clock_monotonic_ms();
    supervisor->keystore_user = users->keystore;
    supervisor->history_fd = supervisor->tickets.fd = -1;
    TAILQ_INIT(&supervisor->crews);
    reload_init(supervisor);
    supervisor->programs = (struct programs){.self = -1, .signer = -1};
    setup_standard_descriptors();
    setup_limits();
    setup_hide_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    supervisor->loop = ev_default_loop(EVFLAG_NOENV);
    if (!supervisor->loop) {
        (void)fprintf(stderr, "the event loop cannot be made\n");
        return false;
    }
    family_init(&supervisor->family, supervisor->loop);
    login_turns_init(&supervisor->turns);
    generation = first_generation(options->configuration);
    if (!generation)
        return false;
    log_set_level(options->check ? LOG_LEVEL_ERROR : generation->conf->log_level);
    log_set_direct(!options->check && generation->conf->log_json ? json_line_add : NULL);
    warn_of_accounts(generation);
    if (setup_parts(supervisor, generation, users, &err))
        return true;
    (void)fprintf(stderr, "%s\n", err.text);
    return false;
}

void setup_clear(struct supervisor *supervisor)
{
    struct crew *crew;

    control_free(supervisor->control);
    while ((crew = TAILQ_FIRST(&supervisor->crews)))
        crew_free(crew);
    for (size_t i = 0; i < KEYSTORE_SLOTS_MAX; i++)
        keystore_free(supervisor->keystores[i]);
    refusals_clear(&supervisor->refusals);
    switches_clear(&supervisor->switches);
    ban_keeper_free(supervisor->bans);
    ticket_ring_close(&supervisor->tickets);
    log_keeper_free(supervisor->logs);
    if (supervisor->history)
        (void)munmap(supervisor->history, sizeof *supervisor->history);
    if (supervisor->history_fd >= 0)
        close(supervisor->history_fd);
    programs_close(&supervisor->programs);
    if (supervisor->loop)
        ev_loop_destroy(supervisor->loop);
}
