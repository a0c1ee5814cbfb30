#include "control_socket.h"

#include "log.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONTROL_BACKLOG = 8, CONTROL_GROUPS_MAX = 1024 };

static void group_find(struct control_socket *control, const char *name)
{
    const struct group *group = name[0] ? getgrnam(name) : NULL;

    control->has_group = group;
    control->group = group ? group->gr_gid : 0;
}

static bool directory_make(const char *path, struct err *err)
{
    char folder[CONTROL_PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        return true;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (mkdir(folder, 0755) == 0 || errno == EEXIST)
        return true;
    err_errno(err, "cannot make the directory %s", folder);
    return false;
}

/* A file is left behind when a supervisor was killed. */
static bool leftover_remove(int fd, const struct sockaddr_un *at, struct err *err)
{
    struct stat status;

    if (lstat(at->sun_path, &status) || !S_ISSOCK(status.st_mode)) {
        err_set(err, "%s is there already, and no socket", at->sun_path);
        return false;
    }
    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0) {
        err_set(err, "another p11gate listens at %s", at->sun_path);
        return false;
    }
    if (errno != ECONNREFUSED || unlink(at->sun_path)) {
        err_errno(err, "%s is left from before and cannot be replaced", at->sun_path);
        return false;
    }
    return true;
}

/*
 * The file is born with its rights: its group is the effective one at that moment, because the capability to
 * give files away is not ours.
 */
static bool bind_as_group(int fd, const struct sockaddr_un *at, const struct control_socket *control)
{
    gid_t own = getegid();
    mode_t mask = umask(0117);
    bool changed = control->has_group && setegid(control->group) == 0;
    bool done = bind(fd, (const struct sockaddr *)at, sizeof *at) == 0;
    int error = errno;

    if (changed && setegid(own) != 0) {
        error = errno;
        done = false;
    }
    (void)umask(mask);
    errno = error;
    return done;
}

static bool control_bind(struct control_socket *control, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int probe;
    bool free;

    memcpy(at.sun_path, control->path, sizeof control->path);
    if (bind_as_group(control->fd, &at, control))
        return true;
    if (errno != EADDRINUSE) {
        err_errno(err, "%s", control->path);
        return false;
    }
    probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    free = probe >= 0 && leftover_remove(probe, &at, err);
    if (probe >= 0)
        close(probe);
    if (!free)
        return false;
    if (bind_as_group(control->fd, &at, control))
        return true;
    err_errno(err, "%s", control->path);
    return false;
}

bool control_socket_open(const char *path, const char *group, struct control_socket *out, struct err *err)
{
    struct stat status;

    *out = CONTROL_SOCKET_NONE;
    if (strlen(path) >= CONTROL_PATH_MAX) {
        err_set(err, "%s has more than %d bytes", path, CONTROL_PATH_MAX - 1);
        return false;
    }
    memcpy(out->path, path, strlen(path) + 1);
    group_find(out, group);
    if (!directory_make(path, err))
        return false;
    out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->fd < 0) {
        err_errno(err, "cannot open a socket");
        return false;
    }
    if (!control_bind(out, err)) {
        close(out->fd);
        out->fd = -1;
        return false;
    }
    if (listen(out->fd, CONTROL_BACKLOG) || stat(path, &status)) {
        err_errno(err, "%s", path);
        control_socket_close(out);
        return false;
    }
    out->device = status.st_dev;
    out->inode = status.st_ino;
    return true;
}

void control_socket_regroup(struct control_socket *control, const char *group)
{
    gid_t own = getegid();

    group_find(control, group);
    /* The owner of a file may give it to a group that it is in. */
    if (!control->has_group || setegid(control->group) == 0) {
        bool given = chown(control->path, (uid_t)-1, control->has_group ? control->group : own) == 0;

        if (setegid(own) != 0 || !given)
            log_event(LOG_LEVEL_WARNING, "control-without-group", "the control socket keeps its group: %s",
                      strerror(errno));
    }
}

void control_socket_close(struct control_socket *control)
{
    struct stat status;

    if (control->fd < 0)
        return;
    close(control->fd);
    if (stat(control->path, &status) == 0 && status.st_dev == control->device &&
        status.st_ino == control->inode)
        (void)unlink(control->path);
    *control = CONTROL_SOCKET_NONE;
}

/* SO_PEERCRED tells the primary group only. */
static bool is_member(const struct control_socket *control, int client, gid_t primary)
{
    gid_t groups[CONTROL_GROUPS_MAX];
    socklen_t len = sizeof groups;

    if (primary == control->group)
        return true;
    if (getsockopt(client, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
        return false;
    for (size_t i = 0; i < len / sizeof groups[0]; i++)
        if (groups[i] == control->group)
            return true;
    return false;
}

bool control_socket_allows(const struct control_socket *control, int client)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) || len != sizeof peer)
        return false;
    return peer.uid == 0 || peer.uid == geteuid() ||
           (control->has_group && is_member(control, client, peer.gid));
}
