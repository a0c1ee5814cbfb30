#include "setup.h"

#include "log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
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

static bool setup_accounts(struct supervisor *supervisor, struct err *err)
{
    const struct conf *conf = supervisor->generation->conf;

    if (!account_find("user", conf->user, &supervisor->user, err) ||
        !account_find("signer-user", conf->signer_user, &supervisor->signer_user, err)) {
        err_context(err, "%s", conf->path);
        return false;
    }
    if (!supervisor->user.change)
        log_event(LOG_LEVEL_WARNING, "unprivileged",
                  "not started as root: all processes share one user id, and ports, files and PINs are no "
                  "better protected than that");
    else if (supervisor->user.uid == supervisor->signer_user.uid)
        log_event(LOG_LEVEL_WARNING, "same-user",
                  "user and signer-user are the same: workers are not kept away from the signers' files");
    return true;
}

static bool setup_logs(struct supervisor *supervisor, const struct setup_users *users, struct err *err)
{
    const struct conf *conf = supervisor->generation->conf;
    const struct log_keeper_setup setup = {
        .family = &supervisor->family,
        .programs = &supervisor->programs,
        .account = &supervisor->user,
        /* A check speaks to the terminal only. */
        .target = supervisor->options->check ? "stderr" : conf->log_target,
        .ready = users->logs_ready,
        .gone = users->logs_gone,
        .owner = supervisor,
    };

    supervisor->logs = log_keeper_new(&setup, err);
    if (!supervisor->logs)
        err_context(err, "%s", conf->path);
    return supervisor->logs;
}

static bool setup_keystores(struct supervisor *supervisor, const struct setup_users *users, struct err *err)
{
    const struct conf *conf = supervisor->generation->conf;
    struct keystore_setup setup = {
        .family = &supervisor->family,
        .programs = &supervisor->programs,
        .account = &supervisor->signer_user,
        .generation = supervisor->generation,
        .check = supervisor->options->check,
        .force_login = supervisor->options->force_login,
        .user = users->keystore,
        .owner = supervisor,
    };

    if (conf->keystore_count > COUNTERS_KEYSTORES_MAX) {
        err_set(err, "%s: %zu keystores, at most %d", conf->path, conf->keystore_count,
                COUNTERS_KEYSTORES_MAX);
        return false;
    }
    for (; supervisor->keystore_count < conf->keystore_count; supervisor->keystore_count++) {
        setup.index = supervisor->keystore_count;
        supervisor->keystores[setup.index] = keystore_new(&setup, err);
        if (!supervisor->keystores[setup.index])
            return false;
    }
    return true;
}

static bool setup_workers(struct supervisor *supervisor, const struct setup_users *users, struct err *err)
{
    const struct worker_pool_setup setup = {
        .family = &supervisor->family,
        .programs = &supervisor->programs,
        .account = &supervisor->user,
        .generation = supervisor->generation,
        .count = supervisor->options->check ? 1 : supervisor->generation->conf->workers,
        .user = users->workers,
        .owner = supervisor,
    };

    supervisor->workers = worker_pool_new(&setup, err);
    return supervisor->workers;
}

bool setup_make(struct supervisor *supervisor, const struct supervisor_options *options,
                const struct setup_users *users)
{
    struct err err = {.text = ""};

    memset(supervisor, 0, sizeof *supervisor);
    supervisor->options = options;
    supervisor->programs = (struct programs){.self = -1, .signer = -1};
    setup_standard_descriptors();
    setup_limits();
    (void)signal(SIGPIPE, SIG_IGN);
    supervisor->loop = ev_default_loop(EVFLAG_NOENV);
    if (!supervisor->loop) {
        (void)fprintf(stderr, "the event loop cannot be made\n");
        return false;
    }
    family_init(&supervisor->family, supervisor->loop);
    supervisor->generation = generation_read(options->configuration);
    if (!supervisor->generation)
        return false;
    log_set_level(options->check ? LOG_LEVEL_ERROR : supervisor->generation->conf->log_level);
    if (setup_accounts(supervisor, &err) && programs_open(&supervisor->programs, &err) &&
        (options->check || generation_bind(supervisor->generation, &err)) &&
        setup_logs(supervisor, users, &err) && setup_keystores(supervisor, users, &err) &&
        setup_workers(supervisor, users, &err) && account_drop_power(&err))
        return true;
    (void)fprintf(stderr, "%s\n", err.text);
    return false;
}

void setup_clear(struct supervisor *supervisor)
{
    worker_pool_free(supervisor->workers);
    for (size_t i = 0; i < supervisor->keystore_count; i++)
        keystore_free(supervisor->keystores[i]);
    log_keeper_free(supervisor->logs);
    generation_free(supervisor->generation);
    programs_close(&supervisor->programs);
    if (supervisor->loop)
        ev_loop_destroy(supervisor->loop);
}
