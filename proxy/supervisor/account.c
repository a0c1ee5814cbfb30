#include "account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

/* Ports below 1024, the children's ids, ending a child of another uid, files that only root reads. */
static const cap_value_t kept[] = {CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID, CAP_KILL,
                                   CAP_DAC_READ_SEARCH};

enum { KEPT_COUNT = sizeof kept / sizeof kept[0] };

bool account_find(const char *option, const char *name, struct account *out, struct err *err)
{
    const struct passwd *user;
    int count = ACCOUNT_GROUPS_MAX;

    *out = (struct account){.uid = geteuid(), .gid = getegid()};
    if (geteuid() != 0)
        return true;
    errno = 0;
    user = getpwnam(name);
    if (!user) {
        err_set(err, "%s = \"%s\": there is no such user (useradd --system --user-group --no-create-home %s)",
                option, name, name);
        return false;
    }
    if (user->pw_uid == 0) {
        err_set(err, "%s = \"%s\": root is not allowed, its processes must own nothing", option, name);
        return false;
    }
    out->change = true;
    out->uid = user->pw_uid;
    out->gid = user->pw_gid;
    if (getgrouplist(name, user->pw_gid, out->groups, &count) < 0) {
        err_set(err, "%s = \"%s\": the user is in more than %d groups", option, name, ACCOUNT_GROUPS_MAX);
        return false;
    }
    out->group_count = (size_t)count;
    return true;
}

bool account_same(const struct account *a, const struct account *b)
{
    return a->change == b->change && a->uid == b->uid && a->gid == b->gid &&
           a->group_count == b->group_count &&
           memcmp(a->groups, b->groups, a->group_count * sizeof *a->groups) == 0;
}

bool account_become(const struct account *account)
{
    if (!account->change)
        return true;
    return setgroups(account->group_count, account->groups) == 0 &&
           setresgid(account->gid, account->gid, account->gid) == 0 &&
           setresuid(account->uid, account->uid, account->uid) == 0;
}

static bool is_kept(cap_value_t capability)
{
    for (size_t i = 0; i < KEPT_COUNT; i++)
        if (kept[i] == capability)
            return true;
    return false;
}

bool account_drop_power(struct err *err)
{
    cap_t wanted, now;
    bool done = false;

    if (geteuid() != 0)
        return true;
    /* What is out of the bounding set cannot come back, not even through an exec as root. */
    for (cap_value_t c = 0; c < cap_max_bits(); c++)
        if (!is_kept(c))
            (void)cap_drop_bound(c);
    wanted = cap_init();
    now = cap_get_proc();
    for (size_t i = 0; wanted && now && i < KEPT_COUNT; i++) {
        cap_flag_value_t have = CAP_CLEAR;

        /* A container may have started us with fewer. */
        if (cap_get_flag(now, kept[i], CAP_PERMITTED, &have) == 0 && have == CAP_SET) {
            (void)cap_set_flag(wanted, CAP_PERMITTED, 1, &kept[i], CAP_SET);
            (void)cap_set_flag(wanted, CAP_EFFECTIVE, 1, &kept[i], CAP_SET);
        }
    }
    if (wanted && now)
        done = cap_set_proc(wanted) == 0;
    if (!done)
        err_errno(err, "cannot give up capabilities");
    cap_free(now);
    cap_free(wanted);
    return done;
}
